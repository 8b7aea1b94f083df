//! Deciding allocates nothing once a worker is warm, however many rules there are.

use std::sync::Arc;

use weir_dsl::plan::{CompiledPolicy, Deciding, Evaluation};
use weir_dsl::tree::arbitrary::Table;
use weir_dsl::tree::arbitrary::workload::{Kind, Workload};
use weir_dsl::tree::{Limits, RuleTree, Scratch, Step};

fn requests(workload: &Workload) -> Vec<Table> {
    workload.hits.iter().map(|(_, request)| request.clone()).chain([workload.miss.clone()]).collect()
}

#[test]
fn a_warm_worker_decides_without_allocating() {
    for (kind, name) in Kind::ALL {
        // Many patterns on one field are slow to search without optimisation; their number changes nothing here.
        let rules = if kind == Kind::Regex { 100 } else { 2_000 };
        for rules in [10, rules] {
            let workload = Workload::new(kind, rules);
            let tree = RuleTree::build(&workload.hir, 0, &Limits::default()).unwrap();
            let requests = requests(&workload);
            let mut scratch = Scratch::new();
            let mut decide = || {
                for request in &requests {
                    scratch.reset();
                    assert!(matches!(tree.step(&mut scratch, request), Step::Decided(_)));
                }
            };
            decide();
            let counted = allocation_counter::measure(decide);
            assert_eq!(counted.count_total, 0, "{name}, {rules} rules");
        }
    }
}

#[test]
fn a_warm_worker_hands_out_plans_without_allocating() {
    let workload = Workload::new(Kind::Tenant, 500);
    let requests = requests(&workload);
    let policy = CompiledPolicy::build(Arc::new(workload.hir), 0, &Limits::default()).unwrap();
    let mut memory = Evaluation::new();
    let mut decide = || {
        for request in &requests {
            memory.reset();
            assert!(matches!(policy.step(&mut memory, request), Deciding::Decided(_)));
        }
    };
    decide();
    assert_eq!(allocation_counter::measure(decide).count_total, 0);
}
