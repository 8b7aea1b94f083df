//! What the process knows about one endpoint, whatever pools and snapshots it is in.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use super::gate::{Admission, Gate};
use super::latency::{PeakEwma, Quantiles};
use super::window::{Counts, Window};

/// Window of `live.*.error_rate`.
pub(crate) const ERROR_RATE_OVER: Duration = Duration::from_secs(30);

/// Live state of an endpoint. Lives as long as a snapshot or a lease holds it.
#[derive(Debug)]
pub struct EndpointState {
    pub(crate) name: Arc<str>,
    in_flight: AtomicU32,
    /// An operator's word.
    drained: AtomicBool,
    /// The active health check's word.
    down: AtomicBool,
    /// Closed by `Retry-After` and 429.
    pub(crate) busy: Gate,
    pub(crate) ewma: PeakEwma,
    pub(crate) quantiles: Quantiles,
    outcomes: Window,
}

/// What one pool has seen of one endpoint: the grounds on which that pool ejects it.
#[derive(Debug, Default)]
pub(crate) struct MemberState {
    /// Failures without a success between them.
    pub(crate) consecutive: AtomicU32,
    /// Closed by ejection and by the breaker.
    pub(crate) out: Gate,
    pub(crate) breaker: Window,
}

// === impl EndpointState ===

impl EndpointState {
    pub(crate) fn new(name: Arc<str>) -> Self {
        Self {
            name,
            in_flight: AtomicU32::new(0),
            drained: AtomicBool::new(false),
            down: AtomicBool::new(false),
            busy: Gate::default(),
            ewma: PeakEwma::default(),
            quantiles: Quantiles::default(),
            outcomes: Window::default(),
        }
    }

    /// Requests in flight, in all pools and snapshots.
    #[must_use]
    pub fn in_flight(&self) -> u32 {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Whether an operator drained it.
    #[must_use]
    pub fn is_drained(&self) -> bool {
        self.drained.load(Ordering::Relaxed)
    }

    /// Whether its active health check says that it is down.
    #[must_use]
    pub fn is_down(&self) -> bool {
        self.down.load(Ordering::Relaxed)
    }

    /// Whether it may be used at all, as far as no single pool is concerned.
    pub(crate) fn admission(&self, now: u64) -> Admission {
        if self.is_drained() || self.is_down() { Admission::Closed } else { self.busy.look(now) }
    }

    pub(crate) fn set_drained(&self, drained: bool) -> bool {
        self.drained.swap(drained, Ordering::AcqRel) != drained
    }

    pub(crate) fn set_down(&self, down: bool) -> bool {
        self.down.swap(down, Ordering::AcqRel) != down
    }

    pub(crate) fn has_room(&self, capacity: Option<u32>) -> bool {
        capacity.is_none_or(|most| self.in_flight() < most)
    }

    /// Counts one more request in flight unless that would exceed `capacity`.
    pub(crate) fn try_enter(&self, capacity: Option<u32>) -> bool {
        let Some(most) = capacity else {
            self.in_flight.fetch_add(1, Ordering::AcqRel);
            return true;
        };
        self.in_flight.fetch_update(Ordering::AcqRel, Ordering::Relaxed, |n| (n < most).then_some(n + 1)).is_ok()
    }

    pub(crate) fn leave(&self) {
        // INVARIANT: paired with a successful `try_enter`, so this never wraps.
        self.in_flight.fetch_sub(1, Ordering::AcqRel);
    }

    pub(crate) fn count_outcome(&self, now: u64, failed: bool) {
        self.outcomes.add(now, ERROR_RATE_OVER, failed);
    }

    pub(crate) fn outcomes(&self, now: u64) -> Counts {
        self.outcomes.counts(now, ERROR_RATE_OVER)
    }
}
