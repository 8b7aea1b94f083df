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
        let writer =
            thread::Builder::new().name("access-log".to_owned()).spawn(move || write_all(&queue, out, INTERVAL))?;
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
fn write_all(queue: &Receiver<String>, mut out: impl Write, interval: Duration) {
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
            thread::park_timeout(interval);
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

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;
    use std::sync::mpsc::{Sender, channel};

    use super::*;
    use crate::observe::Metrics;
    use crate::observe::event::Exchange;
    use crate::observe::metrics::tests::exchange;

    /// Passes on what is written; waits before each write while the gate is shut.
    struct Pipe {
        out: Sender<String>,
        gate: Option<Receiver<()>>,
    }

    impl Write for Pipe {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if let Some(gate) = &self.gate {
                // Opened for good when its sender is dropped.
                let _ = gate.recv();
            }
            self.out.send(String::from_utf8_lossy(bytes).into_owned()).map_err(io::Error::other)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn start(gate: Option<Receiver<()>>) -> (AccessLog, thread::JoinHandle<()>, Receiver<String>, LinesDropped) {
        let (out, read) = channel();
        let dropped = Metrics::new().unwrap().lines_dropped();
        let clock = Clock::standing_at(std::time::UNIX_EPOCH);
        let pipe = Pipe { out, gate };
        let (log, writer) = AccessLog::start(pipe, LineFormat::Json, clock, dropped.clone()).unwrap();
        (log, writer, read, dropped)
    }

    fn end(log: &AccessLog, change: impl Fn(&mut Exchange<'_>)) {
        let (endpoint, pool): (Arc<str>, Arc<str>) = ("eu".into(), "cloud".into());
        let mut exchange = exchange(&endpoint, &pool);
        change(&mut exchange);
        log.on(&Event::Ended(&exchange));
    }

    #[test]
    fn lines_arrive_in_order_and_all_are_written_at_the_end() {
        let (log, writer, read, dropped) = start(None);
        for n in 0..100 {
            end(&log, |e| e.attempts = n);
        }
        end(&log, |e| e.log = LogLevel::Off);
        log.on(&Event::Began);
        drop(log);
        writer.join().unwrap();
        let lines: Vec<String> = read.iter().collect();
        assert_eq!(lines.len(), 100, "what is not to be logged is not");
        assert!(lines[0].starts_with(r#"{"time":"1970-01-01T00:00:00.000Z","kind":"access""#), "{}", lines[0]);
        assert!(lines.iter().enumerate().all(|(n, line)| line.contains(&format!("\"attempts\":{n},"))));
        assert_eq!(dropped.total(), 0);
    }

    #[test]
    fn a_writer_that_slept_wakes_for_a_line() {
        let (out, read) = channel();
        let (lines, queue) = sync_channel(LINES_MAX);
        let interval = Duration::from_millis(1);
        let writer = thread::spawn(move || write_all(&queue, Pipe { out, gate: None }, interval));
        for n in 0..3 {
            lines.send(format!("{n}\n")).unwrap();
            assert_eq!(read.recv(), Ok(format!("{n}\n")));
            // Longer than the writer stays awake without work: the next line finds it asleep.
            assert!(read.recv_timeout(interval * (IDLE_INTERVALS + 30)).is_err());
        }
        drop(lines);
        writer.join().unwrap();
    }

    #[test]
    fn a_stuck_reader_costs_lines_and_no_time() {
        let (open, gate) = channel();
        let (log, writer, read, dropped) = start(Some(gate));
        let total = LINES_MAX + 100;
        for _ in 0..total {
            end(&log, |_| {});
        }
        // One line may be in the writer's hand.
        assert!((99..=100).contains(&dropped.total()), "{}", dropped.total());
        drop(open);
        drop(log);
        writer.join().unwrap();
        assert_eq!(read.iter().count() + usize::try_from(dropped.total()).unwrap(), total);
    }

    #[test]
    fn a_reader_that_left_ends_nothing() {
        let (log, writer, read, _) = start(None);
        drop(read);
        end(&log, |_| {});
        drop(log);
        writer.join().unwrap();
    }
}
