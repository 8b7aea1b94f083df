//! What was seen while the measurement's window was open, and the line that says so.

use crate::process::Usage;
use std::cell::{Cell, RefCell};
use std::time::Duration;

/// Counts what ends while it is open.
#[derive(Default)]
pub(crate) struct Window {
    open: Cell<bool>,
    failed: Cell<u64>,
    events: Cell<u64>,
    whole_us: RefCell<Vec<u32>>,
    first_us: RefCell<Vec<u32>>,
}

/// Figures of one measurement.
pub(crate) struct Report {
    seconds: f64,
    failed: u64,
    events: u64,
    whole_us: Vec<u32>,
    first_us: Vec<u32>,
    before: Usage,
    after: Usage,
}

// === impl Window ===

impl Window {
    pub(crate) fn open(&self) {
        self.open.set(true);
    }

    pub(crate) fn close(&self) {
        self.open.set(false);
    }

    pub(crate) fn fail(&self) {
        self.failed.set(self.failed.get() + u64::from(self.open.get()));
    }

    pub(crate) fn succeed(&self, whole: Duration, first: Duration) {
        if self.open.get() {
            let micros = |time: Duration| u32::try_from(time.as_micros()).unwrap_or(u32::MAX);
            self.whole_us.borrow_mut().push(micros(whole));
            self.first_us.borrow_mut().push(micros(first));
        }
    }

    /// Counts the blank lines that end events; `previous` is the byte before this piece.
    pub(crate) fn count_events(&self, piece: &[u8], previous: &mut u8) {
        let mut events = 0;
        for &byte in piece {
            events += u64::from(byte == b'\n' && *previous == b'\n');
            *previous = byte;
        }
        if self.open.get() {
            self.events.set(self.events.get() + events);
        }
    }

    pub(crate) fn report(&self, time: Duration, before: Usage, after: Usage) -> Report {
        let sorted = |times: &RefCell<Vec<u32>>| {
            let mut times = times.take();
            times.sort_unstable();
            times
        };
        Report {
            seconds: time.as_secs_f64(),
            failed: self.failed.get(),
            events: self.events.get(),
            whole_us: sorted(&self.whole_us),
            first_us: sorted(&self.first_us),
            before,
            after,
        }
    }
}

// === impl Report ===

impl Report {
    #[expect(clippy::print_stdout, reason = "the report is what the program is for")]
    pub(crate) fn print(&self) {
        let answered = self.whole_us.len() as f64;
        let cpu_us = self.after.cpu.saturating_sub(self.before.cpu).as_secs_f64() * 1e6;
        let per = |count: f64| if count > 0.0 { cpu_us / count } else { 0.0 };
        println!(
            "{{\"answered\":{answered},\"failed\":{},\"per_second\":{:.1},\"cpu_us_per_request\":{:.3},\
             \"cpu_percent\":{:.1},\"p50_us\":{},\"p99_us\":{},\"first_p50_us\":{},\"first_p99_us\":{},\"events\":{},\
             \"cpu_us_per_event\":{:.3},\"rss_kb_before\":{},\"rss_kb\":{},\"steal_percent\":{:.2}}}",
            self.failed,
            answered / self.seconds,
            per(answered),
            cpu_us / self.seconds / 1e4,
            quantile(&self.whole_us, 0.5),
            quantile(&self.whole_us, 0.99),
            quantile(&self.first_us, 0.5),
            quantile(&self.first_us, 0.99),
            self.events,
            per(self.events as f64),
            self.before.rss_kb,
            self.after.rss_kb,
            self.after.steal_percent_since(&self.before),
        );
    }
}

fn quantile(sorted: &[u32], quantile: f64) -> u32 {
    let rank = (quantile * sorted.len().saturating_sub(1) as f64).round();
    sorted.get(rank as usize).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_counted_across_pieces() {
        let window = Window::default();
        window.open();
        let mut previous = 0;
        for piece in ["data: a\n", "\ndata: b\n\nda", "ta: c\n\n"] {
            window.count_events(piece.as_bytes(), &mut previous);
        }
        assert_eq!(window.events.get(), 3);
    }

    #[test]
    fn quantiles_are_of_the_sorted_times() {
        let times: Vec<u32> = (1..=101).collect();
        assert_eq!((quantile(&times, 0.5), quantile(&times, 0.99), quantile(&[], 0.5)), (51, 100, 0));
    }
}
