//! Many threads at once.

use std::sync::atomic::{AtomicU32, Ordering};

use super::*;

/// Threads pick, hold, report and drop as fast as they can.
fn hammer(hir: &Hir, check: impl Fn(&Pools) + Sync) -> Town {
    let town = Town::new(hir);
    let (pools, start, check) = (&town.pools, town.start, &check);
    std::thread::scope(|scope| {
        for thread in 0..4_u64 {
            scope.spawn(move || {
                let mut held = Vec::new();
                for n in 0..4_000_u64 {
                    let random = super::super::balance::mix(thread << 32 | n);
                    let now = start + ms(n);
                    if let Some(lease) = pick(pools, now, random, Some(random), &[], false) {
                        held.push(lease);
                    }
                    check(pools);
                    if !random.is_multiple_of(3) && !held.is_empty() {
                        let lease = held.swap_remove(usize::try_from(random).unwrap() % held.len());
                        match random % 7 {
                            0 => drop(lease),
                            1 => lease.finish(&outcome(Some(FailureClass::ServerError)), now),
                            2 => lease.finish(&outcome(Some(FailureClass::RateLimited)), now),
                            _ => lease.finish(&outcome(None), now),
                        }
                    }
                }
            });
        }
    });
    town
}

#[test]
fn in_flight_returns_to_zero_and_capacity_holds() {
    for balance in
        [Balance::Weighted, Balance::LeastRequest, Balance::P2c, Balance::Ewma, Balance::Hash(FieldId(0), None)]
    {
        let mut hir = policy(&[1, 2, 3], balance.clone());
        hir.endpoints.iter_mut().for_each(|e| e.capacity = Some(5));
        let most = AtomicU32::new(0);
        let town = hammer(&hir, |pools| {
            for endpoint in &pools.endpoints {
                most.fetch_max(endpoint.in_flight(), Ordering::Relaxed);
            }
        });
        assert_eq!(town.in_flight(), 0, "{balance:?}");
        assert_eq!(most.load(Ordering::Relaxed), 5, "{balance:?}");
    }
}

#[test]
fn no_trial_is_lost() {
    let mut hir = policy(&[1, 1], Balance::RoundRobin);
    hir.pools[0].eject = Some(weir_dsl::hir::Eject { after: 1, hold: ms(3), max_percent: 100 });
    let mut town = hammer(&hir, |_| {});
    town.now = town.start + ms(100_000);
    // Whatever state the storm left: with good answers both come back.
    for _ in 0..4 {
        assert!(town.request(|_| None).is_some());
    }
    let mut seen: Vec<usize> = (0..4).filter_map(|_| town.request(|_| None)).collect();
    seen.sort_unstable();
    assert_eq!(seen, [0, 0, 1, 1]);
}

#[test]
fn turns_are_fair_between_threads() {
    let hir = policy(&[1, 3], Balance::Weighted);
    let town = Town::new(&hir);
    let counts = [AtomicU32::new(0), AtomicU32::new(0)];
    let (pools, start, counts) = (&town.pools, town.start, &counts);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(move || {
                for _ in 0..5_000 {
                    let lease = pick(pools, start, 0, None, &[], false).unwrap();
                    counts[usize::try_from(lease.endpoint().0).unwrap()].fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    let heavy = counts[1].load(Ordering::Relaxed);
    assert!((14_700..15_300).contains(&heavy), "{heavy} of 20000");
}
