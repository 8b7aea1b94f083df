//! What one evaluation knows: tests settled, texts searched, fields probed.

use crate::facts::Facts;
use crate::hir::Tier;

use super::atom::{AtomIndex, Atoms, SlotIndex, Test};
use super::formula::{Literal, Verdict};
use super::index::{FieldIndex, Index};
use super::num::at;
use super::scan::Hits;
use super::value::{text, with_value};

/// Which tiers have been asked for and can be read.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct TierSet(u8);

/// What is known of tests and texts in this evaluation. Nothing is cleared between evaluations: entries are
/// valid when they carry the current epoch.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// INVARIANT: a multiple of [`NEXT`], and never 0 once an evaluation runs.
    epoch: u32,
    /// By atom: epoch, [`HOLDS`] and [`NAMED`].
    atoms: Vec<u32>,
    /// By slot: the epoch in which its text was searched.
    searched: Vec<u32>,
    /// By slot: the epoch in which its index was probed.
    probed: Vec<u32>,
    hits: Hits,
    /// Lent to fields that are rewritten before they are compared.
    buffer: String,
}

/// In an atom's entry: the test holds.
const HOLDS: u32 = 1;
/// In an atom's entry: its statements are among the sources already.
const NAMED: u32 = 2;
/// From one epoch to the next.
const NEXT: u32 = 4;
/// What is left of an entry without its flags.
const EPOCH: u32 = !(NEXT - 1);

// === impl Known ===

impl Known {
    /// Forgets what was known and makes room for a tree's tests.
    pub(super) fn begin(&mut self, atoms: &Atoms) {
        self.epoch = self.epoch.wrapping_add(NEXT);
        if self.epoch == 0 {
            self.atoms.fill(0);
            self.searched.fill(0);
            self.probed.fill(0);
            self.hits.clear();
            self.epoch = NEXT;
        }
        if self.atoms.len() < atoms.atoms.len() {
            self.atoms.resize(atoms.atoms.len(), 0);
        }
        if self.searched.len() < atoms.slots.len() {
            self.searched.resize(atoms.slots.len(), 0);
            self.probed.resize(atoms.slots.len(), 0);
        }
        self.hits.begin(atoms.needles);
    }

    /// What is known of a test when the tiers in `paid` may be read.
    pub(super) fn literal(&mut self, atoms: &Atoms, literal: Literal, paid: TierSet, facts: &dyn Facts) -> Verdict {
        let memo = self.atoms.get(at(literal.atom.0)).copied().unwrap_or_default();
        if memo & EPOCH == self.epoch {
            return Verdict::Known((memo & HOLDS != 0) != literal.negated);
        }
        let Some(atom) = atoms.atom(literal.atom) else { return Verdict::Known(literal.negated) };
        if !paid.has(atom.tier) {
            return Verdict::Needs(atom.tier);
        }
        let holds = self.holds(atoms, literal.atom, facts);
        self.learn(literal.atom, holds);
        Verdict::Known(holds != literal.negated)
    }

    /// Notes the value of a test.
    pub(super) fn learn(&mut self, atom: AtomIndex, holds: bool) {
        if let Some(memo) = self.atoms.get_mut(at(atom.0)) {
            *memo = self.epoch | if holds { HOLDS } else { 0 };
        }
    }

    fn holds(&mut self, atoms: &Atoms, index: AtomIndex, facts: &dyn Facts) -> bool {
        let Some(atom) = atoms.atom(index) else { return false };
        let Some(slot) = atoms.slot(atom.slot) else { return false };
        if let Test::Needles { needles, all } = &atom.test {
            self.search(atoms, atom.slot, facts);
            return found(&self.hits, needles, *all, self.epoch);
        }
        // An anchor that the probe did not name does not hold.
        if atom.filed && self.probed.get(at(atom.slot.0)) == Some(&self.epoch) {
            return false;
        }
        with_value(&slot.field, facts, &mut self.buffer, |value| atoms.holds(&atom.test, value))
    }

    /// Searches a field's text for everything that any test looks for, once.
    fn search(&mut self, atoms: &Atoms, index: SlotIndex, facts: &dyn Facts) {
        let epoch = self.epoch;
        if let (Some(slot), Some(searched)) = (atoms.slot(index), self.searched.get_mut(at(index.0)))
            && let Some(scan) = &slot.scan
            && std::mem::replace(searched, epoch) != epoch
        {
            let hits = &mut self.hits;
            with_value(&slot.field, facts, &mut self.buffer, |value| {
                if let Some(text) = text(value) {
                    scan.run(text, epoch, hits);
                }
            });
        }
    }

    /// Reads a field and calls `hit` once with every anchor on it that holds.
    pub(super) fn probe(
        &mut self,
        atoms: &Atoms,
        index: &Index,
        field: &FieldIndex,
        facts: &dyn Facts,
        mut hit: impl FnMut(u32),
    ) {
        let Some(slot) = atoms.slot(field.slot) else { return };
        let (epoch, memo) = (self.epoch, &mut self.atoms);
        with_value(&slot.field, facts, &mut self.buffer, |value| {
            field.probe(atoms, value, |anchor| {
                let Some(atom) = index.anchors.get(at(anchor)) else { return };
                let Some(memo) = memo.get_mut(at(atom.0)) else { return };
                if name(memo, epoch, || atoms.confirms(*atom, value)) {
                    hit(anchor);
                }
            });
        });
        if let Some(probed) = self.probed.get_mut(at(field.slot.0)) {
            *probed = epoch;
        }
        if !field.searches() {
            return;
        }
        self.search(atoms, field.slot, facts);
        let (epoch, hits, memo) = (self.epoch, &self.hits, &mut self.atoms);
        for needle in hits.list() {
            field.found(*needle, |anchor| {
                let Some(index) = index.anchors.get(at(anchor)) else { return };
                let Some(Test::Needles { needles, all }) = atoms.atom(*index).map(|atom| &atom.test) else { return };
                let Some(memo) = memo.get_mut(at(index.0)) else { return };
                if name(memo, epoch, || found(hits, needles, *all, epoch)) {
                    hit(anchor);
                }
            });
        }
    }
}

/// Notes that a probe came upon an anchor; true when it holds and no probe of this evaluation came upon it before.
fn name(memo: &mut u32, epoch: u32, holds: impl FnOnce() -> bool) -> bool {
    if *memo & EPOCH != epoch {
        *memo = epoch | if holds() { HOLDS } else { 0 };
    }
    let news = *memo & NAMED == 0;
    *memo |= NAMED;
    news && *memo & HOLDS != 0
}

/// Whether any or all of these needles were found.
fn found(hits: &Hits, needles: &[u32], all: bool, epoch: u32) -> bool {
    let mut found = needles.iter().map(|needle| hits.has(*needle, epoch));
    if all { found.all(|found| found) } else { found.any(|found| found) }
}

// === impl TierSet ===

impl TierSet {
    pub(super) fn with(self, tier: Tier) -> Self {
        Self(self.0 | bit(tier))
    }

    /// The tiers of this set that are cheaper than `tier`.
    pub(super) fn below(self, tier: Tier) -> Self {
        Self(self.0 & (bit(tier) - 1))
    }

    pub(super) fn has(self, tier: Tier) -> bool {
        self.0 & bit(tier) != 0
    }
}

fn bit(tier: Tier) -> u8 {
    match tier {
        Tier::Head => 1,
        Tier::Peek => 1 << 1,
        Tier::Body => 1 << 2,
        Tier::Tokens => 1 << 3,
        Tier::Classifier => 1 << 4,
    }
}
