//! How many retries a pool may make, so that retries cannot multiply an outage.

use std::time::Duration;

use super::window::Window;

/// Window over which requests and retries are compared.
const OVER: Duration = Duration::from_secs(10);
/// Retries that are allowed in one window however few requests there were.
const FLOOR: u64 = 50;
/// Share of requests where the policy names none, in per cent.
const DEFAULT_PERCENT: u8 = 20;

/// Retries of the last ten seconds against first tries of the same time.
///
/// After Finagle's `RetryBudget` (share and floor), with a floor that does not add to the share.
#[derive(Debug, Default)]
pub(crate) struct RetryBudget(Window);

impl RetryBudget {
    pub(crate) fn count_request(&self, now: u64) {
        self.0.add(now, OVER, false);
    }

    /// Takes one retry out of the budget; false when it is spent.
    pub(crate) fn try_spend(&self, now: u64, percent: Option<u8>) -> bool {
        let seen = self.0.counts(now, OVER);
        let requests = seen.all.saturating_sub(seen.marked);
        let share = requests * u64::from(percent.unwrap_or(DEFAULT_PERCENT)) / 100;
        let allowed = seen.marked < share.max(FLOOR);
        if allowed {
            self.0.add(now, OVER, true);
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn retries(requests: u64, percent: Option<u8>) -> usize {
        let budget = RetryBudget::default();
        (0..requests).for_each(|_| budget.count_request(1));
        (0..10_000).filter(|_| budget.try_spend(1, percent)).count()
    }

    #[test]
    fn retries_are_a_share_of_requests_with_a_floor() {
        assert_eq!(retries(10_000, None), 2_000);
        assert_eq!(retries(10_000, Some(5)), 500);
        assert_eq!(retries(0, None), 50);
        assert_eq!(retries(100, Some(20)), 50);
    }

    #[test]
    fn a_budget_recovers() {
        let budget = RetryBudget::default();
        assert_eq!((0..100).filter(|_| budget.try_spend(1, None)).count(), 50);
        assert!(!budget.try_spend(5_000, None));
        assert!(budget.try_spend(12_000, None));
    }
}
