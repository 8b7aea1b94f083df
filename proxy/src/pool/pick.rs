//! Choosing the endpoint of the next attempt: the pools' side of the attempt machine.
//!
//! `weir_dsl::failover` knows the route, tiers, models and what was tried; it asks a [`Picker`] which of the
//! members that remain to take. [`Picking`] answers with live state, and takes the place at once, so that what
//! was chosen is also held.

use std::sync::Arc;
use std::time::Duration;

use smallvec::SmallVec;
use tokio::time::Instant;
use weir_dsl::failover::{Candidate, MemberIndex, Picker};
use weir_dsl::hir::{Balance, FieldId, PoolId};

use super::balance::{self, Dealt, mix};
use super::endpoint::EndpointState;
use super::gate::Admission;
use super::lease::{Claims, Lease, release};
use super::member::{BoundPool, Member};
use super::time::Epoch;

/// The pools of one snapshot, pointing at the state of the process.
#[derive(Debug)]
pub struct Pools {
    /// By [`PoolId`].
    pub(crate) pools: Vec<Arc<BoundPool>>,
    /// By [`weir_dsl::hir::EndpointId`].
    pub(crate) endpoints: Vec<Arc<EndpointState>>,
    pub(crate) epoch: Epoch,
}

/// What a pick depends on beside the pool.
#[derive(Clone, Copy)]
pub struct Ask<'a> {
    /// The key of `balance hash FIELD [BYTES]`: [`hash_of`] the field's value, cut to its first bytes. A pool
    /// whose key is absent chooses by `random`.
    pub hash: &'a (dyn Fn(FieldId, Option<u32>) -> Option<u64> + Sync),
    /// Random bits, fresh for each request.
    pub random: u64,
    /// Now.
    pub now: Instant,
    /// Nothing usable is left anywhere: take ejected, resting and unhealthy members too. Never drained or full
    /// ones: those are limits that somebody set, not guesses about health.
    pub last_resort: bool,
}

/// The picks of one request.
#[derive(Debug)]
pub struct Picking<'a> {
    pools: &'a Pools,
    ask: Ask<'a>,
    /// The place taken by the newest pick.
    lease: Option<Lease>,
    /// The pool of the newest pick; `None` before the first.
    last: Option<PoolId>,
}

/// Places of candidates in [`BoundPool::members`].
pub(crate) type Places = SmallVec<[usize; 32]>;

// === impl Ask ===

impl std::fmt::Debug for Ask<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ask").field("random", &self.random).field("last_resort", &self.last_resort).finish()
    }
}

// === impl Picking ===

impl<'a> Picking<'a> {
    /// Takes the place that the newest pick holds. The machine's attempt is to be made with it.
    #[must_use]
    pub fn take_lease(&mut self) -> Option<Lease> {
        self.lease.take()
    }

    /// Time has passed since the last question.
    pub fn advance(&mut self, now: Instant) {
        self.ask.now = now;
        self.ask.random = mix(self.ask.random);
    }

    /// The same request once more from the start, now with whoever is left: for the machine that could make no
    /// attempt at all.
    #[must_use]
    pub fn last_resort(self) -> Self {
        Self { ask: Ask { last_resort: true, ..self.ask }, lease: None, ..self }
    }
}

impl Picker for Picking<'_> {
    fn pick(&mut self, pool: PoolId, candidates: &[Candidate]) -> Option<MemberIndex> {
        let bound = self.pools.pool(pool)?;
        let now = self.pools.epoch.millis(self.ask.now);
        let lease = bound.pick(candidates, &self.ask, self.last.is_none(), now)?;
        if self.last != Some(pool) {
            bound.state.budget.count_request(now);
        }
        self.last = Some(pool);
        let place = lease.place();
        self.lease = Some(lease);
        candidates.iter().map(|c| c.member).find(|member| usize::try_from(member.0) == Ok(place))
    }

    fn overflows(&mut self, pool: PoolId, percent: u8) -> bool {
        let used = self.pools.pool(pool).and_then(|p| p.used_percent());
        used.is_some_and(|used| used >= u64::from(percent))
    }

    fn may_retry(&mut self, pool: PoolId, budget_percent: Option<u8>) -> bool {
        let now = self.pools.epoch.millis(self.ask.now);
        self.pools.pool(pool).is_some_and(|p| p.state.budget.try_spend(now, budget_percent))
    }
}

// === impl Pools ===

impl Pools {
    /// Begins the picks of one request.
    #[must_use]
    pub fn picking<'a>(&'a self, ask: Ask<'a>) -> Picking<'a> {
        Picking { pools: self, ask, lease: None, last: None }
    }

    /// Members that take requests now.
    #[must_use]
    pub fn usable(&self, pool: PoolId, now: Instant) -> usize {
        self.pool(pool).map_or(0, |p| p.usable(self.epoch.millis(now)))
    }

    /// How long until a member that is out or resting takes requests again: what `Retry-After` should say.
    /// `None` when time alone will not help.
    #[must_use]
    pub fn usable_after(&self, pool: PoolId, now: Instant) -> Option<Duration> {
        let now = self.epoch.millis(now);
        let waits = |m: &Member| {
            let waits = [m.state.out.closed_for(now), m.endpoint.busy.closed_for(now)];
            let blocked = m.endpoint.is_drained() || m.endpoint.is_down();
            waits.into_iter().flatten().max().filter(|_| !blocked)
        };
        self.pool(pool)?.members.iter().filter_map(waits).min()
    }

    pub(crate) fn pool(&self, id: PoolId) -> Option<&Arc<BoundPool>> {
        usize::try_from(id.0).ok().and_then(|i| self.pools.get(i))
    }
}

/// The key for `balance hash`: the value, or its first `bytes`.
#[must_use]
pub fn hash_of(value: &[u8], bytes: Option<u32>) -> u64 {
    let most = bytes.and_then(|n| usize::try_from(n).ok()).unwrap_or(usize::MAX);
    // FNV-1a: the same in every process, so that replicas of the proxy agree.
    let hash = value
        .iter()
        .take(most)
        .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    mix(hash)
}

// === impl BoundPool ===

impl BoundPool {
    /// One of the candidates. A member whose rest or ejection is over gets one request at a time to prove itself,
    /// preferably one that has not failed before: that has the most attempts left.
    fn pick(self: &Arc<Self>, candidates: &[Candidate], ask: &Ask<'_>, first: bool, now: u64) -> Option<Lease> {
        let (mut open, trials) = self.sort_out(candidates, now);
        let prove = || trials.iter().find_map(|place| self.claim(*place, ask, now));
        let lease = if first {
            prove().or_else(|| self.take_from(&mut open, ask, now))
        } else {
            self.take_from(&mut open, ask, now).or_else(prove)
        };
        lease.or_else(|| {
            let mut rest: Places = places(candidates).collect();
            ask.last_resort.then(|| self.take_from(&mut rest, ask, now)).flatten()
        })
    }

    /// Usable members, and those that are on trial.
    fn sort_out(&self, candidates: &[Candidate], now: u64) -> (Places, Places) {
        let by_affinity = matches!(self.balance, Balance::Hash(..));
        let mut open = Places::new();
        let mut trials = Places::new();
        for place in places(candidates) {
            let Some(member) = self.members.get(place).filter(|m| m.weight > 0) else { continue };
            match member.admission(now) {
                Admission::Open => open.push(place),
                // Affinity before trials: such a member is found by its keys, as ever.
                Admission::Trial if by_affinity => open.push(place),
                Admission::Trial => trials.push(place),
                Admission::Closed => {}
            }
        }
        (open, trials)
    }

    /// Chooses by balance until a choice can be had; others may take the last place meanwhile.
    fn take_from(self: &Arc<Self>, places: &mut Places, ask: &Ask<'_>, now: u64) -> Option<Lease> {
        places.retain(|place| {
            let member = self.members.get(*place);
            member.is_some_and(|m| !m.endpoint.is_drained() && m.endpoint.has_room(m.capacity))
        });
        let hash = match self.balance {
            Balance::Hash(field, bytes) => (ask.hash)(field, bytes),
            Balance::RoundRobin | Balance::Weighted | Balance::LeastRequest | Balance::P2c | Balance::Ewma => None,
        };
        let dealt = Dealt { hash, random: ask.random, now };
        while let Some(at) = balance::choose(self, places, &dealt) {
            let place = places.get(at).copied()?;
            if let Some(lease) = self.claim(place, ask, now) {
                return Some(lease);
            }
            places.remove(at);
        }
        None
    }

    /// Takes one place at a member, and the trials that its gates ask for.
    fn claim(self: &Arc<Self>, place: usize, ask: &Ask<'_>, now: u64) -> Option<Lease> {
        let member = self.members.get(place)?;
        let claims = claims(member, now, ask.last_resort)?;
        if !member.endpoint.try_enter(member.capacity) {
            release(member, claims);
            return None;
        }
        Some(Lease::new(Arc::clone(self), place, claims))
    }
}

fn places(candidates: &[Candidate]) -> impl Iterator<Item = usize> {
    candidates.iter().filter_map(|c| usize::try_from(c.member.0).ok())
}

/// The trials that a member's gates ask for, claimed; `None` when a gate is closed or its trials are taken.
fn claims(member: &Member, now: u64, last_resort: bool) -> Option<Claims> {
    let mut claims = Claims { last_resort: last_resort && member.endpoint.is_down(), ..Claims::default() };
    for (gate, rest) in [(&member.state.out, false), (&member.endpoint.busy, true)] {
        let claimed = match gate.look(now) {
            Admission::Open => continue,
            Admission::Trial => gate.try_claim(),
            Admission::Closed => false,
        };
        match (claimed, rest) {
            (true, false) => claims.trial = true,
            (true, true) => claims.rest_trial = true,
            (false, _) if last_resort => claims.last_resort = true,
            (false, _) => {
                release(member, claims);
                return None;
            }
        }
    }
    Some(claims)
}
