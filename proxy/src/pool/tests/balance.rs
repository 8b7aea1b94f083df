use proptest::prelude::*;

use super::*;

fn counts(town: &mut Town, requests: usize, members: usize) -> Vec<usize> {
    let mut counts = vec![0; members];
    for _ in 0..requests {
        counts[town.request(|_| None).unwrap()] += 1;
    }
    counts
}

proptest! {
    #[test]
    fn weights_are_shares(weights in prop::collection::vec(1_u32..20, 1..7), away in any::<prop::sample::Index>()) {
        let mut town = Town::new(&policy(&weights, Balance::Weighted));
        let total: u32 = weights.iter().sum();
        let rounds = 5;
        let got = counts(&mut town, usize::try_from(total * rounds).unwrap(), weights.len());
        for (count, weight) in got.iter().zip(&weights) {
            let fair = usize::try_from(weight * rounds).unwrap();
            prop_assert!(count.abs_diff(fair) <= 1, "{got:?} of {weights:?}");
        }
        // Without one member the others share as before, and it does not catch up afterwards.
        if weights.len() > 1 {
            let away = away.index(weights.len());
            let name = town.pools.endpoints[away].name.clone();
            town.fleet.drain(&name).unwrap();
            let rest = total - weights[away];
            let got = counts(&mut town, usize::try_from(rest * rounds).unwrap(), weights.len());
            prop_assert_eq!(got[away], 0);
            for (at, count) in got.iter().enumerate().filter(|(at, _)| *at != away) {
                prop_assert!(count.abs_diff(usize::try_from(weights[at] * rounds).unwrap()) <= 2, "{got:?} of {weights:?}");
            }
            town.fleet.resume(&name).unwrap();
            let got = counts(&mut town, usize::try_from(total * rounds).unwrap(), weights.len());
            let fair = usize::try_from(weights[away] * rounds).unwrap();
            prop_assert!(got[away].abs_diff(fair) <= 2, "{got:?} of {weights:?}");
        }
    }

    #[test]
    fn what_was_tried_is_never_picked(
        balance in prop::sample::select(vec![
            Balance::RoundRobin, Balance::Weighted, Balance::LeastRequest, Balance::P2c, Balance::Ewma,
            Balance::Hash(FieldId(0), None),
        ]),
        tried in prop::collection::vec(0_usize..5, 0..5),
        hash in any::<u64>(),
        random in any::<u64>(),
        last_resort in any::<bool>(),
    ) {
        let mut town = Town::new(&policy(&[1, 2, 3, 4, 5], balance));
        town.random = random;
        match town.pick_with(Some(hash), &tried, last_resort) {
            Some(lease) => prop_assert!(!tried.contains(&town.at(&lease))),
            None => prop_assert!((0..5).all(|at| tried.contains(&at))),
        }
    }
}

#[test]
fn turns_interleave() {
    let mut town = Town::new(&policy(&[3, 1], Balance::Weighted));
    let order: Vec<usize> = (0..8).map(|_| town.request(|_| None).unwrap()).collect();
    assert_eq!(order, [0, 1, 0, 0, 0, 1, 0, 0], "no run of all turns of one member");
    let mut town = Town::new(&policy(&[9, 1, 5], Balance::RoundRobin));
    assert_eq!(counts(&mut town, 30, 3), [10, 10, 10]);
}

#[test]
fn the_least_loaded_by_weight_is_taken() {
    let mut town = Town::new(&policy(&[1, 1, 4], Balance::LeastRequest));
    let leases: Vec<Lease> = (0..12).map(|_| town.pick().unwrap()).collect();
    let mut held = [0; 3];
    leases.iter().for_each(|lease| held[town.at(lease)] += 1);
    assert_eq!(held, [2, 2, 8]);
    drop(leases);
    assert_eq!(town.in_flight(), 0);
}

#[test]
fn equals_share_by_chance() {
    for balance in [Balance::LeastRequest, Balance::P2c, Balance::Ewma] {
        let mut town = Town::new(&policy(&[1, 1, 1, 1], balance.clone()));
        let got = counts(&mut town, 4_000, 4);
        assert!(got.iter().all(|n| (800..1_200).contains(n)), "{balance:?}: {got:?}");
    }
}

#[test]
fn two_choices_avoid_the_loaded_one() {
    let mut town = Town::new(&policy(&[1, 1, 1], Balance::P2c));
    // Everything that lands on `a` stays there.
    let mut stuck = Vec::new();
    let mut counts = [0; 3];
    for _ in 0..300 {
        let lease = town.pick().unwrap();
        counts[town.at(&lease)] += 1;
        if town.at(&lease) == 0 {
            stuck.push(lease);
        }
    }
    // It wins only while it is as empty as the others.
    assert!(counts[0] <= 2, "{counts:?}");
}

#[test]
fn ewma_prefers_the_fast_and_tries_the_unknown() {
    let mut town = Town::new(&policy(&[1, 1], Balance::Ewma));
    let slow_a = |town: &mut Town| {
        let lease = town.pick().unwrap();
        let at = town.at(&lease);
        lease.finish(&Outcome::good(if at == 0 { ms(900) } else { ms(30) }), town.now);
        at
    };
    let first: Vec<usize> = (0..2).map(|_| slow_a(&mut town)).collect();
    assert!(first.contains(&0) && first.contains(&1), "both are tried once: {first:?}");
    assert!((0..50).all(|_| slow_a(&mut town) == 1));
    // An idle average decays, so the slow one gets another chance; the fast one is fed meanwhile.
    let mut again = false;
    for _ in 0..120 {
        town.pass(ms(1_000));
        again |= slow_a(&mut town) == 0;
    }
    assert!(again);
}

#[test]
fn failing_fast_attracts_nobody() {
    let mut town = Town::new(&policy(&[1, 1], Balance::Ewma));
    let mut hir = policy(&[1, 1], Balance::Ewma);
    hir.pools[0].eject = Some(weir_dsl::hir::Eject { after: 1_000, hold: ms(1), max_percent: 0 });
    town.pools = town.fleet.bind(&hir);
    let mut counts = [0; 2];
    for _ in 0..200 {
        let lease = town.pick().unwrap();
        let at = town.at(&lease);
        counts[at] += 1;
        let failed = (at == 0).then_some(FailureClass::ServerError);
        lease.finish(
            &Outcome { class: failed, latency: if at == 0 { ms(1) } else { ms(200) }, retry_after: None },
            town.now,
        );
    }
    assert!(counts[0] < 20, "{counts:?}");
}

mod hash {
    use super::*;
    use crate::pool::hash_of;

    const HASH: Balance = Balance::Hash(FieldId(0), None);

    fn owner(town: &mut Town, key: u64) -> usize {
        let lease = town.pick_with(Some(key), &[], false).unwrap();
        town.at(&lease)
    }

    #[test]
    fn a_key_stays_with_its_member_and_only_a_lost_members_keys_move() {
        let mut town = Town::new(&policy(&[1, 1, 1, 1], HASH));
        let before: Vec<usize> = (0..400).map(|key| owner(&mut town, key)).collect();
        assert_eq!(before, (0..400).map(|key| owner(&mut town, key)).collect::<Vec<_>>());
        town.fleet.drain("c").unwrap();
        for (key, was) in (0..).zip(&before) {
            let is = owner(&mut town, key);
            assert!(if *was == 2 { is != 2 } else { is == *was }, "key {key} went from {was} to {is}");
        }
    }

    #[test]
    fn keys_spread_by_weight() {
        let mut town = Town::new(&policy(&[1, 3], HASH));
        let heavy = (0..4_000).filter(|key| owner(&mut town, *key) == 1).count();
        assert!((2_850..3_150).contains(&heavy), "{heavy}");
    }

    #[test]
    fn one_hot_key_does_not_bury_its_member() {
        let mut town = Town::new(&policy(&[1, 1, 1, 1], HASH));
        let leases: Vec<Lease> = (0..40).map(|_| town.pick_with(Some(7), &[], false).unwrap()).collect();
        let mut held = [0; 4];
        leases.iter().for_each(|lease| held[town.at(lease)] += 1);
        // A quarter more than the average of 10, rounded up.
        assert!(held.iter().all(|n| *n <= 13), "{held:?}");
    }

    #[test]
    fn without_a_key_chance_decides() {
        let mut town = Town::new(&policy(&[1, 1], HASH));
        let first = (0..400).filter(|_| town.pick().is_some_and(|lease| town.at(&lease) == 0)).count();
        assert!((150..250).contains(&first), "{first}");
    }

    #[test]
    fn keys_are_the_same_everywhere() {
        assert_eq!(hash_of(b"abcdef", Some(3)), hash_of(b"abc", None));
        // Written down, so that replicas of different builds agree.
        assert_eq!(hash_of(b"abc", None), 0x29e3_2c04_ec3f_9c30);
    }
}
