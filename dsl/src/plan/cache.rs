//! Plans that were merged before, so that the usual request only shares one.

use std::collections::HashMap;
use std::sync::Arc;

use crate::hir::Rank;

use super::Plan;

/// Distinct plans kept by one worker; more empty it. Reached only where many conditional `apply` statements hold
/// in ever new combinations.
const PLANS_MAX: usize = 1_024;

/// A worker's merged plans, for any number of policies.
#[derive(Debug, Default)]
pub struct PlanCache {
    plans: HashMap<Key, Vec<Arc<Plan>>, foldhash::fast::RandomState>,
    count: usize,
}

/// The applied statements are not part of the key, so that looking one up allocates nothing; plans with the same
/// hash are told apart by what they hold.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) struct Key {
    tree: u64,
    deciding: Rank,
    applied: u64,
}

// === impl PlanCache ===

impl PlanCache {
    /// The plan of this decision, merged at its first use.
    pub(super) fn plan(
        &mut self,
        tree: u64,
        deciding: Rank,
        applied: &[Rank],
        merge: impl FnOnce() -> Plan,
    ) -> Arc<Plan> {
        let key = Key { tree, deciding, applied: fold(applied) };
        if let Some(plan) = self.plans.get(&key).and_then(|same| same.iter().find(|plan| *plan.applied == *applied)) {
            return Arc::clone(plan);
        }
        if self.count >= PLANS_MAX {
            self.plans.clear();
            self.count = 0;
        }
        let plan = Arc::new(merge());
        self.plans.entry(key).or_default().push(Arc::clone(&plan));
        self.count += 1;
        plan
    }
}

fn fold(applied: &[Rank]) -> u64 {
    applied
        .iter()
        .fold(0, |hash: u64, rank| (hash.rotate_left(5) ^ u64::from(rank.0)).wrapping_mul(0x9e37_79b9_7f4a_7c15))
}
