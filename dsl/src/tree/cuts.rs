//! Which of many ranges a number lies in.
//!
//! The bounds of all ranges cut the numbers into elementary intervals: below the first bound, each bound itself,
//! between two bounds, above the last. A segment tree over those intervals holds every range in logarithmically
//! many nodes, so that neither the number of ranges nor how they overlap makes it large.

use std::cmp::Ordering;

use super::groups::Groups;
use super::num::small;
use super::value::{Number, Range};

/// Ranges, numbered in the order they were handed in.
#[derive(Debug, Default)]
pub(super) struct Cuts {
    /// INVARIANT: ascending and distinct.
    cuts: Box<[Number]>,
    /// By node of the segment tree: the ranges it holds. The leaf of interval `i` is node `intervals + i`, the
    /// parent of node `n` is `n / 2`.
    nodes: Groups,
}

// === impl Cuts ===

impl Cuts {
    /// All bounds must be of one kind, whole or not, and none may be NaN.
    pub(super) fn new(ranges: &[Range]) -> Self {
        let bounds = ranges.iter().flat_map(|range| [range.low, range.high]).flatten().map(|(bound, _)| bound);
        let mut cuts: Vec<Number> = bounds.collect();
        cuts.sort_unstable_by(|a, b| a.compare(*b).unwrap_or(Ordering::Equal));
        cuts.dedup_by(|a, b| a.compare(*b) == Some(Ordering::Equal));
        if ranges.is_empty() {
            return Self::default();
        }
        let mut tree = Self { cuts: cuts.into(), nodes: Groups::default() };
        let intervals = tree.intervals();
        let mut nodes: Vec<Vec<u32>> = vec![Vec::new(); intervals * 2];
        for (number, range) in (0..).zip(ranges) {
            let mut left = range.low.map_or(0, |(bound, closed)| tree.interval(bound) + usize::from(!closed));
            let last = range.high.map(|(bound, closed)| tree.interval(bound) + usize::from(closed));
            let mut right = last.unwrap_or(intervals);
            (left, right) = (left + intervals, right + intervals);
            while left < right {
                if left % 2 == 1 {
                    nodes.get_mut(left).into_iter().for_each(|node| node.push(number));
                    left += 1;
                }
                if right % 2 == 1 {
                    right -= 1;
                    nodes.get_mut(right).into_iter().for_each(|node| node.push(number));
                }
                (left, right) = (left / 2, right / 2);
            }
        }
        tree.nodes = Groups::new(nodes);
        tree
    }

    fn intervals(&self) -> usize {
        self.cuts.len() * 2 + 1
    }

    /// The elementary interval of a number: odd for a cut itself, even between two of them.
    fn interval(&self, n: Number) -> usize {
        let below = self.cuts.partition_point(|cut| cut.compare(n) == Some(Ordering::Less));
        let on_cut = self.cuts.get(below).is_some_and(|cut| cut.compare(n) == Some(Ordering::Equal));
        below * 2 + usize::from(on_cut)
    }

    /// Calls `hit` with every range that the number lies in, each once.
    pub(super) fn around(&self, n: Number, mut hit: impl FnMut(u32)) {
        if self.nodes.len() == 0 || n.compare(n).is_none() {
            return;
        }
        let mut node = self.interval(n) + self.intervals();
        while node >= 1 {
            self.nodes.list(small(node)).iter().for_each(|range| hit(*range));
            node /= 2;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn number() -> impl Strategy<Value = Number> {
        (-6_i64..7).prop_map(Number::Int)
    }

    fn bound() -> impl Strategy<Value = Option<(Number, bool)>> {
        proptest::option::of((number(), any::<bool>()))
    }

    proptest! {
        #[test]
        fn finds_exactly_the_ranges_around(
            ranges in proptest::collection::vec((bound(), bound()), 0..20),
            asked in prop_oneof![number(), (-60_i32..60).prop_map(|n| Number::Float(f64::from(n) / 8.0))],
        ) {
            let ranges: Vec<Range> = ranges.into_iter().map(|(low, high)| Range { low, high }).collect();
            let mut found = Vec::new();
            Cuts::new(&ranges).around(asked, |range| found.push(range));
            found.sort_unstable();
            let naive: Vec<u32> = (0..).zip(&ranges).filter(|(_, r)| r.holds(asked)).map(|(n, _)| n).collect();
            prop_assert_eq!(found, naive);
        }
    }

    #[test]
    fn nothing_is_around_nan() {
        let all = Range { low: None, high: Some((Number::Float(1.0), true)) };
        Cuts::new(&[all]).around(Number::Float(f64::NAN), |_| panic!("NaN is in no range"));
    }
}
