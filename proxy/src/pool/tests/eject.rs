use proptest::prelude::*;
use weir_dsl::hir::{Breaker, Eject};

use super::*;
use crate::observe::Seen;
use crate::pool::{REST_DEFAULT, REST_MAX};

const SICK: FailureClass = FailureClass::ServerError;

fn ejecting(members: usize, after: u32, hold: Duration, max_percent: u8) -> Hir {
    let mut hir = policy(&vec![1; members], Balance::RoundRobin);
    hir.pools[0].eject = Some(Eject { after, hold, max_percent });
    hir
}

fn fail_first(at: usize) -> Option<FailureClass> {
    (at == 0).then_some(SICK)
}

fn ejections(town: &Town) -> Vec<(String, bool, String)> {
    let changes = town.recording.take().into_iter().filter_map(|seen| match seen {
        Seen::Endpoint { endpoint, up, reason } => Some((endpoint, up, reason)),
        Seen::Began | Seen::Attempt { .. } | Seen::Ended { .. } | Seen::Reload { .. } => None,
    });
    changes.collect()
}

#[test]
fn failures_in_a_row_eject_and_one_trial_brings_back() {
    let mut town = Town::new(&ejecting(2, 3, ms(1_000), 50));
    let hits = (0..20).filter(|_| town.request(fail_first) == Some(0)).count();
    assert_eq!(hits, 3, "the third failure ejects");
    assert_eq!(ejections(&town), [("a".to_owned(), false, "ejected".to_owned())]);
    town.pass(ms(1_000));
    // Half open: the next request is the trial, and only that one.
    let trial = town.pick().unwrap();
    assert_eq!(town.at(&trial), 0);
    assert!((0..5).all(|_| town.request(|_| None) == Some(1)));
    trial.finish(&outcome(Some(SICK)), town.now);
    assert!((0..5).all(|_| town.request(|_| None) == Some(1)), "a failed trial ejects again at once");
    town.pass(ms(1_000));
    assert_eq!(town.request(|_| None), Some(0));
    let back = (0..10).filter(|_| town.request(|_| None) == Some(0)).count();
    assert_eq!(back, 5, "a good trial brings its full share back");
    assert_eq!(ejections(&town).last().unwrap(), &("a".to_owned(), true, "recovered".to_owned()));
}

#[test]
fn a_request_that_failed_before_is_no_guinea_pig() {
    let mut town = Town::new(&ejecting(3, 1, ms(1_000), 50));
    while town.request(fail_first) != Some(0) {}
    town.pass(ms(1_000));
    let key = |_: FieldId, _: Option<u32>| None;
    let mut picking = town.pools.picking(Ask { hash: &key, random: 1, now: town.now, last_resort: false });
    let candidate = |at: u32| Candidate { member: MemberIndex(at), endpoint: EndpointId(at), weight: 1 };
    let first = picking.pick(P, &[candidate(1)]).unwrap();
    assert_eq!(first, MemberIndex(1));
    assert_eq!(picking.pick(P, &[candidate(0), candidate(2)]), Some(MemberIndex(2)));
    assert_eq!(picking.pick(P, &[candidate(0)]), Some(MemberIndex(0)), "unless nobody else is left");
}

#[test]
fn a_success_between_failures_starts_the_count_anew() {
    let mut town = Town::new(&ejecting(1, 2, ms(1_000), 100));
    for n in 0..20 {
        assert!(town.request(|_| (n % 2 == 0).then_some(SICK)).is_some());
    }
    assert_eq!(ejections(&town), []);
}

#[test]
fn what_blames_the_request_ejects_nobody() {
    use FailureClass::{ClientError, ContentFilter, ContextExceeded, Refused};
    for class in [ClientError, ContentFilter, ContextExceeded, Refused] {
        let mut town = Town::new(&ejecting(2, 1, ms(1_000), 100));
        assert!((0..10).all(|_| town.request(|_| Some(class)).is_some()), "{class:?}");
        assert_eq!(ejections(&town), [], "{class:?}");
    }
}

#[test]
fn a_client_that_leaves_says_nothing() {
    let mut town = Town::new(&ejecting(2, 1, ms(1_000), 100));
    for _ in 0..20 {
        drop(town.pick().unwrap());
    }
    assert_eq!((ejections(&town), town.in_flight()), (vec![], 0));
    // Also not in a trial: the next one tries.
    while town.request(fail_first) != Some(0) {}
    town.pass(ms(1_000));
    drop(town.pick().unwrap());
    assert_eq!(town.request(|_| None), Some(0));
}

#[test]
fn pools_of_several_eject_by_default_and_single_ones_never() {
    let mut town = Town::new(&policy(&[1, 1], Balance::RoundRobin));
    let hits = (0..50).filter(|_| town.request(fail_first) == Some(0)).count();
    assert_eq!(hits, 5);
    let mut town = Town::new(&policy(&[1], Balance::RoundRobin));
    assert!((0..50).all(|_| town.request(fail_first) == Some(0)));
}

#[test]
fn a_429_rests_as_long_as_it_asks_within_bounds() {
    let rest = |asked: Option<Duration>| {
        let mut town = Town::new(&policy(&[1, 1], Balance::RoundRobin));
        let limited = Outcome::failed(FailureClass::RateLimited, ms(5)).resting(asked);
        while town.pick().is_some_and(|lease| {
            let hit = lease.endpoint() == EndpointId(0);
            lease.finish(&if hit { limited } else { outcome(None) }, town.now);
            !hit
        }) {}
        assert!((0..4).all(|_| town.request(|_| None) == Some(1)), "resting");
        let left = town.pools.report(town.now)[0].resting.unwrap();
        town.pass(left - ms(1));
        assert!((0..4).all(|_| town.request(|_| None) == Some(1)), "still resting");
        town.pass(ms(1));
        assert_eq!(town.request(|_| None), Some(0), "rested");
        left
    };
    assert_eq!(rest(None), REST_DEFAULT);
    assert_eq!(rest(Some(ms(7_000))), ms(7_000));
    assert_eq!(rest(Some(ms(86_400_000))), REST_MAX);
}

#[test]
fn a_pool_says_when_it_will_take_requests_again() {
    let mut town = Town::new(&policy(&[1], Balance::RoundRobin));
    assert_eq!(town.pools.usable_after(P, town.now), None);
    let limited = Outcome::failed(FailureClass::RateLimited, ms(5)).resting(Some(ms(3_000)));
    town.pick().unwrap().finish(&limited, town.now);
    assert!(town.pick().is_none());
    assert_eq!(town.pools.usable_after(P, town.now), Some(ms(3_000)));
    assert_eq!(town.pools.usable(P, town.now), 0);
}

#[test]
fn the_last_resort_tries_whom_it_must_but_never_the_drained_or_full() {
    let mut hir = ejecting(2, 1, ms(60_000), 100);
    hir.endpoints[1].capacity = Some(1);
    let mut town = Town::new(&hir);
    for _ in 0..2 {
        town.request(|_| Some(SICK)).unwrap();
    }
    assert!(town.pick().is_none(), "both are ejected");
    let mut tried: Vec<usize> = (0..4)
        .map(|_| {
            let lease = town.pick_with(None, &[], true).unwrap();
            let at = town.at(&lease);
            lease.finish(&outcome(Some(SICK)), town.now);
            at
        })
        .collect();
    tried.sort_unstable();
    tried.dedup();
    assert_eq!(tried, [0, 1]);
    town.fleet.drain("a").unwrap();
    let lease = town.pick_with(None, &[], true).unwrap();
    assert_eq!(town.at(&lease), 1);
    assert!(town.pick_with(None, &[], true).is_none(), "`a` is drained and `b` is full");
    lease.finish(&outcome(None), town.now);
    assert_eq!(town.request(|_| None), Some(1), "a success in the last resort proves the endpoint well");
}

#[test]
fn a_breaker_opens_by_share_and_wants_all_its_probes() {
    let mut hir = policy(&[1, 1], Balance::RoundRobin);
    hir.pools[0].eject = Some(Eject { after: 1_000, hold: ms(1), max_percent: 100 });
    hir.pools[0].breaker = Some(Breaker { errors_percent: 50, over: ms(10_000), min: 8, open: ms(5_000), probes: 2 });
    let mut town = Town::new(&hir);
    // Every other request to `a` fails: never two in a row.
    let hits = std::cell::Cell::new(0);
    for _ in 0..100 {
        town.request(|at| {
            hits.set(hits.get() + u32::from(at == 0));
            (at == 0 && hits.get() % 2 == 1).then_some(SICK)
        });
    }
    let hits = hits.get();
    assert!((8..=9).contains(&hits), "{hits}");
    town.pass(ms(5_000));
    let (one, two) = (town.pick().unwrap(), town.pick().unwrap());
    assert_eq!((town.at(&one), town.at(&two)), (0, 0), "two probes at once");
    assert_eq!(town.request(|_| None), Some(1));
    one.finish(&outcome(None), town.now);
    two.finish(&outcome(None), town.now);
    assert_eq!((0..10).filter(|_| town.request(|_| None) == Some(0)).count(), 5, "closed again");
}

proptest! {
    #[test]
    fn never_more_are_out_than_allowed(
        members in 1_usize..8,
        max_percent in 0_u8..=100,
        steps in prop::collection::vec((any::<bool>(), 0_u64..400), 1..300),
    ) {
        let mut town = Town::new(&ejecting(members, 2, ms(1_000), max_percent));
        let most = members * usize::from(max_percent) / 100;
        let most = if members > 1 && max_percent > 0 { most.max(1) } else { most };
        for (fails, pause) in steps {
            town.pass(ms(pause));
            let resort = town.pick_with(None, &[], true).unwrap();
            resort.finish(&outcome(fails.then_some(SICK)), town.now);
            let out = town.pools.report(town.now).iter().filter(|e| e.pools[0].ejected.is_some()).count();
            prop_assert!(out <= most, "{out} of {members} at {max_percent} %");
        }
        prop_assert_eq!(town.in_flight(), 0);
    }
}
