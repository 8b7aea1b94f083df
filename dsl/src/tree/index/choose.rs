//! Conditions as clauses, and the test of each clause that it is filed under.

use std::collections::BTreeMap;

use crate::hir::Tier;

use super::super::atom::{Atom, AtomIndex, Atoms, Set, Test};
use super::super::formula::{Formula, Literal};
use super::super::num::at;

/// A conjunction: sorted, without duplicates.
pub(super) type Clause = Vec<Literal>;

/// How often each test could be filed under.
#[derive(Debug, Default)]
pub(super) struct Popularity(BTreeMap<AtomIndex, u32>);

/// The clauses of a condition, one of which holds exactly when the condition does; `None` when they are more
/// than `max`. Clauses that cannot hold are kept: without them a field might be paid for at another statement than
/// reading from the top would pay for it. The checker warns of them.
pub(super) fn clauses(formula: &Formula, max: usize) -> Option<Vec<Clause>> {
    let mut found = match formula {
        Formula::Const(false) => Vec::new(),
        Formula::Const(true) => vec![Vec::new()],
        Formula::Literal(literal) => vec![vec![*literal]],
        Formula::Any(parts) => {
            let mut all = Vec::new();
            for part in parts {
                all.extend(clauses(part, max)?);
                if all.len() > max {
                    return None;
                }
            }
            all
        }
        Formula::All(parts) => {
            let mut product: Vec<Clause> = vec![Vec::new()];
            for part in parts {
                let part = clauses(part, max)?;
                if product.len().saturating_mul(part.len()) > max {
                    return None;
                }
                product = product.iter().flat_map(|a| part.iter().map(move |b| [&a[..], &b[..]].concat())).collect();
            }
            product
        }
    };
    for clause in &mut found {
        clause.sort_unstable();
        clause.dedup();
    }
    found.sort_unstable();
    found.dedup();
    Some(found)
}

// === impl Popularity ===

impl Popularity {
    /// Counts a clause for every test it could be filed under.
    pub(super) fn count(&mut self, clause: &Clause, atoms: &Atoms) {
        for literal in clause.iter().filter(|literal| can_anchor(literal, atoms)) {
            *self.0.entry(literal.atom).or_default() += 1;
        }
    }

    /// The test that says most about the request: cheap before costly, then the fewest clauses under it for how
    /// probable its kind is.
    pub(super) fn most_selective(&self, clause: &Clause, atoms: &Atoms) -> Option<AtomIndex> {
        let candidates = clause.iter().filter(|literal| can_anchor(literal, atoms));
        let best = candidates.min_by_key(|literal| {
            let (tier, weight) =
                atoms.atom(literal.atom).map_or((Tier::Head, u64::MAX), |atom| (atom.tier, weight(atom, atoms)));
            let clauses = u64::from(self.0.get(&literal.atom).copied().unwrap_or_default());
            (tier > Tier::Peek, clauses.saturating_mul(weight), tier, literal.atom)
        });
        best.map(|literal| literal.atom)
    }
}

fn can_anchor(literal: &Literal, atoms: &Atoms) -> bool {
    !literal.negated && atoms.atom(literal.atom).is_some_and(|atom| !mixed(&atom.test))
}

/// A range with one bound whole and the other not has no place among the cuts of either kind.
fn mixed(test: &Test) -> bool {
    use super::super::value::{Number, Range};
    matches!(
        test,
        Test::Number(
            Range { low: Some((Number::Int(_), _)), high: Some((Number::Float(_), _)) }
                | Range { low: Some((Number::Float(_), _)), high: Some((Number::Int(_), _)) }
        )
    )
}

/// A guess at how probable it is that the test holds, as a multiple of an equality's.
fn weight(atom: &Atom, atoms: &Atoms) -> u64 {
    let length = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    match &atom.test {
        Test::Never => 0,
        Test::Text(_) | Test::Address(_) => 1,
        Test::HasAny(any) => 1 + length(any.len()),
        Test::HasAll(_) => 1,
        Test::In(set) => match atoms.sets.get(at(set.0)) {
            Some(Set::Text(set)) => 1 + length(set.len()) / 4,
            Some(Set::Int(set)) => 1 + length(set.len()) / 4,
            Some(Set::Float(set)) => 1 + length(set.len()) / 4,
            Some(Set::Net { networks, .. }) => 2 + length(networks.len()) / 2,
            None => 1,
        },
        Test::Prefix(any) | Test::Suffix(any) => any.iter().map(|text| if text.len() < 2 { 64 } else { 3 }).sum(),
        Test::Number(range) if range.low == range.high => 1,
        Test::Number(_) => 16,
        Test::Needles { .. } => 16,
        Test::Bool(_) => 64,
        Test::Present | Test::AnyText => 96,
    }
}
