//! The machine itself.

use std::sync::Arc;
use std::time::Duration;

use smallvec::SmallVec;

use crate::hir::{Endpoint, EndpointId, FailureClass, Hir, Pool, PoolId, Retry, Route, Target, Timeouts};

use super::candidate::served;
use super::{
    ATTEMPTS_MAX, Attempt, AttemptModel, Candidate, Cause, Demand, End, EndReason, Failure, MemberIndex, Next, Now,
    Picker,
};

/// Pools that hand over to one another by `overflow` at most.
const OVERFLOWS_MAX: usize = 4;

/// The attempts of one request. Ask [`Failover::first`] once, and [`Failover::failed`] after every failure.
#[derive(Clone, Debug)]
pub struct Failover {
    hir: Arc<Hir>,
    route: Arc<Route>,
    demand: Demand,
    attempts: u32,
    /// Endpoint and upstream model name of every attempt: none is made twice.
    tried: SmallVec<[(EndpointId, Option<Arc<str>>); 4]>,
    used_fallbacks: SmallVec<[u32; 4]>,
    first_failure: Option<Failure>,
    /// Endpoints that asked to be left alone, and how much time is left when that ends.
    held: SmallVec<[(EndpointId, Duration); 2]>,
    current: Option<Current>,
}

/// Where the attempt under way stands.
#[derive(Clone, Debug)]
struct Current {
    target: Target,
    endpoint: EndpointId,
    tier: u32,
    /// Retries spent in this pool.
    retries: u32,
}

/// A member that could be asked.
#[derive(Clone, Debug)]
struct Able {
    candidate: Candidate,
    tier: u32,
    model: Option<AttemptModel>,
    wait: Duration,
}

/// A member that will be asked.
struct Picked {
    /// Its pool may be the overflow of the one written.
    target: Target,
    able: Able,
}

// === impl Failover ===

impl Failover {
    /// Begins the attempts of one request on a route.
    #[must_use]
    pub fn new(hir: Arc<Hir>, route: Arc<Route>, demand: Demand) -> Self {
        Self {
            hir,
            route,
            demand,
            attempts: 0,
            tried: SmallVec::new(),
            used_fallbacks: SmallVec::new(),
            first_failure: None,
            held: SmallVec::new(),
            current: None,
        }
    }

    /// The first attempt: the route's pool, then its `else`. A pool without a usable member has failed to
    /// connect, or is overloaded, as far as fallbacks are concerned.
    pub fn first(&mut self, now: Now, picker: &mut dyn Picker) -> Next {
        if now.left == Some(Duration::ZERO) {
            return self.done(EndReason::Deadline);
        }
        let route = Arc::clone(&self.route);
        if let Some(picked) = self.pick(&route.to, now, picker) {
            return self.attempt(picked, Cause::First, now);
        }
        if let Some(pool) = route.or_else {
            let target = Target { pool, as_model: route.to.as_model.clone() };
            if let Some(picked) = self.pick(&target, now, picker) {
                return self.attempt(picked, Cause::Else, now);
            }
        }
        self.fall_back(&[FailureClass::Connect, FailureClass::Overloaded], now, picker)
            .unwrap_or_else(|| self.done(EndReason::NoMember))
    }

    /// The attempt under way failed: what now.
    pub fn failed(&mut self, failure: Failure, now: Now, picker: &mut dyn Picker) -> Next {
        self.first_failure.get_or_insert(failure);
        if failure.first_byte_sent {
            return self.done(EndReason::AfterFirstByte);
        }
        if now.left == Some(Duration::ZERO) {
            return self.done(EndReason::Deadline);
        }
        if self.attempts >= ATTEMPTS_MAX {
            return self.done(EndReason::AttemptsMax);
        }
        self.hold(failure, now);
        self.retry(failure.class, now, picker)
            .or_else(|| self.fall_back(&[failure.class], now, picker))
            .unwrap_or_else(|| self.done(EndReason::Exhausted))
    }

    /// Notes how long the failed endpoint wants to be left alone.
    fn hold(&mut self, failure: Failure, now: Now) {
        if let (Some(current), Some(asked)) = (&self.current, failure.retry_after) {
            // Without a deadline the machine has no clock, and the endpoint is left alone for good.
            let until = now.left.map_or(Duration::ZERO, |left| left.saturating_sub(asked));
            self.held.push((current.endpoint, until));
        }
    }

    /// Another member of the same pool: the same tier first, then up.
    fn retry(&mut self, class: FailureClass, now: Now, picker: &mut dyn Picker) -> Option<Next> {
        let current = self.current.clone()?;
        let retry = self.retry_of(current.target.pool)?;
        if !retry.on.has(class) || current.retries >= retry.attempts {
            return None;
        }
        let pause = backoff(retry, current.retries, now.jitter);
        if now.left.is_some_and(|left| pause >= left) {
            return None;
        }
        let picked = self.pick_in(&current.target, current.tier, pause, now, picker)?;
        if !picker.may_retry(current.target.pool, retry.budget) {
            return None;
        }
        let next = self.attempt(picked, Cause::Retry, now);
        if let Some(new) = &mut self.current {
            new.retries = current.retries + 1;
        }
        Some(next)
    }

    /// The first fallback that was not used and lists one of the classes, and whose pool has a usable member.
    fn fall_back(&mut self, classes: &[FailureClass], now: Now, picker: &mut dyn Picker) -> Option<Next> {
        let route = Arc::clone(&self.route);
        for (number, fallback) in (0..).zip(&route.fallbacks) {
            if self.used_fallbacks.contains(&number) || !classes.iter().any(|class| fallback.on.has(*class)) {
                continue;
            }
            self.used_fallbacks.push(number);
            if let Some(picked) = self.pick(&fallback.to, now, picker) {
                return Some(self.attempt(picked, Cause::Fallback(number), now));
            }
        }
        None
    }
    /// Picks in a target's pool, which begins afresh: at its lowest tier, and in its `overflow` where that applies.
    fn pick(&self, target: &Target, now: Now, picker: &mut dyn Picker) -> Option<Picked> {
        let chain = self.overflow_chain(target, picker);
        // The last pool of the chain is the one that should be used; the others stand in for it.
        chain.iter().rev().find_map(|target| self.pick_in(target, 0, Duration::ZERO, now, picker))
    }

    /// The target, then the pools that its load is handed on to.
    fn overflow_chain(&self, target: &Target, picker: &mut dyn Picker) -> SmallVec<[Target; 2]> {
        let mut chain = SmallVec::from_iter([target.clone()]);
        let mut pool = target.pool;
        while let Some((percent, next)) = self.pool(pool).and_then(|pool| pool.overflow) {
            let known = chain.iter().any(|target: &Target| target.pool == next);
            if known || chain.len() >= OVERFLOWS_MAX || !picker.overflows(pool, percent) {
                break;
            }
            chain.push(Target { pool: next, as_model: target.as_model.clone() });
            pool = next;
        }
        chain
    }

    /// Picks in one pool: members that are free to be asked first, then those that asked to be left alone for a
    /// time that still leaves some.
    fn pick_in(
        &self,
        target: &Target,
        tier: u32,
        pause: Duration,
        now: Now,
        picker: &mut dyn Picker,
    ) -> Option<Picked> {
        let pool = self.pool(target.pool)?;
        let able: SmallVec<[Able; 8]> = self.able(pool, target, tier, pause, now).collect();
        self.pick_among(&able, target, picker, |able| able.wait <= pause)
            .or_else(|| self.pick_among(&able, target, picker, |able| able.wait > pause))
    }

    fn pick_among(
        &self,
        able: &[Able],
        target: &Target,
        picker: &mut dyn Picker,
        wanted: impl Fn(&Able) -> bool,
    ) -> Option<Picked> {
        let mut tier = able.iter().filter(|able| wanted(able)).map(|able| able.tier).min();
        while let Some(current) = tier {
            let in_tier = able.iter().filter(|able| able.tier == current && wanted(able));
            let candidates: SmallVec<[Candidate; 8]> = in_tier.map(|able| able.candidate).collect();
            let picked = picker.pick(target.pool, &candidates);
            if let Some(able) = picked.and_then(|member| able.iter().find(|able| able.candidate.member == member)) {
                return Some(Picked { target: target.clone(), able: able.clone() });
            }
            tier = able.iter().filter(|able| wanted(able) && able.tier > current).map(|able| able.tier).min();
        }
        None
    }

    /// The members that could serve the request, were not tried, and can be asked before time runs out.
    fn able<'a>(
        &'a self,
        pool: &'a Pool,
        target: &'a Target,
        tier: u32,
        pause: Duration,
        now: Now,
    ) -> impl Iterator<Item = Able> + 'a {
        (0..).map(MemberIndex).zip(&pool.members).filter(move |(_, member)| member.tier >= tier).filter_map(
            move |(index, member)| {
                let endpoint = self.endpoint(member.endpoint)?;
                let model = served(member, endpoint, target.as_model.as_ref(), &self.demand)?;
                let wait = self.held_for(member.endpoint, now)?.max(pause);
                let candidate = Candidate { member: index, endpoint: member.endpoint, weight: member.weight };
                let untried = !self.was_tried(member.endpoint, model.as_ref());
                untried.then_some(Able { candidate, tier: member.tier, model, wait })
            },
        )
    }

    fn was_tried(&self, endpoint: EndpointId, model: Option<&AttemptModel>) -> bool {
        let name = model.map(|model| &model.upstream);
        self.tried.iter().any(|(tried, with)| *tried == endpoint && with.as_ref() == name)
    }

    /// How long the endpoint wants to be left alone still; `None`: longer than there is time.
    fn held_for(&self, endpoint: EndpointId, now: Now) -> Option<Duration> {
        let until = self.held.iter().filter(|(held, _)| *held == endpoint).map(|(_, until)| *until).min();
        let Some(until) = until else { return Some(Duration::ZERO) };
        let left = now.left?;
        (until > Duration::ZERO).then(|| left.saturating_sub(until))
    }

    fn attempt(&mut self, picked: Picked, cause: Cause, now: Now) -> Next {
        self.attempts += 1;
        let Picked { target, able } = picked;
        let Candidate { member, endpoint, .. } = able.candidate;
        self.tried.push((endpoint, able.model.as_ref().map(|model| Arc::clone(&model.upstream))));
        let attempt = Attempt {
            number: self.attempts,
            pool: target.pool,
            member,
            endpoint,
            model: able.model,
            wait: able.wait,
            timeouts: self.timeouts(target.pool, endpoint, able.wait, now),
            hedge: self.route.hedge.or_else(|| self.pool(target.pool)?.hedge),
            cause,
        };
        self.current = Some(Current { target, endpoint, tier: able.tier, retries: 0 });
        Next::Attempt(attempt)
    }

    fn timeouts(&self, pool: PoolId, endpoint: EndpointId, wait: Duration, now: Now) -> Timeouts {
        let pool = self.pool(pool).map(|pool| pool.timeouts).unwrap_or_default();
        let endpoint = self.endpoint(endpoint).map(|endpoint| endpoint.timeouts).unwrap_or_default();
        let left = Timeouts { total: now.left.map(|left| left.saturating_sub(wait)), ..Timeouts::default() };
        [pool, endpoint, left].into_iter().fold(self.route.timeouts, tighter)
    }

    fn retry_of(&self, pool: PoolId) -> Option<Retry> {
        self.route.retry.or_else(|| self.pool(pool)?.retry)
    }

    fn pool(&self, id: PoolId) -> Option<&Pool> {
        self.hir.pools.get(usize::try_from(id.0).ok()?)
    }

    fn endpoint(&self, id: EndpointId) -> Option<&Endpoint> {
        self.hir.endpoints.get(usize::try_from(id.0).ok()?)
    }

    fn done(&self, reason: EndReason) -> Next {
        Next::Done(End { first: self.first_failure, reason })
    }
}

/// The shorter of each timer.
fn tighter(a: Timeouts, b: Timeouts) -> Timeouts {
    let shorter = |a: Option<Duration>, b: Option<Duration>| match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    };
    Timeouts {
        connect: shorter(a.connect, b.connect),
        first_byte: shorter(a.first_byte, b.first_byte),
        idle: shorter(a.idle, b.idle),
        total: shorter(a.total, b.total),
    }
}

/// Doubles from the first pause to the longest, and takes between half and the whole of it: requests that
/// failed together do not come back together.
fn backoff(retry: Retry, retries: u32, jitter: f64) -> Duration {
    let Some((first, longest)) = retry.backoff else { return Duration::ZERO };
    let full = first.saturating_mul(2_u32.saturating_pow(retries)).min(longest);
    full.mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0)
}
