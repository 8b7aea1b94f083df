//! The access log: one line for each exchange, written by a thread of its own.
//!
//! A request never waits for a terminal or a disk: lines go into a bounded queue, and when that is full they are
//! counted and dropped. While lines come, the writer looks for them at intervals instead of being woken for each,
//! so that a request pays no system call for its line.

use std::io::Write;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError, sync_channel};
use std::thread;
use std::time::Duration;

use weir_dsl::hir::LogLevel;

use super::event::{Event, Observer};
use super::line::LineFormat;
use super::metrics::LinesDropped;
use crate::clock::{self, Clock};

/// Lines that wait to be written, at most.
pub const LINES_MAX: usize = 8_192;
/// How long lines may wait before they are written.
const INTERVAL: Duration = Duration::from_millis(50);
/// Intervals without a line after which the writer sleeps until the next one.
const IDLE_INTERVALS: u32 = 20;

/// Writes access lines.
#[derive(Debug)]
pub struct AccessLog {
    lines: SyncSender<String>,
    dropped: LinesDropped,
    format: LineFormat,
    clock: Clock,
}

impl AccessLog {
    /// Starts the writer. It ends, with everything written, when the log is dropped.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(
        out: impl Write + Send + 'static,
        format: LineFormat,
        clock: Clock,
        dropped: LinesDropped,
    ) -> std::io::Result<(Self, thread::JoinHandle<()>)> {
        let (lines, queue) = sync_channel(LINES_MAX);
        let writer = thread::Builder::new().name("access-log".to_owned()).spawn(move || write_all(&queue, out))?;
        Ok((Self { lines, dropped, format, clock }, writer))
    }
}

impl Observer for AccessLog {
    fn on(&self, event: &Event<'_>) {
        let Event::Ended(exchange) = event else { return };
        if exchange.log == LogLevel::Off {
            return;
        }
        let line = self.format.line(&clock::rfc3339(self.clock.now()), exchange);
        match self.lines.try_send(line) {
            Ok(()) => {}
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => self.dropped.count(),
        }
    }
}

/// Writes what comes until nobody can send any more.
fn write_all(queue: &Receiver<String>, mut out: impl Write) {
    let mut idle = 0;
    loop {
        let mut wrote = false;
        loop {
            match queue.try_recv() {
                Ok(line) => {
                    put(&mut out, &line);
                    wrote = true;
                }
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => return flush(&mut out),
            }
        }
        if wrote {
            flush(&mut out);
        }
        idle = if wrote { 0 } else { idle + 1 };
        if idle < IDLE_INTERVALS {
            thread::park_timeout(INTERVAL);
        } else if let Ok(line) = queue.recv() {
            idle = 0;
            put(&mut out, &line);
            flush(&mut out);
        } else {
            return flush(&mut out);
        }
    }
}

/// A reader that went away must not end the process, and there is nobody to tell.
fn put(out: &mut impl Write, line: &str) {
    drop(out.write_all(line.as_bytes()));
}

fn flush(out: &mut impl Write) {
    drop(out.flush());
}
