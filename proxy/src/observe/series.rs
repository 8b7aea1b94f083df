//! Prepared counters, found again by one hash of their label values.
//!
//! Asking a Prometheus vector for a child hashes every label and takes its lock; here the values are hashed once,
//! compared, and the child is at hand.

use std::hash::{BuildHasherDefault, DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use dashmap::DashMap;

/// Label sets that one family keeps. Policies come and go with reloads, their names stay in the counters; what is
/// beyond the bound is counted under [`OTHER`].
pub(super) const SERIES_MAX: usize = 10_000;
/// Every label of the series that collects what is beyond [`SERIES_MAX`].
pub(super) const OTHER: &str = "other";

/// Children of one family with `N` labels.
#[derive(Debug)]
pub(super) struct Series<const N: usize, T> {
    known: DashMap<u64, Vec<Child<N, T>>, BuildHasherDefault<Hashed>>,
    count: AtomicUsize,
}

#[derive(Debug)]
struct Child<const N: usize, T> {
    labels: [Box<str>; N],
    value: Arc<T>,
}

/// Passes a hash on as it is.
#[derive(Debug, Default)]
struct Hashed(u64);

// === impl Series ===

impl<const N: usize, T> Default for Series<N, T> {
    fn default() -> Self {
        Self { known: DashMap::default(), count: AtomicUsize::new(0) }
    }
}

impl<const N: usize, T> Series<N, T> {
    /// Lets `act` use the child of these label values, making it first if it is new.
    pub(super) fn with(&self, labels: [&str; N], make: impl Fn([&str; N]) -> T, act: impl FnOnce(&T)) {
        let hash = hash_of(&labels);
        if let Some(children) = self.known.get(&hash)
            && let Some(child) = children.iter().find(|child| child.is(&labels))
        {
            return act(&child.value);
        }
        let labels = if self.count.load(Ordering::Relaxed) >= SERIES_MAX { [OTHER; N] } else { labels };
        act(&self.insert(labels, make));
    }

    fn insert(&self, labels: [&str; N], make: impl Fn([&str; N]) -> T) -> Arc<T> {
        let mut children = self.known.entry(hash_of(&labels)).or_default();
        if let Some(child) = children.iter().find(|child| child.is(&labels)) {
            return Arc::clone(&child.value);
        }
        let value = Arc::new(make(labels));
        self.count.fetch_add(1, Ordering::Relaxed);
        children.push(Child { labels: labels.map(Box::from), value: Arc::clone(&value) });
        value
    }
}

impl<const N: usize, T> Child<N, T> {
    fn is(&self, labels: &[&str; N]) -> bool {
        self.labels.iter().zip(labels).all(|(own, asked)| **own == **asked)
    }
}

fn hash_of<const N: usize>(labels: &[&str; N]) -> u64 {
    let mut hasher = DefaultHasher::new();
    labels.hash(&mut hasher);
    hasher.finish()
}

// === impl Hashed ===

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        // Keys are `u64`; this is here because the trait asks for it.
        self.0 = bytes.iter().fold(self.0, |hash, byte| hash.rotate_left(8) ^ u64::from(*byte));
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(series: &Series<1, AtomicUsize>, label: &str) -> usize {
        let mut seen = 0;
        series.with([label], |_| AtomicUsize::new(0), |n| seen = n.fetch_add(1, Ordering::Relaxed) + 1);
        seen
    }

    #[test]
    fn the_same_labels_find_the_same_child() {
        let series = Series::default();
        assert_eq!((count(&series, "a"), count(&series, "b"), count(&series, "a")), (1, 1, 2));
    }

    #[test]
    fn there_is_a_bound() {
        let series = Series::default();
        for n in 0..SERIES_MAX {
            assert_eq!(count(&series, &n.to_string()), 1);
        }
        assert_eq!(count(&series, "one more"), 1);
        assert_eq!(count(&series, "and another"), 2, "both are counted as `other`");
        assert_eq!(count(&series, "7"), 2, "those that are known stay themselves");
    }
}
