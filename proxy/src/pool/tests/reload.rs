use weir_dsl::facts::Value;
use weir_dsl::hir::LiveMetric;

use super::*;

#[test]
fn a_reload_keeps_what_was_learnt() {
    let hir = policy(&[1, 1], Balance::RoundRobin);
    let mut town = Town::new(&hir);
    while town.pools.report(town.now)[0].pools[0].ejected.is_none() {
        town.request(|at| (at == 0).then_some(FailureClass::Connect)).unwrap();
    }
    let held = town.pick().unwrap();
    let mut changed = hir;
    changed.endpoints[0].capacity = Some(9);
    changed.endpoints[1].models.push(Model {
        public: "m".into(),
        upstream: "m".into(),
        context: None,
        max_output: None,
        price_input: None,
        price_output: None,
        supports: Vec::new(),
    });
    changed.pools[0].balance = Balance::P2c;
    let before = std::mem::replace(&mut town.pools, town.fleet.bind(&changed));
    drop(before);
    assert!((0..10).all(|_| town.request(|_| None) == Some(1)), "still ejected");
    assert_eq!(town.in_flight(), 1, "the lease of the old snapshot counts");
    drop(held);
    assert_eq!(town.in_flight(), 0);
}

#[test]
fn another_address_is_another_endpoint() {
    let hir = policy(&[1, 1], Balance::RoundRobin);
    let mut town = Town::new(&hir);
    while town.pools.report(town.now)[0].pools[0].ejected.is_none() {
        town.request(|at| (at == 0).then_some(FailureClass::Connect)).unwrap();
    }
    let mut moved = hir;
    moved.endpoints[0].url = Some("http://elsewhere/v1".into());
    town.pools = town.fleet.bind(&moved);
    assert!(town.pools.report(town.now)[0].up);
}

#[test]
fn a_drain_holds_across_reloads_and_moves() {
    let hir = policy(&[1, 1], Balance::RoundRobin);
    let mut town = Town::new(&hir);
    town.fleet.drain("a").unwrap();
    assert!((0..4).all(|_| town.request(|_| None) == Some(1)));
    let mut moved = hir;
    moved.endpoints[0].url = Some("http://elsewhere/v1".into());
    town.pools = town.fleet.bind(&moved);
    assert!((0..4).all(|_| town.request(|_| None) == Some(1)));
    town.fleet.resume("a").unwrap();
    assert!((0..2).any(|_| town.request(|_| None) == Some(0)));
    assert_eq!(town.fleet.drain("nobody").unwrap_err().to_string(), "no endpoint is called `nobody`");
}

#[test]
fn what_no_snapshot_has_is_forgotten() {
    let mut town = Town::new(&policy(&[1, 1, 1], Balance::RoundRobin));
    for n in 0..50_u32 {
        let mut hir = policy(&[1, 1, 1], Balance::RoundRobin);
        hir.endpoints[0].url = Some(format!("http://h{n}/v1").into());
        hir.pools[0].name = format!("p{n}").into();
        town.pools = town.fleet.bind(&hir);
    }
    drop(town.fleet.bind(&policy(&[1, 1, 1], Balance::RoundRobin)));
    // One of the newest, and one that was just dropped.
    assert!(format!("{:?}", town.fleet).contains("endpoints: 4"), "{:?}", town.fleet);
}

#[test]
fn live_values_follow_the_traffic() {
    let mut town = Town::new(&policy(&[1, 1], Balance::RoundRobin));
    let pool = |town: &Town, metric| town.pools.live_pool(P, metric, town.now);
    assert_eq!(pool(&town, LiveMetric::Healthy), Value::Int(2));
    assert_eq!(pool(&town, LiveMetric::LatencyP95), Value::Int(0));
    assert_eq!(pool(&town, LiveMetric::ErrorRate), Value::Float(0.0));
    for n in 0..8_u32 {
        let lease = town.pick().unwrap();
        let class = (n % 4 == 0).then_some(FailureClass::ServerError);
        lease.finish(&Outcome { class, latency: ms(1_000), retry_after: None }, town.now);
    }
    assert_eq!(pool(&town, LiveMetric::ErrorRate), Value::Float(25.0));
    let Value::Int(p95) = pool(&town, LiveMetric::LatencyP95) else { panic!("no latency") };
    assert!((850..1_250).contains(&p95), "{p95}");
    let held = town.pick().unwrap();
    assert_eq!(pool(&town, LiveMetric::InFlight), Value::Int(1));
    let of = |town: &Town, metric| town.pools.live_endpoint(held.endpoint(), metric, town.now);
    assert_eq!(of(&town, LiveMetric::InFlight), Value::Int(1));
    assert_eq!(of(&town, LiveMetric::Healthy), Value::Int(1));
    town.fleet.drain("a").unwrap();
    assert_eq!(pool(&town, LiveMetric::Healthy), Value::Int(1));
    assert_eq!(town.pools.live_endpoint(EndpointId(0), LiveMetric::Healthy, town.now), Value::Int(0));
    town.pass(ms(180_000));
    assert_eq!(pool(&town, LiveMetric::LatencyP95), Value::Int(0));
    assert_eq!(pool(&town, LiveMetric::ErrorRate), Value::Float(0.0));
}
