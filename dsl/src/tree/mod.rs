//! The compiled policy: conditions filed under their most selective test, read in written order, lazily.
//!
//! A [`RuleTree`] is immutable and shared; a [`Scratch`] is one evaluation's memory and is reused by a worker.
//! Evaluation is resumable: [`RuleTree::step`] either decides or names the [`Tier`] that has to be paid for
//! first. It gives the same answer as the linear reference in [`crate::oracle`] and needs the same tiers, whatever
//! the indexes do.
//!
//! This module refuses to know what actions mean, what a request is, and what time it is.

#[doc(hidden)]
pub mod arbitrary;
mod atom;
mod cuts;
mod eval;
mod formula;
mod gate;
mod glob;
mod groups;
mod index;
mod known;
mod limits;
mod lower;
mod networks;
mod num;
mod radix;
mod scan;
mod stats;
mod trace;
mod value;

use std::sync::Arc;

use crate::hir::{Field, FieldId, Hir, PolicyStmtKind, Rank, Tier};

pub use eval::Scratch;
pub use limits::{BuildError, Limits};
pub use stats::Stats;
pub use trace::{Trace, TracedAtom, Visited};

use atom::{Atoms, AtomsBuilder};
use formula::Formula;
use index::{Filing, Index};

/// One policy, ready to decide.
#[derive(Debug)]
pub struct RuleTree {
    /// Tells the scratch of another tree from this one's.
    id: u64,
    name: Arc<str>,
    /// By rank, up to and with the statement that always holds.
    stmts: Box<[Stmt]>,
    atoms: Atoms,
    index: Index,
    /// Clauses of all conditions.
    clauses: u32,
    max_tier: Tier,
}

/// What is needed of a statement to visit it.
#[derive(Debug)]
struct Stmt {
    decides: bool,
    when: Formula,
}

/// What came of an evaluation so far.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[must_use]
pub enum Step<'s> {
    /// The policy has spoken.
    Decided(Decision<'s>),
    /// Pay for this tier, make [`crate::facts::Facts::ready`] true for it, and call `step` again.
    Need(Tier),
}

/// The statements that hold, borrowed from the scratch that was used.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Decision<'s> {
    /// The `rule` or `default` that decided.
    pub deciding: Rank,
    /// The `apply` statements above it that hold, in written order.
    pub applied: &'s [Rank],
}

// === impl RuleTree ===

impl RuleTree {
    /// Compiles one policy of a set; `policy` is its index in [`Hir::policies`].
    ///
    /// # Errors
    /// Where the policy is larger than `limits`, has no `default`, or refers to what `hir` does not hold.
    pub fn build(hir: &Hir, policy: usize, limits: &Limits) -> Result<Self, BuildError> {
        let source = hir.policies.get(policy).ok_or(BuildError::NoPolicy { index: policy })?;
        let mut atoms = AtomsBuilder::new(hir, limits);
        let mut stmts = Vec::with_capacity(source.stmts.len());
        if source.stmts.len() > num::at(limits.rules) {
            let (policy, count) = (Arc::clone(&source.name), source.stmts.len());
            return Err(BuildError::TooManyRules { policy, count, limit: limits.rules, span: source.span });
        }
        for stmt in &source.stmts {
            let when = match stmt.kind {
                PolicyStmtKind::Default => Formula::Const(true),
                PolicyStmtKind::Apply | PolicyStmtKind::Rule => Formula::lower(stmt, &mut atoms, limits)?,
            };
            let stmt = Stmt { decides: stmt.kind != PolicyStmtKind::Apply, when };
            let complete = stmt.decides && stmt.when == Formula::Const(true);
            stmts.push(stmt);
            if complete {
                return Ok(Self::finish(&source.name, stmts, atoms.finish()?, limits));
            }
        }
        Err(BuildError::NoDefault { policy: Arc::clone(&source.name), span: source.span })
    }

    fn finish(name: &Arc<str>, stmts: Vec<Stmt>, mut atoms: Atoms, limits: &Limits) -> Self {
        let conditions: Vec<&Formula> = stmts.iter().map(|stmt| &stmt.when).collect();
        let clauses_max = num::at(limits.clauses_per_rule);
        let Filing { index, clauses } = Filing::new(&conditions, &atoms, clauses_max, num::at(limits.linear_below));
        atoms.file(&index.anchors);
        let max_tier = atoms.max_tier();
        let name = Arc::clone(name);
        Self { id: eval::next_tree_id(), name, stmts: stmts.into(), atoms, index, clauses, max_tier }
    }

    /// The policy's name.
    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// A number that no other tree of this process has.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// Whether the statement's condition is settled for every request; `None` where a request settles it, and
    /// for statements that no request reaches.
    pub(crate) fn constant(&self, rank: Rank) -> Option<bool> {
        match self.stmts.get(num::at(rank.0))?.when {
            Formula::Const(value) => Some(value),
            Formula::Literal(_) | Formula::All(_) | Formula::Any(_) => None,
        }
    }

    /// The costliest tier that any request can need; [`Tier::Head`] means that one `step` always decides.
    #[must_use]
    pub fn max_tier(&self) -> Tier {
        self.max_tier
    }

    /// The fields that some reachable condition reads: what a proxy has to gather, and nothing else.
    pub fn fields(&self) -> impl Iterator<Item = (FieldId, &Field)> {
        self.atoms.fields()
    }
}

#[cfg(test)]
mod tests;
