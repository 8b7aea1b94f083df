//! Many short lists of numbers, kept in two arrays.

use super::num::{at, small};

/// Lists numbered from 0.
#[derive(Debug, Default)]
pub(super) struct Groups {
    /// By list: where it begins; one more entry for where the last one ends.
    starts: Box<[u32]>,
    items: Box<[u32]>,
}

// === impl Groups ===

impl Groups {
    /// From lists; every list is sorted and its duplicates are dropped.
    pub(super) fn new(lists: Vec<Vec<u32>>) -> Self {
        let mut starts = Vec::with_capacity(lists.len() + 1);
        let mut items = Vec::new();
        starts.push(0);
        for mut list in lists {
            list.sort_unstable();
            list.dedup();
            items.extend(list);
            starts.push(small(items.len()));
        }
        Self { starts: starts.into(), items: items.into() }
    }

    /// Where a list stands among all items.
    pub(super) fn range(&self, list: u32) -> (u32, u32) {
        let start = self.starts.get(at(list)).copied().unwrap_or_default();
        let end = self.starts.get(at(list) + 1).copied().unwrap_or(start);
        (start, end)
    }

    /// One list; empty for a number without one.
    pub(super) fn list(&self, list: u32) -> &[u32] {
        let (start, end) = self.range(list);
        self.items.get(at(start)..at(end)).unwrap_or_default()
    }

    /// An item by its place among all items.
    pub(super) fn item(&self, place: u32) -> Option<u32> {
        self.items.get(at(place)).copied()
    }

    /// How many lists there are.
    pub(super) fn len(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }
}
