//! How well a policy can be indexed, for `weir check --stats` and W0952.

use crate::hir::Rank;

use super::RuleTree;
use super::num::{at, small};

/// Figures of one compiled policy.
#[derive(Clone, Debug, PartialEq)]
pub struct Stats {
    /// Statements down to the first that always decides.
    pub statements: u32,
    /// Conjunctive clauses of their conditions.
    pub clauses: u32,
    /// Distinct tests.
    pub atoms: u32,
    /// Distinct tests that statements are filed under.
    pub anchors: u32,
    /// Statements that every request visits when nothing above decides: without a condition, or with one that
    /// cannot be filed.
    pub unfiled: Vec<Rank>,
    /// Statements that a request is expected to visit when nothing above decides, if every anchored value of a
    /// field is as frequent as any other, and one unknown value more.
    pub expected_candidates: f64,
}

// === impl RuleTree ===

impl RuleTree {
    /// Figures of this policy.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let index = &self.index;
        let unfiled: Vec<Rank> = index.ranks.list(index.unfiled).iter().copied().map(Rank).collect();
        let fields = index.cheap.iter().chain(&index.costly).map(|field| {
            let on_field = |anchor: &&super::atom::AtomIndex| {
                self.atoms.atom(**anchor).is_some_and(|atom| atom.slot == field.slot)
            };
            let anchors = index.anchors.iter().filter(on_field).count();
            let filed = index.ranks.list(field.all).len();
            f64::from(small(filed)) / f64::from(small(anchors) + 1)
        });
        Stats {
            statements: small(self.stmts.len()),
            clauses: self.clauses,
            atoms: small(self.atoms.atoms.len()),
            anchors: small(index.anchors.len()),
            expected_candidates: fields.sum::<f64>() + f64::from(small(unfiled.len())),
            unfiled: unfiled.into_iter().filter(|rank| at(rank.0) + 1 < self.stmts.len()).collect(),
        }
    }
}
