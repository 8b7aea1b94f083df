//! Conditions as sums of products: a condition holds when all tests of one of its clauses do.

use super::cond::{Checked, CheckedKind};
use crate::hir::AtomId;
use crate::span::Span;

/// Clauses of one condition beyond which the analyses look away: no false alarm comes of it.
pub(super) const CLAUSES_MAX: usize = 64;

/// A test, or its complement.
#[derive(Clone, Copy, Debug)]
pub(super) struct Literal {
    pub(super) atom: AtomId,
    pub(super) positive: bool,
    /// Where it is written.
    pub(super) span: Span,
}

/// Tests that must all hold; none: always.
pub(super) type Clause = Vec<Literal>;

/// The clauses of a condition, or of its complement; `None` if there are too many or a part is unknown.
pub(super) fn clauses(cond: &Checked, positive: bool) -> Option<Vec<Clause>> {
    match &cond.kind {
        CheckedKind::Hole => None,
        CheckedKind::Const(value) => Some(if *value == positive { vec![Vec::new()] } else { Vec::new() }),
        CheckedKind::Atom(atom) => Some(vec![vec![Literal { atom: *atom, positive, span: cond.span }]]),
        CheckedKind::Not(inner) => clauses(inner, !positive),
        CheckedKind::And(parts) if positive => all_of(parts, positive),
        CheckedKind::Or(parts) if !positive => all_of(parts, positive),
        CheckedKind::And(parts) | CheckedKind::Or(parts) => any_of(parts, positive),
    }
}

fn any_of(parts: &[Checked], positive: bool) -> Option<Vec<Clause>> {
    let mut sum = Vec::new();
    for part in parts {
        sum.extend(clauses(part, positive)?);
        if sum.len() > CLAUSES_MAX {
            return None;
        }
    }
    Some(sum)
}

fn all_of(parts: &[Checked], positive: bool) -> Option<Vec<Clause>> {
    let mut product: Vec<Clause> = vec![Vec::new()];
    for part in parts {
        let factors = clauses(part, positive)?;
        if product.len().saturating_mul(factors.len()) > CLAUSES_MAX {
            return None;
        }
        product = product
            .iter()
            .flat_map(|left| factors.iter().map(|right| left.iter().chain(right).copied().collect()))
            .collect();
    }
    Some(product)
}
