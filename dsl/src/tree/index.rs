//! One field's index: which filed tests hold for a value, without trying them one by one.
//!
//! A test that a clause is filed under is an *anchor*. Probing a field with its value names every anchor that
//! holds; an anchor that is not named does not hold.

mod build;
mod choose;

use std::collections::HashMap;
use std::sync::Arc;

use crate::facts::Value;
use crate::hir::Tier;

use super::atom::{AtomIndex, Atoms, Hashing, SetIndex, SlotIndex};
use super::cuts::Cuts;
use super::groups::Groups;
use super::networks::Networks;
use super::radix::Radix;
use super::value;

pub(super) use build::Filing;

/// How the statements of a policy are filed.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// The ranks filed under each anchor, then the lists of [`FieldIndex::all`], then [`Index::unfiled`].
    pub(super) ranks: Groups,
    /// By anchor: its test.
    pub(super) anchors: Box<[AtomIndex]>,
    /// Fields whose value is at hand from the beginning.
    pub(super) cheap: Box<[FieldIndex]>,
    /// Fields that have to be paid for.
    pub(super) costly: Box<[FieldIndex]>,
    /// The list of ranks that are visited whatever the request is.
    pub(super) unfiled: u32,
}

/// The anchors on one field, by the structure that finds them. Numbers that structures yield are list numbers of
/// `groups`; those lists hold anchors.
#[derive(Debug)]
pub(super) struct FieldIndex {
    pub(super) slot: SlotIndex,
    pub(super) tier: Tier,
    /// List of all ranks filed here: the smallest one tells when the field has to be paid for at the latest.
    pub(super) all: u32,
    groups: Groups,
    /// `is present`
    present: Option<u32>,
    /// Any text.
    any_text: Option<u32>,
    /// `false`, `true`
    bools: [Option<u32>; 2],
    /// `==` and short lists.
    texts: HashMap<Arc<str>, u32, Hashing>,
    /// `contains` on lists.
    items: HashMap<Arc<str>, u32, Hashing>,
    /// `starts_with`; list by text.
    prefixes: Radix,
    prefix_groups: Box<[u32]>,
    /// `ends_with`; list by text.
    suffixes: Radix,
    suffix_groups: Box<[u32]>,
    /// `==`, `in` a network or a short list of networks; list by network.
    networks: Networks,
    network_groups: Box<[u32]>,
    /// Ranges and numbers; anchor by range.
    ints: Cuts,
    int_anchors: Box<[u32]>,
    floats: Cuts,
    float_anchors: Box<[u32]>,
    /// Long lists: asked one by one.
    sets: Box<[(SetIndex, u32)]>,
    /// Tests that search the text: the first needle of the field's scan, and the list by needle from there.
    first_needle: u32,
    needle_groups: Box<[u32]>,
}

// === impl FieldIndex ===

impl FieldIndex {
    /// Calls `hit` with the anchors that hold for `value`, some perhaps twice. Those that search the text are
    /// not among them.
    pub(super) fn probe(&self, atoms: &Atoms, value: &Value<'_>, mut hit: impl FnMut(u32)) {
        let mut list = |list: Option<u32>| {
            list.into_iter().flat_map(|list| self.groups.list(list)).for_each(|anchor| hit(*anchor));
        };
        if *value == Value::Absent {
            return;
        }
        list(self.present);
        if let Some(text) = value::text(value) {
            list(self.any_text);
            list(self.texts.get(text).copied());
            self.prefixes.prefixes(text.bytes(), |n| list(nth(&self.prefix_groups, n)));
            self.suffixes.prefixes(text.bytes().rev(), |n| list(nth(&self.suffix_groups, n)));
        } else if let Some(ip) = value::address(value) {
            self.networks.covering(ip, |n| list(nth(&self.network_groups, n)));
        } else if let Some(number) = value::number(value) {
            self.ints.around(number, |n| list(nth(&self.int_anchors, n)));
            self.floats.around(number, |n| list(nth(&self.float_anchors, n)));
        } else if let Value::Bool(value) = value {
            list(self.bools.get(usize::from(*value)).copied().flatten());
        } else {
            value::any_item(value, |item| {
                list(self.items.get(item).copied());
                false
            });
        }
        for (set, anchors) in &self.sets {
            if atoms.set(*set).is_some_and(|set| set.contains(value)) {
                list(Some(*anchors));
            }
        }
    }

    /// Whether some anchor is settled by the field's scan.
    pub(super) fn searches(&self) -> bool {
        !self.needle_groups.is_empty()
    }

    /// Calls `hit` with the anchors that look for this needle. Needles of other fields are of no interest.
    pub(super) fn found(&self, needle: u32, hit: impl FnMut(u32)) {
        let place = needle.checked_sub(self.first_needle);
        let list =
            place.and_then(|place| nth(&self.needle_groups, place)).map_or(&[][..], |list| self.groups.list(list));
        list.iter().copied().for_each(hit);
    }
}

fn nth(groups: &[u32], n: u32) -> Option<u32> {
    groups.get(super::num::at(n)).copied()
}
