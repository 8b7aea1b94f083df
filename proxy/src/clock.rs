//! The one door for wall time and for randomness.
//!
//! Monotonic time is `tokio::time::Instant`, which tests pause; wall time and dice come from here, as values
//! that tests make themselves. This module refuses to know what anybody does with them.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Wall time: the system's, or one that stands still until it is told to move.
#[derive(Clone, Debug, Default)]
pub struct Clock(Option<std::sync::Arc<AtomicU64>>);

/// A small fast generator for choices that need not be secret: balancing, sampling, request ids.
///
/// SplitMix64 (Steele, Lea and Flood, OOPSLA 2014). One per worker or per snapshot; drawing takes `&self`.
#[derive(Debug)]
pub struct Dice(AtomicU64);

// === impl Clock ===

impl Clock {
    /// The system's clock.
    #[must_use]
    pub fn system() -> Self {
        Self(None)
    }

    /// A clock that stands at this instant.
    #[must_use]
    pub fn standing_at(at: SystemTime) -> Self {
        Self(Some(std::sync::Arc::new(AtomicU64::new(millis(at)))))
    }

    /// Moves a standing clock; the system's clock does not move.
    pub fn advance(&self, by: Duration) {
        if let Some(at) = &self.0 {
            at.fetch_add(u64::try_from(by.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
        }
    }

    /// Now.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the door")]
    pub fn now(&self) -> SystemTime {
        match &self.0 {
            None => SystemTime::now(),
            Some(at) => UNIX_EPOCH + Duration::from_millis(at.load(Ordering::Relaxed)),
        }
    }

    /// Now, in milliseconds since 1970 (UTC).
    #[must_use]
    pub fn unix_millis(&self) -> u64 {
        millis(self.now())
    }
}

// === impl Dice ===

impl Dice {
    /// Seeded by the operating system.
    #[must_use]
    pub fn random() -> Self {
        let mut hasher = RandomState::new().build_hasher();
        hasher.write_u64(millis(Clock::system().now()));
        Self::seeded(hasher.finish())
    }

    /// The same sequence for the same seed.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    /// The next 64 random bits.
    #[must_use]
    pub fn roll(&self) -> u64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut z = self.0.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number in `0..bound`; 0 when `bound` is 0.
    #[must_use]
    pub fn below(&self, bound: u64) -> u64 {
        // Multiply-shift (Lemire 2019); the bias of at most bound/2^64 does not matter for balancing.
        let wide = u128::from(self.roll()) * u128::from(bound);
        u64::try_from(wide >> 64).unwrap_or(0)
    }
}

/// An instant in milliseconds since 1970; 0 before it.
fn millis(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH).map_or(0, |d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_standing_clock_moves_only_when_told() {
        let clock = Clock::standing_at(UNIX_EPOCH + Duration::from_secs(1_000));
        assert_eq!(clock.unix_millis(), 1_000_000);
        clock.advance(Duration::from_millis(5));
        assert_eq!(clock.unix_millis(), 1_000_005);
    }

    #[test]
    fn splitmix_gives_the_published_sequence() {
        // First outputs for seed 1234567, from the reference implementation (prng.di.unimi.it/splitmix64.c).
        let dice = Dice::seeded(1_234_567);
        let got: Vec<u64> = (0..3).map(|_| dice.roll()).collect();
        assert_eq!(got, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn below_stays_below() {
        let dice = Dice::seeded(7);
        assert!((0..1_000).all(|_| dice.below(3) < 3));
        assert_eq!(dice.below(0), 0);
    }
}
