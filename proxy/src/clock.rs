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

/// An instant as RFC 3339 in UTC with milliseconds: `2026-01-31T23:59:59.000Z`.
#[must_use]
pub fn rfc3339(at: SystemTime) -> String {
    let millis = millis(at);
    let (days, rest) = (millis / 86_400_000, millis % 86_400_000);
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (rest / 3_600_000, rest / 60_000 % 60, rest / 1000 % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", rest % 1000)
}

/// Year, month and day of a day since 1970 (Hinnant, "chrono-Compatible Low-Level Date Algorithms", for days that
/// are not negative).
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
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
    fn dates_are_written_as_rfc_3339_says() {
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400, "2000-02-29T00:00:00.000Z"),
            (1_709_251_199, "2024-02-29T23:59:59.000Z"),
            (1_735_689_600, "2025-01-01T00:00:00.000Z"),
            (4_107_542_400, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(rfc3339(UNIX_EPOCH + Duration::from_secs(seconds)), expected);
        }
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
