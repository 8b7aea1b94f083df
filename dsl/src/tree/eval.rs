//! One evaluation: what is known so far, and the walk over the statements.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::facts::Facts;
use crate::hir::{Rank, Tier};

use super::atom::{AtomIndex, Atoms, Test};
use super::formula::{Literal, Verdict};
use super::num::{at, small};
use super::scan::Hits;
use super::value::{text, with_value};
use super::{Decision, RuleTree, Step};

/// The memory of one evaluation at a time. Make one, keep it, and hand it to one evaluation after the other:
/// after the first few nothing is allocated any more.
///
/// An evaluation that needs a costly tier leaves its state here until it is resumed; begin the next request with
/// [`Scratch::reset`].
#[derive(Debug, Default)]
pub struct Scratch {
    /// The tree of the evaluation under way; 0 is none.
    tree: u64,
    paid: TierSet,
    known: Known,
    next: u32,
    applied: Vec<Rank>,
    decided: Option<Rank>,
}

/// Which tiers have been asked for and can be read.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct TierSet(u8);

/// What is known of tests and texts in this evaluation. Nothing is cleared between evaluations: entries are
/// valid when they carry the current epoch.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// INVARIANT: even, and never 0 once an evaluation runs.
    epoch: u32,
    /// By atom: epoch, plus one where the test holds.
    atoms: Vec<u32>,
    /// By slot: the epoch in which its text was searched.
    searched: Vec<u32>,
    hits: Hits,
    /// Lent to fields that are rewritten before they are compared.
    buffer: String,
}

static TREES: AtomicU64 = AtomicU64::new(1);

/// A number that no other tree of this process has.
pub(super) fn next_tree_id() -> u64 {
    TREES.fetch_add(1, Ordering::Relaxed)
}

// === impl RuleTree ===

impl RuleTree {
    /// Goes on with the evaluation in `scratch`, or begins one, until it is decided or a tier is needed.
    ///
    /// The facts must be those of the request the evaluation was begun with.
    pub fn step<'s>(&self, scratch: &'s mut Scratch, facts: &dyn Facts) -> Step<'s> {
        if scratch.tree != self.id {
            scratch.begin(self);
        }
        while scratch.decided.is_none() {
            let Some(stmt) = self.stmts.get(at(scratch.next)) else { break };
            let (known, paid) = (&mut scratch.known, scratch.paid);
            match stmt.when.verdict(&mut |literal| known.literal(&self.atoms, literal, paid, facts)) {
                Verdict::Known(false) => scratch.next += 1,
                Verdict::Known(true) => {
                    let rank = Rank(scratch.next);
                    scratch.next += 1;
                    if stmt.decides {
                        scratch.decided = Some(rank);
                    } else {
                        scratch.applied.push(rank);
                    }
                }
                Verdict::Needs(tier) if facts.ready(tier) => scratch.paid = scratch.paid.with(tier),
                Verdict::Needs(tier) => return Step::Need(tier),
            }
        }
        // INVARIANT: the last statement always holds and decides, so a rank was found.
        let deciding = scratch.decided.unwrap_or(Rank(small(self.stmts.len().saturating_sub(1))));
        Step::Decided(Decision { deciding, applied: &scratch.applied })
    }
}

// === impl Scratch ===

impl Scratch {
    /// Memory that grows with the first evaluations.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets the evaluation under way; the next `step` begins a new one.
    pub fn reset(&mut self) {
        self.tree = 0;
    }

    fn begin(&mut self, tree: &RuleTree) {
        self.tree = tree.id;
        self.paid = TierSet::default().with(Tier::Head);
        self.known.begin(&tree.atoms);
        self.next = 0;
        self.applied.clear();
        self.decided = None;
    }
}

// === impl Known ===

impl Known {
    /// Forgets what was known and makes room for a tree's tests.
    pub(super) fn begin(&mut self, atoms: &Atoms) {
        self.epoch = self.epoch.wrapping_add(2);
        if self.epoch == 0 {
            self.atoms.fill(0);
            self.searched.fill(0);
            self.hits.clear();
            self.epoch = 2;
        }
        if self.atoms.len() < atoms.atoms.len() {
            self.atoms.resize(atoms.atoms.len(), 0);
        }
        if self.searched.len() < atoms.slots.len() {
            self.searched.resize(atoms.slots.len(), 0);
        }
        self.hits.reserve(atoms.needles);
    }

    /// What is known of a test when the tiers in `paid` may be read.
    pub(super) fn literal(&mut self, atoms: &Atoms, literal: Literal, paid: TierSet, facts: &dyn Facts) -> Verdict {
        let memo = self.atoms.get(at(literal.atom.0)).copied().unwrap_or_default();
        if memo & !1 == self.epoch {
            return Verdict::Known((memo & 1 == 1) != literal.negated);
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
            *memo = self.epoch | u32::from(holds);
        }
    }

    fn holds(&mut self, atoms: &Atoms, index: AtomIndex, facts: &dyn Facts) -> bool {
        let Some(atom) = atoms.atom(index) else { return false };
        let Some(slot) = atoms.slot(atom.slot) else { return false };
        let Test::Needles { needles, all } = &atom.test else {
            return with_value(&slot.field, facts, &mut self.buffer, |value| atoms.holds(&atom.test, value));
        };
        let epoch = self.epoch;
        if let (Some(scan), Some(searched)) = (&slot.scan, self.searched.get_mut(at(atom.slot.0)))
            && std::mem::replace(searched, epoch) != epoch
        {
            let hits = &mut self.hits;
            with_value(&slot.field, facts, &mut self.buffer, |value| {
                if let Some(text) = text(value) {
                    scan.run(text, epoch, hits, |_| {});
                }
            });
        }
        let mut found = needles.iter().map(|needle| self.hits.has(*needle, epoch));
        if *all { found.all(|found| found) } else { found.any(|found| found) }
    }
}

// === impl TierSet ===

impl TierSet {
    pub(super) fn with(self, tier: Tier) -> Self {
        Self(self.0 | bit(tier))
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
