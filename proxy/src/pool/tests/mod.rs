//! Pools as a whole: picks of one request after another in time that the test makes.

mod balance;
mod eject;
mod failover;
mod health;
mod load;
mod reload;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use weir_dsl::failover::{Candidate, MemberIndex, Picker};
use weir_dsl::hir::{
    Balance, Endpoint, EndpointId, FailureClass, FieldId, Health, Hir, Member, Model, Pool, PoolId, Timeouts, Tls,
};
use weir_dsl::span::Span;

use super::{Ask, Fleet, Lease, Outcome, Pools};
use crate::observe::{Recorder, Recording};

const P: PoolId = PoolId(0);

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn endpoint(name: &str) -> Endpoint {
    Endpoint {
        name: name.into(),
        span: Span::default(),
        provider: "compatible".into(),
        url: Some(format!("http://{name}/v1").into()),
        key: None,
        models: Vec::new(),
        region: None,
        zone: None,
        weight: 1,
        capacity: None,
        timeouts: Timeouts::default(),
        headers: Vec::new(),
        tls: Tls::default(),
        health: None,
    }
}

/// Endpoints `a`, `b`, … with these weights in one pool.
fn policy(weights: &[u32], balance: Balance) -> Hir {
    let names = (b'a'..).map(|c| char::from(c).to_string());
    let member =
        |(at, weight): (u32, &u32)| Member { endpoint: EndpointId(at), weight: *weight, tier: 1, as_model: None };
    let pool = Pool {
        name: "p".into(),
        span: Span::default(),
        implicit: false,
        balance,
        members: (0..).zip(weights).map(member).collect(),
        retry: None,
        eject: None,
        breaker: None,
        hedge: None,
        overflow: None,
        timeouts: Timeouts::default(),
    };
    let endpoints = names.zip(weights).map(|(name, _)| endpoint(&name)).collect();
    Hir { endpoints, pools: vec![pool], ..Hir::default() }
}

/// A fleet, one policy bound to it, and a clock.
struct Town {
    fleet: Arc<Fleet>,
    pools: Pools,
    recording: Recording,
    start: Instant,
    now: Instant,
    random: u64,
}

impl Town {
    fn new(hir: &Hir) -> Self {
        let now = Instant::now();
        let (recorder, recording) = Recorder::new();
        let fleet = Arc::new(Fleet::new(now, Arc::new(recorder)));
        let pools = fleet.bind(hir);
        Self { fleet, pools, recording, start: now, now, random: 0 }
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
    }

    fn pick(&mut self) -> Option<Lease> {
        self.pick_with(None, &[], false)
    }

    /// One pick among all members but those already tried.
    fn pick_with(&mut self, hash: Option<u64>, tried: &[usize], last_resort: bool) -> Option<Lease> {
        self.random = super::balance::mix(self.random);
        pick(&self.pools, self.now, self.random, hash, tried, last_resort)
    }

    fn at(&self, lease: &Lease) -> usize {
        usize::try_from(lease.endpoint().0).unwrap()
    }

    /// A request that ends at once.
    fn request(&mut self, fails: impl Fn(usize) -> Option<FailureClass>) -> Option<usize> {
        let lease = self.pick()?;
        let at = self.at(&lease);
        lease.finish(&outcome(fails(at)), self.now);
        Some(at)
    }

    fn in_flight(&self) -> u32 {
        self.pools.report(self.now).iter().map(|e| e.in_flight).sum()
    }
}

fn outcome(class: Option<FailureClass>) -> Outcome {
    Outcome { class, latency: ms(10), retry_after: None }
}

fn pick(
    pools: &Pools,
    now: Instant,
    random: u64,
    hash: Option<u64>,
    tried: &[usize],
    last_resort: bool,
) -> Option<Lease> {
    let key = |_: FieldId, _: Option<u32>| hash;
    let mut picking = pools.picking(Ask { hash: &key, random, now, last_resort });
    let members = &pools.pool(P).unwrap().members;
    let candidates: Vec<Candidate> = (0..members.len())
        .filter(|at| !tried.contains(at))
        .map(|at| Candidate {
            member: MemberIndex(u32::try_from(at).unwrap()),
            endpoint: members[at].id,
            weight: members[at].weight,
        })
        .collect();
    let member = picking.pick(P, &candidates)?;
    assert!(candidates.iter().any(|c| c.member == member), "only candidates are picked");
    let lease = picking.take_lease();
    assert!(lease.is_some(), "what is picked is held");
    lease
}
