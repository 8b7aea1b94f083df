//! One evaluation: the walk over the statements that may hold, in written order.
//!
//! Every source yields ranks in ascending order: the statements that are filed under an anchor that holds, those
//! that are filed nowhere, and, lazily, those that are filed under a field that is not paid for. The smallest
//! rank of all sources is visited next, so statements are visited in written order, and a field is paid for only
//! when the walk has come to a statement that nothing cheaper settles.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::facts::Facts;
use crate::hir::{Rank, Tier};

use super::formula::Verdict;
use super::index::FieldIndex;
use super::known::{Known, TierSet};
use super::num::{at, small};
use super::{Decision, RuleTree, Step};

/// Statements of one costly field that are refuted one by one before the field is probed instead, where it can
/// be read already.
const REFUTED_MAX: u32 = 32;

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
    /// Smallest rank first.
    sources: BinaryHeap<Reverse<Source>>,
    /// Ranks below are done.
    next: u32,
    /// Statements of the lazy source on top that were refuted since another source was on top.
    refuted: u32,
    applied: Vec<Rank>,
    decided: Option<Rank>,
}

/// A list of ranks, read from its front.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Source {
    /// The rank at its front.
    rank: u32,
    /// What its ranks are filed under; certain sources come before lazy ones of the same rank.
    kind: SourceKind,
    /// Places in the index's ranks.
    place: u32,
    end: u32,
}

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum SourceKind {
    /// Under an anchor that holds, or under nothing.
    Certain,
    /// Under the anchors of this costly field, which was not probed yet.
    Lazy(u32),
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
    /// The facts must be those of the request the evaluation was begun with. A decided evaluation stays decided
    /// until [`Scratch::reset`].
    pub fn step<'s>(&self, scratch: &'s mut Scratch, facts: &dyn Facts) -> Step<'s> {
        if scratch.tree != self.id {
            scratch.begin(self, facts);
        }
        while scratch.decided.is_none() {
            let Some(Reverse(source)) = scratch.sources.peek().copied() else { break };
            if source.rank < scratch.next {
                scratch.advance(self);
                continue;
            }
            let verdict = match source.kind {
                SourceKind::Certain => scratch.settle(self, source.rank, scratch.paid, facts),
                SourceKind::Lazy(field) => match self.index.costly.get(at(field)) {
                    Some(field) if scratch.due(field, facts) => {
                        scratch.probe_lazy(self, field, source.rank, facts);
                        continue;
                    }
                    Some(_) | None => scratch.settle(self, source.rank, scratch.paid, facts),
                },
            };
            match verdict {
                Verdict::Known(holds) => scratch.visited(self, source, holds),
                Verdict::Needs(tier) if facts.ready(tier) => scratch.paid = scratch.paid.with(tier),
                Verdict::Needs(tier) => return Step::Need(tier),
            }
        }
        // INVARIANT: the last statement always holds and decides, and is in a certain source.
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

    /// The tiers that were paid for, and the one that costs nothing.
    pub(super) fn paid(&self) -> TierSet {
        self.paid
    }

    fn begin(&mut self, tree: &RuleTree, facts: &dyn Facts) {
        self.tree = tree.id;
        self.paid = TierSet::default().with(Tier::Head);
        self.known.begin(&tree.atoms);
        self.sources.clear();
        self.next = 0;
        self.refuted = 0;
        self.applied.clear();
        self.decided = None;
        self.push(tree, tree.index.unfiled, SourceKind::Certain);
        for field in &tree.index.cheap {
            self.probe(tree, field, facts);
        }
        for (number, field) in (0..).zip(&tree.index.costly) {
            self.push(tree, field.all, SourceKind::Lazy(number));
        }
    }

    /// Adds a list of ranks, from the first that is not done.
    fn push(&mut self, tree: &RuleTree, list: u32, kind: SourceKind) {
        let (start, end) = tree.index.ranks.range(list);
        let done = if self.next == 0 {
            0
        } else {
            let next = self.next;
            small(tree.index.ranks.list(list).partition_point(|rank| *rank < next))
        };
        let place = start + done;
        if let Some(rank) = tree.index.ranks.item(place).filter(|_| place < end) {
            self.sources.push(Reverse(Source { rank, kind, place, end }));
        }
    }

    /// Moves the source on top to its next rank.
    fn advance(&mut self, tree: &RuleTree) {
        let Some(mut top) = self.sources.peek_mut() else { return };
        let Reverse(source) = &mut *top;
        source.place += 1;
        match tree.index.ranks.item(source.place).filter(|_| source.place < source.end) {
            Some(rank) => source.rank = rank,
            None => drop(PeekMut::pop(top)),
        }
    }

    /// What is known of a statement when the tiers in `paid` may be read.
    fn settle(&mut self, tree: &RuleTree, rank: u32, paid: TierSet, facts: &dyn Facts) -> Verdict {
        let Some(stmt) = tree.stmts.get(at(rank)) else { return Verdict::Known(false) };
        let known = &mut self.known;
        stmt.when.verdict(&mut |literal| known.literal(&tree.atoms, literal, paid, facts))
    }

    /// Notes what came of a statement.
    fn visited(&mut self, tree: &RuleTree, source: Source, holds: bool) {
        self.next = source.rank + 1;
        self.refuted = if holds || source.kind == SourceKind::Certain { 0 } else { self.refuted + 1 };
        if holds {
            if tree.stmts.get(at(source.rank)).is_some_and(|stmt| stmt.decides) {
                self.decided = Some(Rank(source.rank));
            } else {
                self.applied.push(Rank(source.rank));
            }
        }
    }

    /// Whether a costly field should be probed, rather than its statements be visited one by one.
    fn due(&mut self, field: &FieldIndex, facts: &dyn Facts) -> bool {
        if self.refuted >= REFUTED_MAX && facts.ready(field.tier) {
            self.paid = self.paid.with(field.tier);
        }
        self.paid.has(field.tier)
    }

    /// Replaces the lazy source on top by what is really filed under the field's value; unless a statement can be
    /// refuted by what is cheaper than the field, which then stays unread.
    fn probe_lazy(&mut self, tree: &RuleTree, field: &FieldIndex, rank: u32, facts: &dyn Facts) {
        if self.refuted < REFUTED_MAX {
            let cheaper = self.paid.below(field.tier);
            if self.settle(tree, rank, cheaper, facts) == Verdict::Known(false) {
                self.next = rank + 1;
                self.refuted += 1;
                return;
            }
        }
        self.refuted = 0;
        self.sources.pop();
        self.probe(tree, field, facts);
    }

    /// Adds the statements that are filed under the anchors that hold.
    fn probe(&mut self, tree: &RuleTree, field: &FieldIndex, facts: &dyn Facts) {
        let mut known = std::mem::take(&mut self.known);
        known.probe(&tree.atoms, &tree.index, field, facts, |anchor| self.push(tree, anchor, SourceKind::Certain));
        self.known = known;
    }
}
