//! The distinct tests of one policy, compiled, and the fields they read.
//!
//! Tests that look for something inside a text do not search by themselves: all of one field are answered by
//! one pass of its [`Scan`].

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

use crate::facts::Value;
use crate::hir::{AtomId, Field, FieldId, Tier};
use crate::span::Span;

use super::networks::Networks;
use super::num::at;
use super::scan::Scan;
use super::value::{self, Number, Range};

pub(super) use super::lower::AtomsBuilder;

/// Hashing of operator-chosen keys: fast, seeded once per process.
pub(super) type Hashing = foldhash::fast::RandomState;

/// Index of an [`Atom`] in its tree.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) struct AtomIndex(pub(super) u32);

/// Index of a [`Slot`] in its tree.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) struct SlotIndex(pub(super) u32);

/// The tests of one policy.
#[derive(Debug)]
pub(super) struct Atoms {
    pub(super) atoms: Box<[Atom]>,
    pub(super) slots: Box<[Slot]>,
    pub(super) sets: Box<[Set]>,
    /// Searched texts and patterns over all fields: the size of the memory for their hits.
    pub(super) needles: u32,
}

/// One test.
#[derive(Debug)]
pub(super) struct Atom {
    pub(super) slot: SlotIndex,
    pub(super) tier: Tier,
    pub(super) test: Test,
    /// Whether a statement is filed under it, so that a probe of its field settles it.
    pub(super) filed: bool,
    /// Its original, for traces.
    pub(super) id: AtomId,
    pub(super) text: Arc<str>,
    pub(super) span: Span,
}

/// A field that some test reads.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) id: FieldId,
    pub(super) field: Field,
    pub(super) scan: Option<Scan>,
}

/// What is asked of the value; constants of another type than any value of the field have become `Never`.
#[derive(Clone, Debug)]
pub(super) enum Test {
    Never,
    Present,
    AnyText,
    Bool(bool),
    Text(Arc<str>),
    Address(IpAddr),
    Number(Range),
    In(SetIndex),
    Prefix(Box<[Arc<str>]>),
    Suffix(Box<[Arc<str>]>),
    /// Any (or all) of these needles is in the text.
    Needles {
        needles: Box<[u32]>,
        all: bool,
    },
    HasAny(Box<[Arc<str>]>),
    HasAll(Box<[Arc<str>]>),
}

/// Index of a [`Set`].
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) struct SetIndex(pub(super) u32);

/// A list of the policy.
#[derive(Debug)]
pub(super) enum Set {
    Text(HashSet<Arc<str>, Hashing>),
    Net {
        networks: Networks,
        /// As written.
        nets: Box<[IpNet]>,
    },
    /// Ascending.
    Int(Box<[i64]>),
    /// Ascending, without NaN.
    Float(Box<[f64]>),
}

/// The members of a short list.
#[derive(Debug)]
pub(super) enum Spread {
    Texts(Vec<Arc<str>>),
    Nets(Vec<IpNet>),
    Numbers(Vec<Number>),
}

// === impl Atoms ===

impl Atoms {
    pub(super) fn atom(&self, index: AtomIndex) -> Option<&Atom> {
        self.atoms.get(at(index.0))
    }

    pub(super) fn slot(&self, index: SlotIndex) -> Option<&Slot> {
        self.slots.get(at(index.0))
    }

    pub(super) fn set(&self, index: SetIndex) -> Option<&Set> {
        self.sets.get(at(index.0))
    }

    pub(super) fn max_tier(&self) -> Tier {
        self.slots.iter().map(|slot| slot.field.tier).max().unwrap_or_default()
    }

    pub(super) fn fields(&self) -> impl Iterator<Item = (FieldId, &Field)> {
        self.slots.iter().map(|slot| (slot.id, &slot.field))
    }

    /// Notes which tests a probe of their field settles.
    pub(super) fn file(&mut self, anchors: &[AtomIndex]) {
        for anchor in anchors {
            self.atoms.get_mut(at(anchor.0)).into_iter().for_each(|atom| atom.filed = true);
        }
    }

    /// Whether an anchor that was found by its value really holds.
    pub(super) fn confirms(&self, index: AtomIndex, value: &Value<'_>) -> bool {
        self.atom(index).is_some_and(|atom| match &atom.test {
            Test::HasAll(_) => self.holds(&atom.test, value),
            Test::Never
            | Test::Present
            | Test::AnyText
            | Test::Bool(_)
            | Test::Text(_)
            | Test::Address(_)
            | Test::Number(_)
            | Test::In(_)
            | Test::Prefix(_)
            | Test::Suffix(_)
            | Test::Needles { .. }
            | Test::HasAny(_) => true,
        })
    }

    /// Settles a test on a value. [`Test::Needles`] is settled by its field's scan and false here.
    pub(super) fn holds(&self, test: &Test, value: &Value<'_>) -> bool {
        match test {
            Test::Never | Test::Needles { .. } => false,
            Test::Present => *value != Value::Absent,
            Test::AnyText => value::text(value).is_some(),
            Test::Bool(wanted) => *value == Value::Bool(*wanted),
            Test::Text(wanted) => value::text(value).is_some_and(|text| *text == **wanted),
            Test::Address(wanted) => value::address(value).is_some_and(|ip| ip == *wanted),
            Test::Number(range) => value::number(value).is_some_and(|n| range.holds(n)),
            Test::In(set) => self.set(*set).is_some_and(|set| set.contains(value)),
            Test::Prefix(any) => value::text(value).is_some_and(|text| any.iter().any(|p| text.starts_with(&**p))),
            Test::Suffix(any) => value::text(value).is_some_and(|text| any.iter().any(|p| text.ends_with(&**p))),
            Test::HasAny(wanted) => value::any_item(value, |item| wanted.iter().any(|w| **w == *item)),
            Test::HasAll(wanted) => {
                value::is_list(value) && wanted.iter().all(|w| value::any_item(value, |item| **w == *item))
            }
        }
    }
}

// === impl Set ===

impl Set {
    pub(super) fn contains(&self, value: &Value<'_>) -> bool {
        match self {
            Self::Text(set) => value::text(value).is_some_and(|text| set.contains(text)),
            Self::Net { networks, .. } => value::address(value).is_some_and(|ip| networks.contains(ip)),
            Self::Int(set) => Self::search(set, value, |n| Number::Int(*n)),
            Self::Float(set) => Self::search(set, value, |n| Number::Float(*n)),
        }
    }

    /// The members, when they are at most `max`.
    pub(super) fn spread(&self, max: usize) -> Option<Spread> {
        let spread = match self {
            Self::Text(set) if set.len() <= max => Spread::Texts(set.iter().cloned().collect()),
            Self::Net { nets, .. } if nets.len() <= max => Spread::Nets(nets.to_vec()),
            Self::Int(set) if set.len() <= max => Spread::Numbers(set.iter().copied().map(Number::Int).collect()),
            Self::Float(set) if set.len() <= max => Spread::Numbers(set.iter().copied().map(Number::Float).collect()),
            Self::Text(_) | Self::Net { .. } | Self::Int(_) | Self::Float(_) => return None,
        };
        Some(spread)
    }

    fn search<T>(set: &[T], value: &Value<'_>, number: impl Fn(&T) -> Number) -> bool {
        value::number(value).is_some_and(|wanted| {
            // Something that compares with nothing (NaN) is less than everything here and equal to nothing.
            set.binary_search_by(|n| number(n).compare(wanted).unwrap_or(std::cmp::Ordering::Less)).is_ok()
        })
    }
}
