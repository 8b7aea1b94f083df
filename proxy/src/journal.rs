//! What the process says about itself: one line for each message on standard error, as text or as JSON.
//!
//! Messages name rules, endpoints and addresses, never a prompt, an answer or a secret. Libraries are heard from
//! `warn` on only, and pingora's proxy not at all: what they say beyond that quotes requests, with the keys in their
//! queries. This module refuses to know about requests; the access log is `observe`'s.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};

use log::{LevelFilter, Metadata, Record};
use serde::Serialize;

use crate::clock::{self, Clock};
use crate::conf::{Log, LogFormat};

/// The one logger of the process.
struct Journal {
    json: AtomicBool,
}

static JOURNAL: Journal = Journal { json: AtomicBool::new(false) };

#[derive(Serialize)]
struct Line<'a> {
    time: &'a str,
    level: &'static str,
    target: &'a str,
    message: &'a str,
}

/// Starts to write, or changes how. A panic is reported by its place alone: its message may quote a request.
pub fn start(settings: &Log) {
    JOURNAL.json.store(settings.format == LogFormat::Json, Ordering::Relaxed);
    log::set_max_level(settings.level);
    // A second call finds the logger already set, which is right.
    if log::set_logger(&JOURNAL).is_ok() {
        std::panic::set_hook(Box::new(|panic| {
            let place = panic.location().map_or_else(String::new, ToString::to_string);
            log::error!("bug: panicked at {place}");
        }));
    }
}

// === impl Journal ===

impl log::Log for Journal {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let target = metadata.target();
        let most = if target.starts_with("weir") {
            LevelFilter::Trace
        } else if target.starts_with("pingora_proxy") {
            LevelFilter::Off
        } else {
            LevelFilter::Warn
        };
        metadata.level() <= log::max_level().min(most)
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            let time = clock::rfc3339(Clock::system().now());
            let line = line(self.json.load(Ordering::Relaxed), &time, record);
            // There is nobody to tell when standard error is closed.
            drop(std::io::stderr().lock().write_all(line.as_bytes()));
        }
    }

    fn flush(&self) {}
}

fn line(json: bool, time: &str, record: &Record<'_>) -> String {
    let message = record.args().to_string();
    if !json {
        return format!("{time} {:5} {}\n", record.level(), message.trim_end());
    }
    let line = Line { time, level: record.level().as_str(), target: record.target(), message: message.trim_end() };
    // Only texts: serialising them into memory cannot fail.
    let mut line = serde_json::to_string(&line).unwrap_or_default();
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use log::Log as _;

    use super::*;

    #[test]
    fn a_line_is_one_line_in_json_whatever_it_says() {
        let record = |args| Record::builder().args(args).level(log::Level::Warn).target("weir::x").build();
        let text = line(true, "T", &record(format_args!("a \"b\"\nc")));
        assert_eq!(
            text,
            "{\"time\":\"T\",\"level\":\"WARN\",\"target\":\"weir::x\",\"message\":\"a \\\"b\\\"\\nc\"}\n"
        );
        assert_eq!(line(false, "T", &record(format_args!("a\n"))), "T WARN  a\n");
    }

    #[test]
    fn libraries_are_heard_from_warn_on() {
        log::set_max_level(LevelFilter::Trace);
        let enabled = |target, level| JOURNAL.enabled(&Metadata::builder().target(target).level(level).build());
        assert!(enabled("weir::edge", log::Level::Debug));
        assert!(enabled("pingora_core::server", log::Level::Warn));
        assert!(!enabled("pingora_core::server", log::Level::Info));
        assert!(!enabled("pingora_proxy", log::Level::Error));
    }
}
