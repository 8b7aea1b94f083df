//! One row for each rule of `language.md` §9. A row is a world, and what happens against what is tried next.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::hir::{
    Balance, ClassSet, Endpoint, Fallback, Hir, Member, Model, Pool, Retry, Route, Target, Timeouts, Tls,
};
use crate::span::Span;

use FailureClass::{Connect, ContextExceeded, RateLimited, ServerError, StreamBroken, Timeout};

/// Endpoints `a b c d`, pools, a route to the first pool, and what is usable now.
#[derive(Clone)]
struct World {
    hir: Hir,
    route: Route,
    demand: Demand,
    live: Live,
    now: Now,
}

#[derive(Clone, Default)]
struct Live {
    down: BTreeSet<u32>,
    overflowing: BTreeSet<u32>,
    budget_empty: bool,
}

impl Picker for Live {
    fn pick(&mut self, _: PoolId, candidates: &[Candidate]) -> Option<MemberIndex> {
        candidates.iter().find(|c| !self.down.contains(&c.endpoint.0)).map(|c| c.member)
    }

    fn overflows(&mut self, pool: PoolId, _: u8) -> bool {
        self.overflowing.contains(&pool.0)
    }

    fn may_retry(&mut self, _: PoolId, _: Option<u8>) -> bool {
        !self.budget_empty
    }
}

const NAMES: [&str; 4] = ["a", "b", "c", "d"];

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn classes(classes: &[FailureClass]) -> ClassSet {
    classes.iter().fold(ClassSet::EMPTY, |set, class| set.with(*class))
}

fn model(public: &str, upstream: &str) -> Model {
    Model {
        public: public.into(),
        upstream: upstream.into(),
        context: None,
        max_output: None,
        price_input: None,
        price_output: None,
        supports: Vec::new(),
    }
}

impl World {
    /// Pools by the endpoint letters of their members; a `/` begins the next tier.
    fn new(pools: &[&str]) -> Self {
        let endpoint = |name: &&str| Endpoint {
            name: (*name).into(),
            span: Span::default(),
            provider: "sim".into(),
            url: None,
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
        };
        let pool = |members: &&str| {
            let tiers = members.split('/').zip(0..);
            let members = tiers.flat_map(|(tier, n)| tier.chars().map(move |name| member(name, n)));
            Pool {
                name: "pool".into(),
                span: Span::default(),
                implicit: false,
                balance: Balance::RoundRobin,
                members: members.collect(),
                retry: None,
                eject: None,
                breaker: None,
                hedge: None,
                overflow: None,
                timeouts: Timeouts::default(),
            }
        };
        let endpoints = NAMES.iter().map(endpoint).collect();
        let hir = Hir { endpoints, pools: pools.iter().map(pool).collect(), ..Hir::default() };
        let route = Route {
            to: Target { pool: PoolId(0), as_model: None },
            or_else: None,
            timeouts: Timeouts::default(),
            retry: None,
            hedge: None,
            fallbacks: Vec::new(),
        };
        let demand = Demand { model: Some("m".into()), ..Demand::default() };
        Self { hir, route, demand, live: Live::default(), now: Now { left: Some(seconds(60)), jitter: 1.0 } }
    }

    fn retry(mut self, pool: usize, attempts: u32, on: &[FailureClass]) -> Self {
        self.hir.pools[pool].retry = Some(Retry { attempts, on: classes(on), backoff: None, budget: None });
        self
    }

    fn fallback(mut self, pool: u32, as_model: Option<&str>, on: &[FailureClass]) -> Self {
        let to = Target { pool: PoolId(pool), as_model: as_model.map(Into::into) };
        self.route.fallbacks.push(Fallback { to, on: classes(on), span: Span::default() });
        self
    }

    fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }
}

fn member(name: char, tier: u32) -> Member {
    let endpoint = NAMES.iter().position(|n| n.starts_with(name)).unwrap();
    Member { endpoint: EndpointId(u32::try_from(endpoint).unwrap()), weight: 1, tier, as_model: None }
}

/// What is tried: endpoint, model upstream, cause and wait, as far as they say something; or why nothing is.
fn shown(next: &Next, hir: &Hir) -> String {
    match next {
        Next::Attempt(attempt) => {
            let mut out = hir.endpoints[usize::try_from(attempt.endpoint.0).unwrap()].name.to_string();
            let model = attempt.model.as_ref().map_or("none", |model| &model.upstream);
            if model != "m" {
                out += &format!(" as {model}");
            }
            if attempt.wait > Duration::ZERO {
                out += &format!(" after {:?}", attempt.wait);
            }
            match attempt.cause {
                Cause::First => out,
                Cause::Retry => out + " retry",
                Cause::Fallback(n) => out + &format!(" fallback {n}"),
                Cause::Else => out + " else",
            }
        }
        Next::Done(end) => format!("{:?}, first {:?}", end.reason, end.first.map(|first| first.class)),
    }
}

fn failure(class: FailureClass) -> Failure {
    Failure { class, first_byte_sent: false, retry_after: None }
}

/// Runs the failures one after the other and compares every step; `steps` begins with the first attempt.
fn check(rule: &str, world: World, failures: &[Failure], steps: &[&str]) {
    let World { hir, route, demand, mut live, now } = world;
    let hir = Arc::new(hir);
    let mut machine = Failover::new(Arc::clone(&hir), Arc::new(route), demand);
    let mut found = vec![shown(&machine.first(now, &mut live), &hir)];
    for failure in failures {
        found.push(shown(&machine.failed(*failure, now, &mut live), &hir));
    }
    assert_eq!(found, steps, "{rule}");
}

fn check_classes(rule: &str, world: World, failures: &[FailureClass], steps: &[&str]) {
    let failures: Vec<Failure> = failures.iter().copied().map(failure).collect();
    check(rule, world, &failures, steps);
}

#[test]
fn members_and_retries() {
    let abc = || World::new(&["ab/c"]);
    let rows: &[(&str, World, &[FailureClass], &[&str])] = &[
        ("the lowest tier with a usable member", abc(), &[], &["a"]),
        ("usable means up", abc().with(|w| w.live.down = [0].into()), &[], &["b"]),
        ("a tier without any is passed over", abc().with(|w| w.live.down = [0, 1].into()), &[], &["c"]),
        ("without retry the first error is the end", abc(), &[Connect], &["a", "Exhausted, first Some(Connect)"]),
        (
            "a retry takes another member, the same tier first, then up",
            abc().retry(0, 5, &[Connect]),
            &[Connect, Connect, Connect],
            &["a", "b retry", "c retry", "Exhausted, first Some(Connect)"],
        ),
        (
            "only for the classes listed, and the first error is kept",
            abc().retry(0, 5, &[Connect]),
            &[Connect, ServerError],
            &["a", "b retry", "Exhausted, first Some(Connect)"],
        ),
        (
            "as often as it says",
            abc().retry(0, 1, &[Connect]),
            &[Connect, Connect],
            &["a", "b retry", "Exhausted, first Some(Connect)"],
        ),
        (
            "a lower tier is not gone back to",
            abc().retry(0, 5, &[Connect]).with(|w| w.hir.pools[0].members.rotate_right(1)),
            &[Connect, Connect, Connect],
            &["a", "b retry", "c retry", "Exhausted, first Some(Connect)"],
        ),
        (
            "the route's retry replaces the pool's",
            abc().retry(0, 5, &[Connect]).with(|w| {
                let on = classes(&[Timeout]);
                w.route.retry = Some(Retry { attempts: 1, on, backoff: None, budget: None });
            }),
            &[Connect],
            &["a", "Exhausted, first Some(Connect)"],
        ),
        (
            "an empty retry budget ends retries",
            abc().retry(0, 5, &[Connect]).with(|w| w.live.budget_empty = true),
            &[Connect],
            &["a", "Exhausted, first Some(Connect)"],
        ),
    ];
    for (rule, world, failures, steps) in rows {
        check_classes(rule, world.clone(), failures, steps);
    }
}

#[test]
fn fallbacks() {
    let two = || World::new(&["a", "b", "cd"]);
    let rows: &[(&str, World, &[FailureClass], &[&str])] = &[
        (
            "the first fallback that lists the class",
            two().fallback(1, None, &[Timeout]).fallback(2, None, &[Connect]),
            &[Connect],
            &["a", "c fallback 1"],
        ),
        (
            "each is used once, an earlier one later too",
            two().fallback(1, None, &[Timeout]).fallback(2, None, &[Connect]),
            &[Connect, Timeout, Connect],
            &["a", "c fallback 1", "b fallback 0", "Exhausted, first Some(Connect)"],
        ),
        (
            "its pool begins afresh, with its own retries",
            two().fallback(2, None, &[Connect]).retry(2, 1, &[ServerError]),
            &[Connect, ServerError, ServerError],
            &["a", "c fallback 0", "d retry", "Exhausted, first Some(Connect)"],
        ),
        (
            "retries come before fallbacks",
            World::new(&["ab", "c"]).retry(0, 1, &[Connect]).fallback(1, None, &[Connect]),
            &[Connect, Connect],
            &["a", "b retry", "c fallback 0"],
        ),
        (
            "one without a usable member is passed over",
            two().fallback(1, None, &[Connect]).fallback(2, None, &[Connect]).with(|w| w.live.down = [1].into()),
            &[Connect],
            &["a", "c fallback 1"],
        ),
        (
            "`as` asks for another model, of the same endpoint too",
            two().fallback(0, Some("small"), &[ContextExceeded]),
            &[ContextExceeded],
            &["a", "a as small fallback 0"],
        ),
        (
            "what was tried is not tried again",
            two().fallback(0, None, &[Connect]).fallback(1, None, &[Connect]),
            &[Connect],
            &["a", "b fallback 1"],
        ),
        (
            "`else` when the first pool has no usable member",
            two().with(|w| {
                w.live.down = [0].into();
                w.route.or_else = Some(PoolId(2));
            }),
            &[],
            &["c else"],
        ),
        (
            "no usable member is a failure to connect for fallbacks",
            two().fallback(1, None, &[ServerError]).fallback(2, None, &[Connect]).with(|w| w.live.down = [0].into()),
            &[],
            &["c fallback 1"],
        ),
        ("nobody at all", two().with(|w| w.live.down = [0].into()), &[], &["NoMember, first None"]),
    ];
    for (rule, world, failures, steps) in rows {
        check_classes(rule, world.clone(), failures, steps);
    }
}

#[test]
fn who_can_serve() {
    let mut small = model("m", "m-small");
    small.context = Some(1_000);
    small.supports = vec!["tools".into()];
    let ab = World::new(&["ab"]).with(|w| w.hir.endpoints[0].models = vec![small]);
    let rows: &[(&str, World, &[&str])] = &[
        ("the endpoint's own name for the model", ab.clone(), &["a as m-small"]),
        (
            "a member without the model is skipped",
            ab.clone().with(|w| w.demand.model = Some("x".into())),
            &["b as x"],
        ),
        ("one whose context is too small, too", ab.clone().with(|w| w.demand.tokens_wanted = Some(1_001)), &["b"]),
        ("one that just fits is not", ab.clone().with(|w| w.demand.tokens_wanted = Some(1_000)), &["a as m-small"]),
        (
            "nor one that supports what is used",
            ab.clone().with(|w| w.demand.supports = vec!["tools".into()]),
            &["a as m-small"],
        ),
        ("one that does not is", ab.clone().with(|w| w.demand.supports = vec!["images".into()]), &["b"]),
        (
            "the member's `as` goes first",
            ab.clone().with(|w| {
                w.hir.pools[0].members[1].as_model = Some("own".into());
                w.live.down = [0].into();
                w.route.to.as_model = Some("routes".into());
            }),
            &["b as own"],
        ),
        ("then the route's", ab.clone().with(|w| w.route.to.as_model = Some("routes".into())), &["b as routes"]),
        ("a request without a model goes to whoever", ab.with(|w| w.demand.model = None), &["a as none"]),
    ];
    for (rule, world, steps) in rows {
        check_classes(rule, world.clone(), &[], steps);
    }
}

#[test]
fn overflow() {
    let spare = World::new(&["a", "b", "c"]).with(|w| {
        w.hir.pools[0].overflow = Some((80, PoolId(1)));
        w.hir.pools[1].overflow = Some((80, PoolId(0)));
    });
    let rows: &[(&str, World, &[&str])] = &[
        ("not while there is room", spare.clone(), &["a"]),
        ("to the other pool when there is not", spare.clone().with(|w| w.live.overflowing = [0].into()), &["b"]),
        ("round in a circle only once", spare.clone().with(|w| w.live.overflowing = [0, 1].into()), &["b"]),
        (
            "back to the first when the other has nobody",
            spare.with(|w| {
                w.live.overflowing = [0].into();
                w.live.down = [1].into();
            }),
            &["a"],
        ),
    ];
    for (rule, world, steps) in rows {
        check_classes(rule, world.clone(), &[], steps);
    }
}

#[test]
fn time() {
    let backoff = |w: &mut World| {
        let retry = w.hir.pools[0].retry.as_mut().unwrap();
        retry.backoff = Some((seconds(2), seconds(5)));
    };
    let abcd = || World::new(&["abcd"]).retry(0, 5, &[Connect, RateLimited]).with(backoff);
    let asked = |s| Failure { retry_after: Some(seconds(s)), ..failure(RateLimited) };
    let fails = [failure(Connect); 3];
    check(
        "pauses double up to the longest",
        abcd(),
        &fails,
        &["a", "b after 2s retry", "c after 4s retry", "d after 5s retry"],
    );
    check("jitter takes up to half", abcd().with(|w| w.now.jitter = 0.0), &fails[..1], &["a", "b after 1s retry"]);
    check(
        "no pause beyond the deadline, but a fallback",
        abcd().fallback(0, Some("x"), &[Connect]).with(|w| w.now.left = Some(seconds(2))),
        &fails[..1],
        &["a", "a as x fallback 0"],
    );
    check("nothing without time", abcd().with(|w| w.now.left = Some(Duration::ZERO)), &[], &["Deadline, first None"]);
    check("another endpoint need not wait for Retry-After", abcd(), &[asked(9)], &["a", "b after 2s retry"]);
    let same = World::new(&["a", "b"]).fallback(0, Some("x"), &[RateLimited]);
    check("the same one must", same.clone(), &[asked(9)], &["a", "a as x after 9s fallback 0"]);
    check(
        "unless that is beyond the deadline",
        same.fallback(1, None, &[RateLimited]),
        &[asked(60)],
        &["a", "b fallback 1"],
    );
    let pair = World::new(&["ab"]).fallback(0, Some("x"), &[RateLimited]);
    check("one that need not wait goes first", pair, &[asked(9)], &["a", "b as x fallback 0"]);
}

#[test]
fn ends() {
    let world = || World::new(&["ab"]).retry(0, 5, &[StreamBroken]).fallback(0, Some("x"), &[StreamBroken]);
    let sent = Failure { first_byte_sent: true, ..failure(StreamBroken) };
    let end = "AfterFirstByte, first Some(StreamBroken)";
    check("after the first byte nothing is tried", world(), &[sent], &["a", end]);
    check("before it, it is", world(), &[failure(StreamBroken)], &["a", "b retry"]);

    let mut many = World::new(&["a"]);
    for n in 0..40 {
        many = many.fallback(0, Some(&format!("m{n}")), &[Connect]);
    }
    let hir = Arc::new(many.hir);
    let mut machine = Failover::new(hir, Arc::new(many.route), many.demand);
    let mut next = machine.first(many.now, &mut many.live);
    let mut attempts = 0;
    while let Next::Attempt(attempt) = next {
        attempts += 1;
        assert_eq!(attempt.number, attempts);
        next = machine.failed(failure(Connect), many.now, &mut many.live);
    }
    assert_eq!(attempts, ATTEMPTS_MAX);
    let end = End { first: Some(failure(Connect)), reason: EndReason::AttemptsMax };
    assert_eq!(next, Next::Done(end));
}

#[test]
fn timers_are_the_shortest_of_all() {
    let timers = |connect, first_byte, idle, total| Timeouts {
        connect: Some(seconds(connect)),
        first_byte: Some(seconds(first_byte)),
        idle: Some(seconds(idle)),
        total: Some(seconds(total)),
    };
    let mut world = World::new(&["a"]);
    world.route.timeouts = timers(1, 9, 9, 90);
    world.hir.pools[0].timeouts = timers(9, 2, 9, 90);
    world.hir.endpoints[0].timeouts = timers(9, 9, 3, 90);
    let mut machine = Failover::new(Arc::new(world.hir), Arc::new(world.route), world.demand);
    let Next::Attempt(attempt) = machine.first(world.now, &mut world.live) else { panic!("there is a member") };
    assert_eq!(attempt.timeouts, timers(1, 2, 3, 60), "and the time left");
}
