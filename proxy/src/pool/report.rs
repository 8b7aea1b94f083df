//! What policies (`live.*`), operators and metrics may know about pools and endpoints.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;
use weir_dsl::facts::Value;
use weir_dsl::hir::{EndpointId, LiveMetric, PoolId};

use super::endpoint::EndpointState;
use super::gate::Admission;
use super::latency::Samples;
use super::member::{BoundPool, Member};
use super::pick::Pools;
use super::time::span_millis;
use super::window::Counts;

/// One endpoint, as `GET /endpoints` shows it.
#[derive(Clone, Debug)]
pub struct EndpointReport {
    /// Name.
    pub name: Arc<str>,
    /// Whether some pool would send it a request now.
    pub up: bool,
    /// Taken out of use by an operator.
    pub drained: bool,
    /// Its active health check fails.
    pub down: bool,
    /// What is left of a vendor's `Retry-After`.
    pub resting: Option<Duration>,
    /// Requests in flight.
    pub in_flight: u32,
    /// Median latency of the last one to two minutes; zero without traffic.
    pub latency_p50: Duration,
    /// 95th percentile.
    pub latency_p95: Duration,
    /// Failures of the last 30 seconds in per cent.
    pub error_rate: f64,
    /// Where it is a member.
    pub pools: Vec<MemberReport>,
}

/// An endpoint's place in one pool.
#[derive(Clone, Debug)]
pub struct MemberReport {
    /// The pool's name.
    pub pool: Arc<str>,
    /// Tier; the lowest is used first.
    pub tier: u32,
    /// Weight.
    pub weight: u32,
    /// Requests in flight at most.
    pub capacity: Option<u32>,
    /// Failures since the last success.
    pub consecutive_failures: u32,
    /// How long it stays ejected, or its breaker open.
    pub ejected: Option<Duration>,
    /// Ejection is over, but it has not proved itself yet.
    pub on_trial: bool,
}

impl Pools {
    /// `live.pool.N.METRIC`.
    #[must_use]
    pub fn live_pool(&self, pool: PoolId, metric: LiveMetric, now: Instant) -> Value<'static> {
        let now = self.epoch.millis(now);
        let Some(pool) = self.pool(pool) else { return Value::Absent };
        match metric {
            LiveMetric::Healthy => int(pool.usable(now)),
            LiveMetric::InFlight => {
                Value::Int(pool.members.iter().map(|m| i64::from(m.endpoint.in_flight())).sum::<i64>())
            }
            LiveMetric::LatencyP50 => latency(endpoints(pool), now, 50),
            LiveMetric::LatencyP95 => latency(endpoints(pool), now, 95),
            LiveMetric::ErrorRate => error_rate(endpoints(pool), now),
        }
    }

    /// `live.endpoint.N.METRIC`.
    #[must_use]
    pub fn live_endpoint(&self, endpoint: EndpointId, metric: LiveMetric, now: Instant) -> Value<'static> {
        let epoch_now = self.epoch.millis(now);
        let Some(state) = self.endpoint(endpoint) else { return Value::Absent };
        match metric {
            LiveMetric::Healthy => Value::Int(i64::from(self.is_up(endpoint, now))),
            LiveMetric::InFlight => Value::Int(i64::from(state.in_flight())),
            LiveMetric::LatencyP50 => latency([&**state].into_iter(), epoch_now, 50),
            LiveMetric::LatencyP95 => latency([&**state].into_iter(), epoch_now, 95),
            LiveMetric::ErrorRate => error_rate([&**state].into_iter(), epoch_now),
        }
    }

    /// Whether an endpoint may be used, and is not ejected by every pool that has it.
    #[must_use]
    pub fn is_up(&self, endpoint: EndpointId, now: Instant) -> bool {
        let now = self.epoch.millis(now);
        let Some(state) = self.endpoint(endpoint) else { return false };
        let mut places = self.places(endpoint).peekable();
        state.admission(now) != Admission::Closed
            && (places.peek().is_none() || places.any(|(_, m)| m.state.out.look(now) != Admission::Closed))
    }

    /// Every endpoint of the snapshot, in written order.
    #[must_use]
    pub fn report(&self, now: Instant) -> Vec<EndpointReport> {
        self.endpoints.iter().zip(0..).map(|(state, id)| self.describe(EndpointId(id), state, now)).collect()
    }

    fn describe(&self, id: EndpointId, state: &EndpointState, at: Instant) -> EndpointReport {
        let now = self.epoch.millis(at);
        let mut samples = Samples::default();
        state.quantiles.collect(now, &mut samples);
        EndpointReport {
            name: Arc::clone(&state.name),
            up: self.is_up(id, at),
            drained: state.is_drained(),
            down: state.is_down(),
            resting: state.busy.closed_for(now),
            in_flight: state.in_flight(),
            latency_p50: samples.quantile(50),
            latency_p95: samples.quantile(95),
            error_rate: state.outcomes(now).marked_percent(),
            pools: self.places(id).map(|(pool, member)| place(pool, member, now)).collect(),
        }
    }

    fn places(&self, endpoint: EndpointId) -> impl Iterator<Item = (&BoundPool, &Member)> {
        self.pools
            .iter()
            .flat_map(move |pool| pool.members.iter().filter(move |m| m.id == endpoint).map(move |m| (&**pool, m)))
    }

    fn endpoint(&self, id: EndpointId) -> Option<&Arc<EndpointState>> {
        usize::try_from(id.0).ok().and_then(|i| self.endpoints.get(i))
    }
}

fn place(pool: &BoundPool, member: &Member, now: u64) -> MemberReport {
    MemberReport {
        pool: Arc::clone(&pool.name),
        tier: member.tier,
        weight: member.weight,
        capacity: member.capacity,
        consecutive_failures: member.state.consecutive.load(Ordering::Relaxed),
        ejected: member.state.out.closed_for(now),
        on_trial: member.state.out.look(now) == Admission::Trial,
    }
}

/// Different endpoints of a pool: one that is a member twice counts once.
fn endpoints(pool: &BoundPool) -> impl Iterator<Item = &EndpointState> {
    let first = |at: usize, m: &Member| pool.members.iter().take(at).all(|earlier| earlier.id != m.id);
    pool.members.iter().enumerate().filter(move |(at, m)| first(*at, m)).map(|(_, m)| &*m.endpoint)
}

fn latency<'a>(states: impl Iterator<Item = &'a EndpointState>, now: u64, per_cent: u64) -> Value<'static> {
    let mut samples = Samples::default();
    states.for_each(|state| state.quantiles.collect(now, &mut samples));
    Value::Int(i64::try_from(span_millis(samples.quantile(per_cent))).unwrap_or(i64::MAX))
}

fn error_rate<'a>(states: impl Iterator<Item = &'a EndpointState>, now: u64) -> Value<'static> {
    let seen = states.fold(Counts::default(), |sum, state| sum + state.outcomes(now));
    Value::Float(seen.marked_percent())
}

fn int(count: usize) -> Value<'static> {
    Value::Int(i64::try_from(count).unwrap_or(i64::MAX))
}
