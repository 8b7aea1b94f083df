//! How fast an endpoint answers: a quick average for balancing and quantiles for policies and people.
//!
//! Both forget: the average decays, the quantiles cover the last one to two minutes. Losing a sample to a race
//! is accepted here; this is statistics, not accounting.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

/// Time in which an unfed average falls to 1/e. Finagle and linkerd use the same.
const DECAY_SECONDS: f32 = 10.0;

/// Peak-EWMA: jumps up to a slow answer at once and comes down slowly, also without traffic, so that an endpoint
/// that was slow is tried again.
///
/// One word, `average:32 (f32 seconds) | at:32 (ms of the epoch, wrapping)`. Zero: no sample yet.
/// After Finagle's `PeakEwma`, <https://twitter.github.io/finagle/guide/Clients.html#power-of-two-choices-p2c-least-loaded>.
#[derive(Debug, Default)]
pub(crate) struct PeakEwma(AtomicU64);

/// Samples of the last one to two [`GENERATION`]s in log-linear buckets, four to an octave.
#[derive(Debug)]
pub(crate) struct Quantiles {
    /// Number of the generation that is being filled.
    current: AtomicU64,
    generations: [Buckets; 2],
}

type Buckets = [AtomicU32; BUCKETS];

/// Merged samples, from which quantiles are read.
#[derive(Clone, Debug)]
pub(crate) struct Samples([u64; BUCKETS]);

/// Milliseconds that one generation lasts.
const GENERATION: u64 = 60_000;
const BUCKETS: usize = 93;
/// log2 of the smallest bucket's end, in microseconds.
const FIRST_OCTAVE: u32 = 7;

// === impl PeakEwma ===

impl PeakEwma {
    pub(crate) fn record(&self, now: u64, took: Duration) {
        let sample = took.as_secs_f32();
        // The closure always gives a value, so the update cannot fail.
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |word| {
            let (average, elapsed) = unpack(word, now);
            let keep = (-elapsed / DECAY_SECONDS).exp();
            let next = if sample > average { sample } else { average * keep + sample * (1.0 - keep) };
            Some(u64::from(next.max(f32::MIN_POSITIVE).to_bits()) << 32 | at(now))
        });
    }

    /// Counts a failure as an answer twice as slow as usual, so that failing fast attracts nobody.
    pub(crate) fn punish(&self, now: u64, took: Duration) {
        let usual = self.seconds(now).unwrap_or_default().min(PUNISHED_SECONDS_MAX / 2.0);
        self.record(now, took.max(Duration::from_secs_f32(usual * 2.0)));
    }

    /// The average in seconds; `None` before the first sample.
    pub(crate) fn seconds(&self, now: u64) -> Option<f32> {
        let word = self.0.load(Ordering::Relaxed);
        let (average, elapsed) = unpack(word, now);
        (word != 0).then(|| average * (-elapsed / DECAY_SECONDS).exp())
    }
}

const PUNISHED_SECONDS_MAX: f32 = 60.0;

fn at(now: u64) -> u64 {
    now & u64::from(u32::MAX)
}

/// Average, and seconds since it was written.
fn unpack(word: u64, now: u64) -> (f32, f32) {
    let average = u32::try_from(word >> 32).map_or(0.0, f32::from_bits);
    let elapsed = at(now).wrapping_sub(at(word)) & u64::from(u32::MAX);
    // Threads read the clock before they come here: a write from "the future" is no 49 days old.
    let elapsed = if elapsed > u64::from(u32::MAX / 2) { 0 } else { elapsed };
    (average, Duration::from_millis(elapsed).as_secs_f32())
}

// === impl Quantiles ===

impl Default for Quantiles {
    fn default() -> Self {
        let buckets = || std::array::from_fn(|_| AtomicU32::new(0));
        Self { current: AtomicU64::new(0), generations: [buckets(), buckets()] }
    }
}

impl Quantiles {
    pub(crate) fn record(&self, now: u64, took: Duration) {
        let generation = now / GENERATION;
        self.turn_to(generation);
        let [even, odd] = &self.generations;
        let buckets = if generation.is_multiple_of(2) { even } else { odd };
        if let Some(bucket) = buckets.get(bucket_of(took)) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Adds what is remembered to `samples`.
    pub(crate) fn collect(&self, now: u64, samples: &mut Samples) {
        self.turn_to(now / GENERATION);
        for buckets in &self.generations {
            for (sum, bucket) in samples.0.iter_mut().zip(buckets) {
                *sum += u64::from(bucket.load(Ordering::Relaxed));
            }
        }
    }

    /// Begins a new generation, if it is time, by emptying the buckets of the one before the last.
    fn turn_to(&self, generation: u64) {
        let current = self.current.load(Ordering::Relaxed);
        if generation <= current
            || self.current.compare_exchange(current, generation, Ordering::AcqRel, Ordering::Relaxed).is_err()
        {
            return;
        }
        let [even, odd] = &self.generations;
        let (next, last) = if generation.is_multiple_of(2) { (even, odd) } else { (odd, even) };
        let clear = |buckets: &Buckets| buckets.iter().for_each(|b| b.store(0, Ordering::Relaxed));
        clear(next);
        if generation > current + 1 {
            clear(last);
        }
    }
}

// === impl Samples ===

impl Default for Samples {
    fn default() -> Self {
        Self([0; BUCKETS])
    }
}

impl Samples {
    /// The latency that `per_cent` of the answers did not exceed; zero without samples.
    pub(crate) fn quantile(&self, per_cent: u64) -> Duration {
        let total: u64 = self.0.iter().sum();
        let rank = (total * per_cent).div_ceil(100).max(1);
        let mut seen = 0;
        for (index, count) in self.0.iter().enumerate() {
            if seen + count >= rank {
                let (from, to) = bounds(index);
                // Straight line inside the bucket.
                return Duration::from_micros(from + (to - from) * (rank - seen) / (*count).max(1));
            }
            seen += count;
        }
        Duration::ZERO
    }
}

fn bucket_of(took: Duration) -> usize {
    let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(1);
    let octave = micros.ilog2();
    if octave < FIRST_OCTAVE {
        return 0;
    }
    let quarter = micros >> (octave - 2) & 3;
    let index = u64::from(octave - FIRST_OCTAVE) * 4 + quarter + 1;
    usize::try_from(index).map_or(BUCKETS - 1, |i| i.min(BUCKETS - 1))
}

/// First and one past the last microsecond of a bucket.
fn bounds(index: usize) -> (u64, u64) {
    let Some(index) = index.checked_sub(1).and_then(|i| u32::try_from(i).ok()) else {
        return (0, 1 << FIRST_OCTAVE);
    };
    let octave = FIRST_OCTAVE + index / 4;
    let quarter = 1_u64 << (octave - 2);
    let from = (1 << octave) + u64::from(index % 4) * quarter;
    (from, from + quarter)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn the_average_jumps_up_and_comes_down_slowly() {
        let ewma = PeakEwma::default();
        assert_eq!(ewma.seconds(1), None);
        ewma.record(1, ms(100));
        ewma.record(1, ms(2_000));
        assert!((ewma.seconds(1).unwrap() - 2.0).abs() < 0.01);
        ewma.record(1_001, ms(100));
        let after = ewma.seconds(1_001).unwrap();
        assert!(after > 1.7 && after < 2.0, "{after}");
        assert!(ewma.seconds(60_001).unwrap() < 0.01, "it is forgotten without traffic");
    }

    #[test]
    fn failing_fast_looks_slow() {
        let ewma = PeakEwma::default();
        ewma.record(1, ms(200));
        ewma.punish(1, ms(1));
        assert!((ewma.seconds(1).unwrap() - 0.4).abs() < 0.01);
        (0..50).for_each(|_| ewma.punish(1, ms(1)));
        assert!(ewma.seconds(1).unwrap() <= PUNISHED_SECONDS_MAX);
    }

    #[test]
    fn quantiles_forget_after_two_generations() {
        let quantiles = Quantiles::default();
        (0..100).for_each(|n| quantiles.record(1, ms(n + 1)));
        let read = |now, q| {
            let mut samples = Samples::default();
            quantiles.collect(now, &mut samples);
            samples.quantile(q)
        };
        assert!(read(1, 50) > ms(40) && read(1, 50) < ms(60), "{:?}", read(1, 50));
        assert!(read(GENERATION, 95) > ms(85) && read(GENERATION, 95) < ms(105));
        assert_eq!(read(GENERATION * 2, 95), Duration::ZERO);
    }

    #[test]
    fn one_sample_is_every_quantile() {
        let quantiles = Quantiles::default();
        quantiles.record(1, ms(1_000));
        let mut samples = Samples::default();
        quantiles.collect(1, &mut samples);
        assert_eq!(samples.quantile(1), samples.quantile(99));
        assert!(samples.quantile(50).abs_diff(ms(1_000)) < ms(250));
    }

    proptest! {
        #[test]
        fn a_bucket_holds_what_is_put_into_it(micros in 0_u64..1 << 29) {
            let (from, to) = bounds(bucket_of(Duration::from_micros(micros)));
            prop_assert!(from <= micros && micros < to, "{micros} in {from}..{to}");
        }
    }
}
