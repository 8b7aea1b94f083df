//! The differential test: the tree and the linear reference say the same.

use std::collections::BTreeSet;

use crate::hir::{Hir, Policy, Rank, Tier};
use crate::oracle::{self, Outcome};
use crate::tree::{Limits, RuleTree, Scratch, Step};

use super::{Choices, Table};

/// Builds a policy and requests from bytes and compares the tree with the reference on each.
///
/// # Errors
/// What differs, in words, with the policy and the request.
pub fn agree(bytes: &[u8]) -> Result<(), String> {
    let mut choices = Choices::new(bytes);
    let limits = Limits {
        // Most policies of a few rules have to be indexed too, and clauses to be too many now and then.
        linear_below: u32::from(choices.below(4)) * 6,
        clauses_per_rule: 1 + u32::from(choices.below(16)),
        ..Limits::default()
    };
    let requests: Vec<Table> = (0..=choices.below(6)).map(|_| choices.table()).collect();
    let hir = choices.policy();
    let tree = RuleTree::build(&hir, 0, &limits).map_err(|error| format!("{error}\n{:#?}", hir.policies))?;
    let Some(policy) = hir.policies.first() else { return Err("no policy".into()) };
    let mut scratch = Scratch::new();
    for request in requests {
        compare(&hir, policy, &tree, request, &mut scratch)?;
    }
    Ok(())
}

fn compare(
    hir: &Hir,
    policy: &Policy,
    tree: &RuleTree,
    mut request: Table,
    scratch: &mut Scratch,
) -> Result<(), String> {
    let mut wanted = oracle::decide(hir, policy, &request);
    wanted.needs.sort_unstable();
    let found = drive(tree, &mut request, scratch)?;
    let same = |found: &Outcome| found.deciding == wanted.deciding && found.applied == wanted.applied;
    let differs = |what: &str, found: &Outcome| {
        Err(format!("{what}: wanted {wanted:?}, found {found:?}\n{request:#?}\n{:#?}\n{:#?}", policy, hir.atoms))
    };
    if found != wanted {
        return differs("paid on demand", &found);
    }
    let trace = tree.trace(&request, 0);
    let mut visited: Vec<Rank> = trace.visited.iter().filter(|stmt| stmt.holds).map(|stmt| stmt.rank).collect();
    let deciding = if trace.visited.len() == visited.len() { visited.pop() } else { None };
    let traced = Outcome { deciding, applied: visited, needs: trace.paid };
    if traced != wanted {
        return differs("traced", &traced);
    }
    let mut all = request.clone();
    all.ready = Tier::ALL.into();
    let found = drive(tree, &mut all, scratch)?;
    if !same(&found) || !found.needs.is_empty() {
        return differs("all paid before", &found);
    }
    Ok(())
}

/// Decides a request, and makes ready what is asked for.
fn drive(tree: &RuleTree, request: &mut Table, scratch: &mut Scratch) -> Result<Outcome, String> {
    let mut needs = BTreeSet::new();
    scratch.reset();
    loop {
        match tree.step(scratch, request) {
            Step::Need(tier) => {
                if !needs.insert(tier) {
                    return Err(format!("{tier:?} is needed though it is ready"));
                }
                request.ready.insert(tier);
            }
            Step::Decided(decision) => {
                return Ok(Outcome {
                    deciding: Some(decision.deciding),
                    applied: decision.applied.to_vec(),
                    needs: needs.into_iter().collect(),
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig { cases: 3_000, ..ProptestConfig::default() })]
        #[test]
        fn the_tree_says_what_the_reference_says(bytes in proptest::collection::vec(any::<u8>(), 0..1_200)) {
            if let Err(difference) = super::agree(&bytes) {
                prop_assert!(false, "{}", difference);
            }
        }
    }
}
