//! A gate that closes for a while and then lets a few trials through before it opens again.
//!
//! Ejection, an open breaker and a vendor's `Retry-After` are all such a gate; why it closed is its owner's
//! business.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use super::time::span_millis;

/// Closed until an instant, then half open until enough trials succeeded. Lock-free.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    /// Closed before this millisecond of the epoch; 0 when open.
    until: AtomicU64,
    /// How long it was closed for, in milliseconds: a failed trial closes it for as long again.
    span: AtomicU64,
    /// Trials that have not ended.
    trials: AtomicU32,
    /// Trials that succeeded since it was closed.
    wins: AtomicU32,
    /// Trials at once, and successes that open it.
    needed: AtomicU32,
}

/// What a gate says to one who wants through.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Admission {
    /// Come in.
    Open,
    /// Only as a trial: [`Gate::try_claim`] first.
    Trial,
    /// Not now.
    Closed,
}

impl Gate {
    pub(crate) fn look(&self, now: u64) -> Admission {
        match self.until.load(Ordering::Relaxed) {
            0 => Admission::Open,
            until if now < until => Admission::Closed,
            _past if self.trials.load(Ordering::Relaxed) < self.needed.load(Ordering::Relaxed) => Admission::Trial,
            _past => Admission::Closed,
        }
    }

    /// Takes a place for one trial; whoever got one must call [`Gate::release`].
    pub(crate) fn try_claim(&self) -> bool {
        let needed = self.needed.load(Ordering::Relaxed);
        self.trials
            .fetch_update(Ordering::AcqRel, Ordering::Relaxed, |taken| (taken < needed).then_some(taken + 1))
            .is_ok()
    }

    pub(crate) fn release(&self) {
        // INVARIANT: paired with a successful `try_claim`, so this never wraps.
        self.trials.fetch_sub(1, Ordering::AcqRel);
    }

    /// Closes the gate from `now` for `span`; never shortens what is already decided. True when it was not closed.
    pub(crate) fn close(&self, now: u64, span: Duration, needed: u32) -> bool {
        let span = span_millis(span).max(1);
        self.needed.store(needed.max(1), Ordering::Relaxed);
        self.span.store(span, Ordering::Relaxed);
        self.wins.store(0, Ordering::Relaxed);
        self.until.fetch_max(now.saturating_add(span), Ordering::AcqRel) <= now
    }

    /// A trial failed: closed for as long again.
    pub(crate) fn close_again(&self, now: u64) {
        let span = Duration::from_millis(self.span.load(Ordering::Relaxed));
        self.close(now, span, self.needed.load(Ordering::Relaxed));
    }

    /// A trial succeeded. True when that opened the gate.
    pub(crate) fn win(&self) -> bool {
        let wins = self.wins.fetch_add(1, Ordering::AcqRel) + 1;
        wins >= self.needed.load(Ordering::Relaxed) && self.until.swap(0, Ordering::AcqRel) != 0
    }

    /// How long it stays closed; `None` when it is open or half open.
    pub(crate) fn closed_for(&self, now: u64) -> Option<Duration> {
        let left = self.until.load(Ordering::Relaxed).saturating_sub(now);
        (left > 0).then(|| Duration::from_millis(left))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn it_closes_then_tries_then_opens() {
        let gate = Gate::default();
        assert_eq!(gate.look(1), Admission::Open);
        gate.close(1, SECOND, 1);
        assert_eq!(gate.look(1_000), Admission::Closed);
        assert_eq!(gate.closed_for(501), Some(Duration::from_millis(500)));
        assert_eq!(gate.look(1_001), Admission::Trial);
        assert!(gate.try_claim());
        assert!(!gate.try_claim(), "one trial at a time");
        assert_eq!(gate.look(1_001), Admission::Closed);
        assert!(gate.win());
        gate.release();
        assert_eq!(gate.look(1_001), Admission::Open);
    }

    #[test]
    fn a_failed_trial_closes_it_for_as_long_again() {
        let gate = Gate::default();
        gate.close(1, SECOND, 1);
        assert!(gate.try_claim());
        gate.close_again(2_000);
        gate.release();
        assert_eq!(gate.look(2_999), Admission::Closed);
        assert_eq!(gate.look(3_000), Admission::Trial);
    }

    #[test]
    fn several_trials_must_all_succeed() {
        let gate = Gate::default();
        gate.close(1, SECOND, 3);
        assert!(gate.try_claim() && gate.try_claim() && gate.try_claim());
        assert!(!gate.try_claim());
        assert!(!gate.win());
        assert!(!gate.win());
        assert!(gate.win());
    }

    #[test]
    fn a_shorter_hold_does_not_shorten_a_longer_one() {
        let gate = Gate::default();
        gate.close(1, 10 * SECOND, 1);
        gate.close(1, SECOND, 1);
        assert_eq!(gate.look(9_000), Admission::Closed);
    }
}
