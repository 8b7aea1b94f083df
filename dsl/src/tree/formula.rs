//! Conditions in negation normal form, cheapest part first, and what is known of them.
//!
//! Tests whose tier is not paid for are unknown; the rules for unknown are Kleene's, so that a condition is
//! settled as soon as what is known settles it, and otherwise names the cheapest tier that could.

use crate::hir::{Cond, PolicyStmt, Tier};

use super::atom::{AtomIndex, AtomsBuilder};
use super::limits::{BuildError, Limits};
use super::num::at;

/// A condition.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) enum Formula {
    /// Settled when compiled.
    Const(bool),
    /// One test, or its exact complement.
    Literal(Literal),
    /// All hold.
    All(Box<[Formula]>),
    /// One holds.
    Any(Box<[Formula]>),
}

/// A test or its complement.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) struct Literal {
    /// Which test.
    pub(super) atom: AtomIndex,
    /// Whether it must not hold.
    pub(super) negated: bool,
}

/// What is known of a test or condition.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Verdict {
    /// It is settled.
    Known(bool),
    /// It is not, and this is the cheapest tier that may settle it.
    Needs(Tier),
}

/// Whether a condition has at most `left` tests and is nested at most `depth` deep, which also keeps the
/// recursion over it shallow.
fn within(cond: &Cond, left: &mut usize, depth: u32) -> bool {
    let Some(depth) = depth.checked_sub(1) else { return false };
    match cond {
        Cond::Const(_) => true,
        Cond::Atom(_) => left.checked_sub(1).map(|fewer| *left = fewer).is_some(),
        Cond::Not(inner) => within(inner, left, depth),
        Cond::And(parts) | Cond::Or(parts) => parts.iter().all(|part| within(part, left, depth)),
    }
}

// === impl Formula ===

impl Formula {
    /// Brings a statement's condition into this form; its tests are added to `atoms`.
    pub(super) fn lower(
        stmt: &PolicyStmt,
        atoms: &mut AtomsBuilder<'_>,
        limits: &Limits,
    ) -> Result<Self, BuildError> {
        let limit = limits.atoms_per_condition;
        if !within(&stmt.cond, &mut at(limit), limit) {
            return Err(BuildError::TooManyAtoms { limit, span: stmt.span });
        }
        Self::nnf(&stmt.cond, false, atoms)
    }

    fn nnf(cond: &Cond, negated: bool, atoms: &mut AtomsBuilder<'_>) -> Result<Self, BuildError> {
        match cond {
            Cond::Const(value) => Ok(Self::Const(*value != negated)),
            Cond::Atom(id) => Ok(Self::Literal(Literal { atom: atoms.intern(*id)?, negated })),
            Cond::Not(inner) => Self::nnf(inner, !negated, atoms),
            // De Morgan: the complement of `all` is `any` of the complements.
            Cond::And(parts) => Self::join(parts, negated, !negated, atoms),
            Cond::Or(parts) => Self::join(parts, negated, negated, atoms),
        }
    }

    fn join(parts: &[Cond], negated: bool, all: bool, atoms: &mut AtomsBuilder<'_>) -> Result<Self, BuildError> {
        let mut out = Vec::with_capacity(parts.len());
        for part in parts {
            match (Self::nnf(part, negated, atoms)?, all) {
                // The neutral element adds nothing, the other constant settles the whole.
                (Self::Const(value), _) if value == all => {}
                (Self::Const(value), _) => return Ok(Self::Const(value)),
                (Self::All(inner), true) | (Self::Any(inner), false) => out.extend(inner),
                (part @ (Self::Literal(_) | Self::All(_) | Self::Any(_)), _) => out.push(part),
            }
        }
        // The sort is stable: what costs the same is tried as written.
        out.sort_by_cached_key(|part| part.cost(atoms));
        out.dedup();
        Ok(match (out.len(), all) {
            (0, _) => Self::Const(all),
            (1, _) => out.swap_remove(0),
            (_, true) => Self::All(out.into()),
            (_, false) => Self::Any(out.into()),
        })
    }

    /// Cheaper conditions sort first.
    fn cost(&self, atoms: &AtomsBuilder<'_>) -> (Tier, u32) {
        match self {
            Self::Const(_) => (Tier::Head, 0),
            Self::Literal(literal) => atoms.cost(literal.atom),
            Self::All(parts) | Self::Any(parts) => parts
                .iter()
                .map(|part| part.cost(atoms))
                .fold((Tier::Head, 0), |(tier, sum), (t, c)| (tier.max(t), sum.saturating_add(c))),
        }
    }

    /// Settles the condition as far as `literal` knows its tests.
    pub(super) fn verdict(&self, literal: &mut impl FnMut(Literal) -> Verdict) -> Verdict {
        match self {
            Self::Const(value) => Verdict::Known(*value),
            Self::Literal(test) => literal(*test),
            Self::All(parts) => Self::settle(parts, false, literal),
            Self::Any(parts) => Self::settle(parts, true, literal),
        }
    }

    /// `decisive`: the value of one part that settles the whole.
    fn settle(parts: &[Self], decisive: bool, literal: &mut impl FnMut(Literal) -> Verdict) -> Verdict {
        let mut open = None;
        for part in parts {
            match part.verdict(literal) {
                Verdict::Known(value) if value == decisive => return Verdict::Known(value),
                Verdict::Known(_) => {}
                Verdict::Needs(tier) => open = Some(open.map_or(tier, |t: Tier| t.min(tier))),
            }
        }
        open.map_or(Verdict::Known(!decisive), Verdict::Needs)
    }
}
