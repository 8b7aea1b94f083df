//! Time as the pools see it: milliseconds since the process began, so that an instant fits into an atomic.
//!
//! Every instant comes in as a value; this module reads no clock.

use std::time::Duration;

use tokio::time::Instant;

/// The instant from which all stored times count.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Epoch(Instant);

impl Epoch {
    pub(crate) fn new(now: Instant) -> Self {
        Self(now)
    }

    /// Milliseconds since the epoch, plus one: zero is free to mean "never".
    pub(crate) fn millis(self, now: Instant) -> u64 {
        span_millis(now.saturating_duration_since(self.0)).saturating_add(1)
    }
}

/// A span in whole milliseconds.
pub(crate) fn span_millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
