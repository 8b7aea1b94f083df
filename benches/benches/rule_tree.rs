//! What a decision costs, by number of rules and by what the rules look at, and what building the tree costs.
//!
//! The first, the middle and the last rule decide, then none: a tree that only read from top to bottom would show it.
//! `adversarial` rules say only what must not be, so nothing can be looked up and every rule is visited.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use std::time::Duration;
use weir_dsl::tree::arbitrary::Table;
use weir_dsl::tree::arbitrary::workload::{Kind, Workload};
use weir_dsl::tree::{Limits, RuleTree, Scratch, Step};

const RULES: [u32; 4] = [10, 100, 1_000, 10_000];

fn deciding(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decide");
    group.warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
    for (kind, name) in Kind::ALL {
        for rules in RULES {
            let workload = Workload::new(kind, rules);
            let Ok(tree) = RuleTree::build(&workload.hir, 0, &Limits::default()) else { continue };
            let [first, middle, last] = &workload.hits;
            let requests =
                [("first", first), ("middle", middle), ("last", last), ("none", &(rules + 1, workload.miss))];
            for (which, (rank, request)) in requests {
                let mut scratch = Scratch::new();
                assert_eq!(decide(&tree, &mut scratch, request), Some(*rank), "{name}, {rules} rules, {which}");
                group.bench_function(BenchmarkId::new(format!("{name}/{which}"), rules), |bencher| {
                    bencher.iter(|| decide(black_box(&tree), &mut scratch, black_box(request)));
                });
            }
        }
    }
}

fn building(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("build");
    group.sample_size(10).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
    for (kind, name) in Kind::ALL {
        for rules in RULES {
            let workload = Workload::new(kind, rules);
            group.throughput(Throughput::Elements(u64::from(rules)));
            group.bench_function(BenchmarkId::new(name, rules), |bencher| {
                bencher.iter(|| RuleTree::build(black_box(&workload.hir), 0, &Limits::default()));
            });
        }
    }
}

/// The deciding rank; `None` when the tree wants to be paid for a tier that these requests do not have.
fn decide(tree: &RuleTree, scratch: &mut Scratch, request: &Table) -> Option<u32> {
    scratch.reset();
    match tree.step(scratch, request) {
        Step::Decided(decision) => Some(decision.deciding.0),
        Step::Need(_) => None,
    }
}

criterion_group!(benches, deciding, building);
criterion_main!(benches);
