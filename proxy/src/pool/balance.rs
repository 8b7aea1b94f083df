//! The ways to choose among usable members.
//!
//! Each is a function over live counters; none takes a lock. A new one is a variant of the language's `balance`
//! and a function here.

use std::sync::atomic::Ordering;

use weir_dsl::hir::Balance;

use super::member::{BoundPool, Member};

/// Chance and affinity of one pick.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dealt {
    pub(crate) hash: Option<u64>,
    pub(crate) random: u64,
    pub(crate) now: u64,
}

/// Virtual time of one turn of a member of weight one.
const TURN: u64 = 1 << 32;
/// Load above the average that an affine member may carry before others help, in per cent
/// (Mirrokni, Thorup, Zadimoghaddam: "Consistent Hashing with Bounded Loads", 2016).
const AFFINITY_LOAD_PERCENT: u64 = 125;
/// Requests in flight that never count as too many: at light load affinity is worth more than balance.
const AFFINITY_SLACK: u64 = 4;
/// Cost of a member that has requests in flight but never answered one, in seconds.
const UNKNOWN_SECONDS: f32 = 1.0;

/// Position in `candidates` of the chosen member; `None` when there are none.
pub(crate) fn choose(pool: &BoundPool, candidates: &[usize], dealt: &Dealt) -> Option<usize> {
    if candidates.len() < 2 {
        return (!candidates.is_empty()).then_some(0);
    }
    let view = View { pool, candidates };
    match pool.balance {
        Balance::RoundRobin => view.next_turn(|_| 1),
        Balance::Weighted => view.next_turn(Member::share),
        Balance::LeastRequest => view.least_loaded(dealt.random),
        Balance::P2c => view.better_of_two(dealt.random, |a, b| a.load() * b.share() <= b.load() * a.share()),
        Balance::Ewma => view.better_of_two(dealt.random, |a, b| cost(a, dealt.now) <= cost(b, dealt.now)),
        Balance::Hash(..) => view.affine(mix(dealt.hash.unwrap_or(dealt.random))),
    }
}

struct View<'a> {
    pool: &'a BoundPool,
    candidates: &'a [usize],
}

impl View<'_> {
    fn members(&self) -> impl Iterator<Item = (usize, &Member)> {
        self.candidates.iter().enumerate().filter_map(|(at, index)| Some((at, self.pool.members.get(*index)?)))
    }

    fn member(&self, at: usize) -> Option<&Member> {
        self.candidates.get(at).and_then(|index| self.pool.members.get(*index))
    }

    /// Stride scheduling (Waldspurger, 1995): every member has a virtual time at which its next turn comes, and
    /// a turn costs it the inverse of its weight. A member that was away starts at the pool's time, so that it
    /// does not catch up on turns that it missed.
    fn next_turn(&self, share: impl Fn(&Member) -> u64) -> Option<usize> {
        let mut chosen = None;
        // INVARIANT: bounded; when other threads win every round, the last choice stands without its turn counted.
        for _ in 0..8 {
            let start = self.pool.turn.load(Ordering::Acquire);
            let turn_of = |m: &Member| m.turn.load(Ordering::Acquire);
            let (at, member) = self.members().min_by_key(|(_, m)| turn_of(m).max(start))?;
            chosen = Some(at);
            let seen = turn_of(member);
            let turn = seen.max(start);
            let next = turn.saturating_add(TURN / share(member).clamp(1, TURN));
            if member.turn.compare_exchange(seen, next, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
                self.pool.turn.fetch_max(turn, Ordering::AcqRel);
                break;
            }
        }
        chosen
    }

    /// Fewest requests in flight by weight; among equals the first after a random place.
    fn least_loaded(&self, random: u64) -> Option<usize> {
        let count = self.candidates.len();
        let from = below(random, count);
        let turned = (0..count).map(|at| (from + at) % count).filter_map(|at| Some((at, self.member(at)?)));
        turned.reduce(|best, next| if lighter(next.1, best.1) { next } else { best }).map(|(at, _)| at)
    }

    /// Two different random members, and the better of them.
    fn better_of_two(&self, random: u64, better: impl Fn(&Member, &Member) -> bool) -> Option<usize> {
        let count = self.candidates.len();
        let first = below(random, count);
        let second = (first + 1 + below(mix(random), count - 1)) % count;
        let (a, b) = (self.member(first)?, self.member(second)?);
        Some(if better(a, b) { first } else { second })
    }

    /// Weighted rendezvous hashing (Thaler and Ravishankar, 1998): every key ranks all members, and the best one
    /// that does not carry too much gets it. A member that goes away moves its own keys only. The usable members
    /// are walked anyway, so a ring or table would save nothing.
    fn affine(&self, key: u64) -> Option<usize> {
        let (load, shares) = self
            .members()
            .fold((1, 0), |(load, shares), (_, m)| (load + u64::from(m.endpoint.in_flight()), shares + m.share()));
        let most = |m: &Member| {
            let fair = load.saturating_mul(m.share()).saturating_mul(AFFINITY_LOAD_PERCENT);
            fair.div_ceil(shares.saturating_mul(100).max(1)).max(AFFINITY_SLACK)
        };
        let fits = |m: &Member| u64::from(m.endpoint.in_flight()) < most(m);
        let rank = |m: &Member| rendezvous(mix(key ^ m.hash), m.share());
        let best = |a: Ranked, b: Ranked| if b.1.total_cmp(&a.1).is_gt() { b } else { a };
        let ranked = |(at, m): (usize, &Member)| (at, rank(m));
        let roomy = self.members().filter(|(_, m)| fits(m)).map(ranked).reduce(best);
        roomy.or_else(|| self.members().map(ranked).reduce(best)).map(|(at, _)| at)
    }
}

type Ranked = (usize, f64);

fn lighter(a: &Member, b: &Member) -> bool {
    a.load() * b.share() < b.load() * a.share()
}

/// Peak-EWMA latency times requests in flight, by weight. Without a sample a member is free while it is idle and
/// dear while its first answer is awaited.
fn cost(member: &Member, now: u64) -> f32 {
    let factor = |n: u64| f32::from(u16::try_from(n).unwrap_or(u16::MAX));
    let waiting = factor(member.load());
    let seconds = match member.endpoint.ewma.seconds(now) {
        Some(seconds) => seconds,
        None if member.endpoint.in_flight() == 0 => 0.0,
        None => UNKNOWN_SECONDS,
    };
    seconds * waiting / factor(member.share())
}

/// `-weight / ln(u)` for a uniform `u` made of the hash: the largest wins a share of keys equal to its weight.
fn rendezvous(hash: u64, share: u64) -> f64 {
    let high = u32::try_from(hash >> 32).unwrap_or(u32::MAX);
    let uniform = (f64::from(high) + 0.5) / (f64::from(u32::MAX) + 1.0);
    -f64::from(u32::try_from(share).unwrap_or(u32::MAX)) / uniform.ln()
}

/// A number in `0..bound` from random bits (Lemire's multiply-shift).
fn below(random: u64, bound: usize) -> usize {
    let wide = u128::from(random) * u128::try_from(bound).unwrap_or(0);
    usize::try_from(wide >> 64).unwrap_or(0)
}

/// SplitMix64's finalizer: turns similar keys into unlike ones.
pub(crate) fn mix(key: u64) -> u64 {
    let z = key.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}
