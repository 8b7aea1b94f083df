//! Two counters over a sliding window of time, exact under concurrency and without a lock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::time::span_millis;

const SLOTS: u64 = 8;
const COUNT_BITS: u32 = 20;
const COUNT_MAX: u64 = (1 << COUNT_BITS) - 1;
const AGE_MASK: u64 = (1 << 24) - 1;

/// Counts events of two kinds over the last [`SLOTS`] slots of time.
///
/// One slot is one word, `age:24 | all:20 | marked:20`, so that turning a slot over and counting in it are one
/// atomic step. A slot saturates at a million events. The slot's length belongs to the caller, who may change it
/// with its configuration.
#[derive(Debug, Default)]
pub(crate) struct Window {
    slots: [AtomicU64; 8],
}

/// What a [`Window`] has seen.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Counts {
    /// Events.
    pub(crate) all: u64,
    /// Events that were marked: failures, retries.
    pub(crate) marked: u64,
}

// === impl Counts ===

impl Counts {
    /// Marked events as a share of all, in per cent.
    pub(crate) fn marked_percent(self) -> f64 {
        let share = |n: u64| f64::from(u32::try_from(n).unwrap_or(u32::MAX));
        if self.all == 0 { 0.0 } else { share(self.marked) * 100.0 / share(self.all) }
    }
}

impl std::ops::Add for Counts {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { all: self.all + other.all, marked: self.marked + other.marked }
    }
}

// === impl Window ===

impl Window {
    /// Counts one event.
    pub(crate) fn add(&self, now: u64, over: Duration, marked: bool) {
        let tick = tick(now, over);
        let Some(slot) = usize::try_from(tick % SLOTS).ok().and_then(|i| self.slots.get(i)) else { return };
        let age = tick & AGE_MASK;
        // The closure always gives a value, so the update cannot fail.
        let _ = slot.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |word| {
            let (all, hits) = if word >> (2 * COUNT_BITS) == age { unpack(word) } else { (0, 0) };
            let all = (all + 1).min(COUNT_MAX);
            let hits = (hits + u64::from(marked)).min(COUNT_MAX);
            Some(age << (2 * COUNT_BITS) | all << COUNT_BITS | hits)
        });
    }

    /// What was counted during `over`.
    pub(crate) fn counts(&self, now: u64, over: Duration) -> Counts {
        let age = tick(now, over) & AGE_MASK;
        let live = |word: &u64| age.wrapping_sub(word >> (2 * COUNT_BITS)) & AGE_MASK < SLOTS;
        self.slots.iter().map(|slot| slot.load(Ordering::Relaxed)).filter(live).fold(
            Counts::default(),
            |sum, word| {
                let (all, marked) = unpack(word);
                sum + Counts { all, marked }
            },
        )
    }

    /// Forgets everything.
    pub(crate) fn clear(&self) {
        for slot in &self.slots {
            slot.store(0, Ordering::Relaxed);
        }
    }
}

/// Number of the slot of time that `now` lies in.
fn tick(now: u64, over: Duration) -> u64 {
    now / (span_millis(over) / SLOTS).max(1)
}

fn unpack(word: u64) -> (u64, u64) {
    (word >> COUNT_BITS & COUNT_MAX, word & COUNT_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OVER: Duration = Duration::from_secs(8);

    #[test]
    fn events_leave_the_window_slot_by_slot() {
        let window = Window::default();
        for second in 0..8 {
            window.add(second * 1_000, OVER, second % 2 == 0);
        }
        assert_eq!(window.counts(7_999, OVER), Counts { all: 8, marked: 4 });
        assert_eq!(window.counts(8_000, OVER), Counts { all: 7, marked: 3 });
        assert_eq!(window.counts(14_999, OVER), Counts { all: 1, marked: 0 });
        assert_eq!(window.counts(15_000, OVER), Counts::default());
    }

    #[test]
    fn a_slot_is_turned_over() {
        let window = Window::default();
        window.add(10, OVER, true);
        window.add(8_010, OVER, false);
        assert_eq!(window.counts(8_010, OVER), Counts { all: 1, marked: 0 });
    }

    #[test]
    fn nothing_is_lost_between_threads() {
        let window = Window::default();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..5_000).for_each(|n| window.add(n, OVER, n % 5 == 0)));
            }
        });
        assert_eq!(window.counts(5_000, OVER), Counts { all: 20_000, marked: 4_000 });
        assert!((window.counts(5_000, OVER).marked_percent() - 20.0).abs() < f64::EPSILON);
    }

    #[test]
    fn counts_saturate() {
        let window = Window::default();
        window.slots[0].store(COUNT_MAX << COUNT_BITS | COUNT_MAX, Ordering::Relaxed);
        window.add(0, OVER, true);
        assert_eq!(window.counts(0, OVER), Counts { all: COUNT_MAX, marked: COUNT_MAX });
    }
}
