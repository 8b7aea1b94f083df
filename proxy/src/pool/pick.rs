//! Choosing the endpoint of the next attempt.

use std::sync::Arc;
use std::time::Duration;

use smallvec::SmallVec;
use tokio::time::Instant;
use weir_dsl::hir::{EndpointId, PoolId};

use super::balance::{self, Dealt};
use super::endpoint::EndpointState;
use super::gate::Admission;
use super::lease::{Claims, Lease};
use super::member::{BoundPool, Member};
use super::time::Epoch;

/// How many pools an overflow may pass through.
const OVERFLOW_DEPTH: u32 = 4;

/// The pools of one snapshot, pointing at the state of the process.
#[derive(Debug)]
pub struct Pools {
    /// By [`PoolId`].
    pub(crate) pools: Vec<Arc<BoundPool>>,
    /// By [`EndpointId`].
    pub(crate) endpoints: Vec<Arc<EndpointState>>,
    pub(crate) epoch: Epoch,
}

/// What is asked of a pool.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// Public model name that a member must serve, unless it asks for another one itself.
    pub model: Option<&'a str>,
    /// Hash of the field that `balance hash` names; without it such a pool chooses by `random`.
    pub hash: Option<u64>,
    /// Fresh random bits.
    pub random: u64,
    /// Now.
    pub now: Instant,
    /// Nothing usable is left anywhere: take ejected, resting and unhealthy members too. Never drained or full
    /// ones: those are limits that somebody set, not guesses about health.
    pub last_resort: bool,
}

/// Members of one tier that may be used.
pub(crate) type Candidates = SmallVec<[usize; 32]>;

// === impl Pools ===

impl Pools {
    /// The endpoint for the next attempt: a usable member of the lowest tier that has one, chosen by the pool's
    /// balance; `None` when no member is usable. `tried` are the endpoints that this request must not go to again.
    ///
    /// A member whose rest or ejection is over gets one request at a time to prove itself, and only requests that
    /// have not failed before: those have the most attempts left.
    #[must_use]
    pub fn pick(&self, pool: PoolId, tried: &[EndpointId], ask: &Ask<'_>) -> Option<Lease> {
        let now = self.epoch.millis(ask.now);
        let mut at = self.pool(pool)?;
        for _ in 0..OVERFLOW_DEPTH {
            let Some(next) = at.overflow.filter(|(percent, _)| at.used_percent() >= Some(u64::from(*percent))) else {
                break;
            };
            let Some(next) = self.pool(next.1).filter(|p| p.usable(now) > 0) else { break };
            at = next;
        }
        let lease = at.pick(tried, ask, now)?;
        if tried.is_empty() {
            at.state.budget.count_request(now);
        }
        Some(lease)
    }

    /// Whether a retry in this pool keeps within its budget, and if so, takes it out of the budget. `budget` is
    /// the route's or pool's own share in per cent; 20 where the policy says none.
    #[must_use]
    pub fn retry_allowed(&self, pool: PoolId, budget: Option<u8>, now: Instant) -> bool {
        self.pool(pool).is_some_and(|p| p.state.budget.try_spend(self.epoch.millis(now), budget))
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

// === impl BoundPool ===

impl BoundPool {
    fn pick(self: &Arc<Self>, tried: &[EndpointId], ask: &Ask<'_>, now: u64) -> Option<Lease> {
        // First the usable members, then those that must prove themselves, then, if asked, whoever is left.
        let first_try = tried.is_empty();
        for tier in &self.tiers {
            let (mut open, trials) = self.candidates(tier.clone(), tried, ask, now);
            if first_try && let Some(lease) = trials.iter().find_map(|i| self.claim(*i, ask, now)) {
                return Some(lease);
            }
            if let Some(lease) = self.take_from(&mut open, ask, now) {
                return Some(lease);
            }
        }
        let mut rest = self.tiers.iter().map(|tier| self.candidates(tier.clone(), tried, ask, now).1);
        if let Some(lease) = rest.find_map(|trials| trials.iter().find_map(|i| self.claim(*i, ask, now))) {
            return Some(lease);
        }
        if !ask.last_resort {
            return None;
        }
        self.tiers.iter().find_map(|tier| self.take_from(&mut self.leftovers(tier.clone(), tried, ask), ask, now))
    }

    /// Members of a tier that are usable, and those that are on trial.
    fn candidates(
        &self,
        tier: std::ops::Range<usize>,
        tried: &[EndpointId],
        ask: &Ask<'_>,
        now: u64,
    ) -> (Candidates, Candidates) {
        let mut open = Candidates::new();
        let mut trials = Candidates::new();
        for (index, member) in self.eligible(tier, tried, ask) {
            match member.admission(now) {
                Admission::Open if member.weight > 0 => open.push(index),
                Admission::Trial if member.weight > 0 => trials.push(index),
                Admission::Open | Admission::Trial | Admission::Closed => {}
            }
        }
        if matches!(self.balance, weir_dsl::hir::Balance::Hash(..)) {
            // Affinity first: a trial member is found by hash like any other, not preferred.
            open.append(&mut trials);
            open.sort_unstable();
        }
        (open, trials)
    }

    /// Members of a tier whose health is not asked for.
    fn leftovers(&self, tier: std::ops::Range<usize>, tried: &[EndpointId], ask: &Ask<'_>) -> Candidates {
        self.eligible(tier, tried, ask).map(|(index, _)| index).collect()
    }

    fn eligible(
        &self,
        tier: std::ops::Range<usize>,
        tried: &[EndpointId],
        ask: &Ask<'_>,
    ) -> impl Iterator<Item = (usize, &Member)> {
        let members = self.members.get(tier.clone()).unwrap_or_default();
        tier.zip(members).filter(|(_, m)| {
            !tried.contains(&m.id)
                && m.serves(ask.model)
                && !m.endpoint.is_drained()
                && m.endpoint.has_room(m.capacity)
        })
    }

    /// Chooses by balance until a choice has room; others may take the last place meanwhile.
    fn take_from(self: &Arc<Self>, candidates: &mut Candidates, ask: &Ask<'_>, now: u64) -> Option<Lease> {
        while let Some(at) = balance::choose(self, candidates, &Dealt { hash: ask.hash, random: ask.random, now }) {
            let index = candidates.get(at).copied()?;
            if let Some(lease) = self.claim(index, ask, now) {
                return Some(lease);
            }
            candidates.swap_remove(at);
        }
        None
    }

    /// Takes one place at a member, and the trials that its gates ask for.
    fn claim(self: &Arc<Self>, index: usize, ask: &Ask<'_>, now: u64) -> Option<Lease> {
        let member = self.members.get(index)?;
        let claims = claims(member, now, ask.last_resort)?;
        if !member.endpoint.try_enter(member.capacity) {
            super::lease::release(member, claims);
            return None;
        }
        Some(Lease::new(Arc::clone(self), index, claims))
    }
}

/// The trials that a member's gates ask for, claimed; `None` when they are all taken or a gate is closed.
fn claims(member: &Member, now: u64, last_resort: bool) -> Option<Claims> {
    let mut claims = Claims::default();
    let gates = [(&member.state.out, false), (&member.endpoint.busy, true)];
    for (gate, rest) in gates {
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
                super::lease::release(member, claims);
                return None;
            }
        }
    }
    claims.last_resort |= last_resort && member.endpoint.is_down();
    Some(claims)
}
