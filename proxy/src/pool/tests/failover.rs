//! The pools under the attempt machine that the proxy and `weir test` share.

use weir_dsl::failover::{Demand, EndReason, Failover, Failure, Next, Now};
use weir_dsl::hir::{ClassSet, Retry, Route, Target};

use super::*;

fn route() -> Arc<Route> {
    Arc::new(Route {
        to: Target { pool: P, as_model: None },
        or_else: None,
        timeouts: Timeouts::default(),
        retry: Some(Retry {
            attempts: 5,
            on: ClassSet::EMPTY.with(FailureClass::Connect),
            backoff: None,
            budget: None,
        }),
        hedge: None,
        fallbacks: Vec::new(),
    })
}

/// Runs one request; gives the endpoints that were tried and whether one answered.
fn run(town: &mut Town, hir: &Arc<Hir>, dead: &[usize]) -> (Vec<usize>, bool) {
    town.random = super::super::balance::mix(town.random);
    let key = |_: FieldId, _: Option<u32>| None;
    let ask = Ask { hash: &key, random: town.random, now: town.now, last_resort: false };
    let mut picking = town.pools.picking(ask);
    let mut machine = Failover::new(Arc::clone(hir), route(), Demand::default());
    let mut tried = Vec::new();
    let now = Now { left: None, jitter: 0.5 };
    let mut next = machine.first(now, &mut picking);
    if matches!(next, Next::Done(end) if end.reason == EndReason::NoMember) {
        picking = picking.last_resort();
        machine = Failover::new(Arc::clone(hir), route(), Demand::default());
        next = machine.first(now, &mut picking);
    }
    loop {
        let Next::Attempt(attempt) = next else { return (tried, false) };
        let lease = picking.take_lease().unwrap();
        assert_eq!(lease.endpoint(), attempt.endpoint);
        let at = usize::try_from(attempt.endpoint.0).unwrap();
        assert!(!tried.contains(&at));
        tried.push(at);
        if !dead.contains(&at) {
            lease.finish(&outcome(None), town.now);
            return (tried, true);
        }
        lease.finish(&outcome(Some(FailureClass::Connect)), town.now);
        picking.advance(town.now);
        let failure = Failure { class: FailureClass::Connect, first_byte_sent: false, retry_after: None };
        next = machine.failed(failure, now, &mut picking);
    }
}

#[test]
fn four_dead_of_five_cost_almost_nothing() {
    let hir = Arc::new(policy(&[1; 5], Balance::P2c));
    let mut town = Town::new(&hir);
    let (mut good, mut attempts) = (0, 0);
    for _ in 0..20_000 {
        town.pass(ms(5));
        let (tried, answered) = run(&mut town, &hir, &[0, 1, 2, 3]);
        good += usize::from(answered);
        attempts += tried.len();
    }
    // `security.md`, figure 3: 99.9 % answered, retries at most a fifth, a probe a second and endpoint.
    assert!(good >= 19_980, "{good} of 20000");
    assert!(attempts - 20_000 <= 4 * 100, "{} retries in 100 s", attempts - 20_000);
}

#[test]
fn a_request_is_tried_rather_than_refused() {
    let hir = Arc::new(policy(&[1, 1], Balance::P2c));
    let mut town = Town::new(&hir);
    for _ in 0..50 {
        assert!(!run(&mut town, &hir, &[0, 1]).1);
    }
    assert_eq!(town.pools.usable(P, town.now), 0);
    // The outage ends while everything is ejected: the very next request is answered.
    assert!(run(&mut town, &hir, &[]).1);
}

#[test]
fn an_outage_does_not_multiply() {
    let hir = Arc::new(policy(&[1; 5], Balance::P2c));
    let mut town = Town::new(&hir);
    let attempts: usize = (0..5_000).map(|_| run(&mut town, &hir, &[0, 1, 2, 3, 4]).0.len()).sum();
    assert!(attempts - 5_000 <= 1_000, "{} retries of 5000 requests in one window", attempts - 5_000);
}
