//! Files every statement under the anchors of its clauses.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use ipnet::IpNet;

use crate::hir::Tier;

use super::super::atom::{Atom, AtomIndex, Atoms, Hashing, SetIndex, SlotIndex, Spread, Test};
use super::super::cuts::Cuts;
use super::super::formula::Formula;
use super::super::groups::Groups;
use super::super::networks::{Networks, Numbered};
use super::super::num::{at, small};
use super::super::radix::Radix;
use super::super::scan::Scan;
use super::super::value::{Number, Range};
use super::choose::{Clause, Popularity, clauses};
use super::{FieldIndex, Index};

/// Lists up to this length are spread out over a field's common structure; longer ones keep their own.
const SPREAD_MAX: usize = 64;

/// What filing found out.
#[derive(Debug)]
pub(in super::super) struct Filing {
    pub(in super::super) index: Index,
    /// Clauses of all statements.
    pub(in super::super) clauses: u32,
}

/// The anchors of one field while they are collected.
#[derive(Debug, Default)]
struct Collected {
    lists: Vec<Vec<u32>>,
    present: Option<u32>,
    any_text: Option<u32>,
    bools: [Option<u32>; 2],
    texts: Keyed<Arc<str>>,
    items: Keyed<Arc<str>>,
    prefixes: Keyed<Arc<str>>,
    suffixes: Keyed<Arc<str>>,
    networks: Keyed<IpNet>,
    ints: Vec<(Range, u32)>,
    floats: Vec<(Range, u32)>,
    sets: Vec<(SetIndex, u32)>,
    needles: Keyed<u32>,
    ranks: Vec<u32>,
}

/// Distinct keys, and by key the list of its anchors.
#[derive(Debug)]
struct Keyed<K> {
    places: HashMap<K, u32, Hashing>,
    keys: Vec<K>,
    lists: Vec<u32>,
}

// === impl Filing ===

impl Filing {
    /// Files statements by rank. With fewer than `linear_below` clauses nothing is filed: all are visited.
    pub(in super::super) fn new(
        conditions: &[&Formula],
        atoms: &Atoms,
        clauses_max: usize,
        linear_below: usize,
    ) -> Self {
        let lowered: Vec<Option<Vec<Clause>>> = conditions.iter().map(|when| clauses(when, clauses_max)).collect();
        let count = lowered.iter().map(|clauses| clauses.as_ref().map_or(1, Vec::len)).sum::<usize>();
        let mut popularity = Popularity::default();
        for clause in lowered.iter().flatten().flatten() {
            popularity.count(clause, atoms);
        }
        let mut filed: BTreeMap<AtomIndex, Vec<u32>> = BTreeMap::new();
        let mut unfiled = Vec::new();
        for (rank, clauses) in (0..).zip(&lowered) {
            let anchors = clauses.as_ref().filter(|_| count >= linear_below).and_then(|clauses| {
                clauses.iter().map(|clause| popularity.most_selective(clause, atoms)).collect::<Option<Vec<_>>>()
            });
            match anchors {
                Some(anchors) => anchors.into_iter().for_each(|anchor| filed.entry(anchor).or_default().push(rank)),
                // A statement that never holds needs no visit, filed or not.
                None if clauses.as_ref().is_some_and(Vec::is_empty) => {}
                None => unfiled.push(rank),
            }
        }
        Self { index: assemble(filed, unfiled, atoms), clauses: small(count) }
    }
}

fn assemble(filed: BTreeMap<AtomIndex, Vec<u32>>, unfiled: Vec<u32>, atoms: &Atoms) -> Index {
    let mut fields: BTreeMap<SlotIndex, Collected> = BTreeMap::new();
    let mut anchors = Vec::with_capacity(filed.len());
    let mut lists = Vec::with_capacity(filed.len());
    for (index, ranks) in filed {
        let Some(atom) = atoms.atom(index) else { continue };
        let field = fields.entry(atom.slot).or_default();
        field.ranks.extend(&ranks);
        field.file(atom, small(anchors.len()), atoms);
        anchors.push(index);
        lists.push(ranks);
    }
    let (mut cheap, mut costly) = (Vec::new(), Vec::new());
    for (slot, mut field) in fields {
        let tier = atoms.slot(slot).map_or(Tier::Head, |slot| slot.field.tier);
        let all = small(lists.len());
        lists.push(std::mem::take(&mut field.ranks));
        let first_needle = atoms.slot(slot).and_then(|slot| slot.scan.as_ref()).map_or(0, Scan::first);
        let index = field.finish(slot, tier, all, first_needle);
        if tier == Tier::Head { cheap.push(index) } else { costly.push(index) }
    }
    let last = small(lists.len());
    lists.push(unfiled);
    Index {
        ranks: Groups::new(lists),
        anchors: anchors.into(),
        cheap: cheap.into(),
        costly: costly.into(),
        unfiled: last,
    }
}

// === impl Collected ===

impl Collected {
    /// Puts an anchor where a probe with a value that makes it true finds it.
    fn file(&mut self, atom: &Atom, anchor: u32, atoms: &Atoms) {
        let lists = &mut self.lists;
        match &atom.test {
            Test::Never => {}
            Test::Present => one(&mut self.present, lists, anchor),
            Test::AnyText => one(&mut self.any_text, lists, anchor),
            Test::Bool(value) => {
                if let Some(list) = self.bools.get_mut(usize::from(*value)) {
                    one(list, lists, anchor);
                }
            }
            Test::Text(text) => self.texts.add(text, lists, anchor),
            Test::Address(ip) => self.networks.add(&IpNet::from(*ip), lists, anchor),
            Test::Number(range) => self.range(*range, anchor),
            Test::Prefix(any) => any.iter().for_each(|text| self.prefixes.add(text, lists, anchor)),
            Test::Suffix(any) => any.iter().for_each(|text| self.suffixes.add(text, lists, anchor)),
            Test::HasAny(any) => any.iter().for_each(|text| self.items.add(text, lists, anchor)),
            // Found by one of its items, and settled by itself when found.
            Test::HasAll(all) => match all.first() {
                Some(text) => self.items.add(text, lists, anchor),
                None => one(&mut self.present, lists, anchor),
            },
            // With `all`, found by one of them and settled by itself when found.
            Test::Needles { needles, all: true } => {
                needles.iter().take(1).for_each(|needle| self.needles.add(needle, lists, anchor));
            }
            Test::Needles { needles, all: false } => {
                needles.iter().for_each(|needle| self.needles.add(needle, lists, anchor));
            }
            Test::In(set) => match atoms.set(*set).and_then(|set| set.spread(SPREAD_MAX)) {
                Some(Spread::Texts(texts)) => texts.iter().for_each(|text| self.texts.add(text, lists, anchor)),
                Some(Spread::Nets(nets)) => nets.iter().for_each(|net| self.networks.add(net, lists, anchor)),
                Some(Spread::Numbers(numbers)) => {
                    numbers.iter().for_each(|number| self.range(Range::point(*number), anchor));
                }
                None => {
                    let mut list = None;
                    one(&mut list, lists, anchor);
                    self.sets.extend(list.map(|list| (*set, list)));
                }
            },
        }
    }

    fn range(&mut self, range: Range, anchor: u32) {
        let list = small(self.lists.len());
        self.lists.push(vec![anchor]);
        match (range.low, range.high) {
            (Some((Number::Float(_), _)), _) | (_, Some((Number::Float(_), _))) => self.floats.push((range, list)),
            (Some((Number::Int(_), _)) | None, _) => self.ints.push((range, list)),
        }
    }

    fn finish(self, slot: SlotIndex, tier: Tier, all: u32, first_needle: u32) -> FieldIndex {
        let mut needle_groups = Vec::new();
        for (needle, list) in self.needles.keys.iter().zip(&self.needles.lists) {
            let place = at(needle.saturating_sub(first_needle));
            if needle_groups.len() <= place {
                needle_groups.resize(place + 1, u32::MAX);
            }
            needle_groups.get_mut(place).into_iter().for_each(|group| *group = *list);
        }
        let Numbered { networks, numbers } = Networks::number(&self.networks.keys);
        // Networks are numbered anew; equal ones were one key, except an IPv4 network and its IPv6 mapping.
        let mut lists = self.lists;
        let mut network_groups = vec![u32::MAX; networks.len()];
        for (number, list) in numbers.iter().zip(&self.networks.lists) {
            let Some(group) = network_groups.get_mut(at(*number)) else { continue };
            if *group == u32::MAX {
                *group = *list;
            } else {
                let more = lists.get(at(*list)).cloned().unwrap_or_default();
                lists.get_mut(at(*group)).into_iter().for_each(|list| list.extend(&more));
            }
        }
        let (int_ranges, int_anchors): (Vec<_>, Vec<_>) = self.ints.into_iter().unzip();
        let (float_ranges, float_anchors): (Vec<_>, Vec<_>) = self.floats.into_iter().unzip();
        FieldIndex {
            slot,
            tier,
            all,
            groups: Groups::new(lists),
            present: self.present,
            any_text: self.any_text,
            bools: self.bools,
            texts: self.texts.places,
            items: self.items.places,
            prefixes: Radix::forward(&self.prefixes.keys),
            prefix_groups: self.prefixes.lists.into(),
            suffixes: Radix::backward(&self.suffixes.keys),
            suffix_groups: self.suffixes.lists.into(),
            networks,
            network_groups: network_groups.into(),
            ints: Cuts::new(&int_ranges),
            int_anchors: int_anchors.into(),
            floats: Cuts::new(&float_ranges),
            float_anchors: float_anchors.into(),
            sets: self.sets.into(),
            first_needle,
            needle_groups: needle_groups.into(),
        }
    }
}

/// Adds an anchor to a list that is made for the first one.
fn one(list: &mut Option<u32>, lists: &mut Vec<Vec<u32>>, anchor: u32) {
    let list = *list.get_or_insert_with(|| {
        lists.push(Vec::new());
        small(lists.len() - 1)
    });
    lists.get_mut(at(list)).into_iter().for_each(|list| list.push(anchor));
}

// === impl Keyed ===

impl<K: Clone + Eq + std::hash::Hash> Keyed<K> {
    fn add(&mut self, key: &K, lists: &mut Vec<Vec<u32>>, anchor: u32) {
        let mut list = self.places.get(key).copied();
        let known = list.is_some();
        one(&mut list, lists, anchor);
        if let (false, Some(list)) = (known, list) {
            self.places.insert(key.clone(), list);
            self.keys.push(key.clone());
            self.lists.push(list);
        }
    }
}

impl<K> Default for Keyed<K> {
    fn default() -> Self {
        Self { places: HashMap::default(), keys: Vec::new(), lists: Vec::new() }
    }
}
