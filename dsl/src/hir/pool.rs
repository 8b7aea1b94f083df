//! Pools: endpoints that serve one purpose, and how one of them is chosen and given up.

use std::sync::Arc;
use std::time::Duration;

use crate::span::Span;

use super::{ClassSet, EndpointId, FieldId, PoolId, Timeouts};

/// A set of endpoints that serve one purpose.
#[derive(Clone, Debug)]
pub struct Pool {
    /// Its name; an implicit pool has its endpoint's name.
    pub name: Arc<str>,
    /// Declaration.
    pub span: Span,
    /// Made for an endpoint that stands where a pool is expected.
    pub implicit: bool,
    /// How a member is chosen inside a tier.
    pub balance: Balance,
    /// Members in written order.
    pub members: Vec<Member>,
    /// Retry on another member.
    pub retry: Option<Retry>,
    /// Passive ejection.
    pub eject: Option<Eject>,
    /// Error-rate breaker.
    pub breaker: Option<Breaker>,
    /// A second try beside a slow first one.
    pub hedge: Option<Hedge>,
    /// Where to go when this share of capacity is used.
    pub overflow: Option<(u8, PoolId)>,
    /// Timers.
    pub timeouts: Timeouts,
}

/// How a member is chosen.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Balance {
    /// In turn.
    RoundRobin,
    /// In turn, by weight.
    Weighted,
    /// Fewest in flight by weight.
    LeastRequest,
    /// The better of two random ones, by in-flight.
    P2c,
    /// The better of two random ones, by peak-EWMA latency times in-flight.
    Ewma,
    /// By a field's hash, optionally of its first bytes.
    Hash(FieldId, Option<u32>),
}

/// One member of a pool.
#[derive(Clone, Debug)]
pub struct Member {
    /// The endpoint.
    pub endpoint: EndpointId,
    /// Share.
    pub weight: u32,
    /// Lower tiers are used first.
    pub tier: u32,
    /// Public model name to ask this member for.
    pub as_model: Option<Arc<str>>,
}

/// `retry n on [..] backoff a..b budget %`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Retry {
    /// More attempts at most.
    pub attempts: u32,
    /// Which failures.
    pub on: ClassSet,
    /// First and longest pause.
    pub backoff: Option<(Duration, Duration)>,
    /// Retries as a share of requests, in per cent.
    pub budget: Option<u8>,
}

/// `eject after n errors for d max %`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Eject {
    /// Consecutive failures.
    pub after: u32,
    /// For how long.
    pub hold: Duration,
    /// Share of members that may be out, in per cent.
    pub max_percent: u8,
}

/// `breaker errors % over d min n open d probes n`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Breaker {
    /// Failing share that opens it, in per cent.
    pub errors_percent: u8,
    /// Window.
    pub over: Duration,
    /// Requests needed to judge.
    pub min: u32,
    /// How long it stays open.
    pub open: Duration,
    /// Trial requests when half open.
    pub probes: u32,
}

/// `hedge after d max n`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Hedge {
    /// Silence before the second try.
    pub after: Duration,
    /// More tries at most.
    pub max: u32,
}

/// `alias "a" = "b"`.
#[derive(Clone, Debug)]
pub struct Alias {
    /// What clients may say.
    pub name: Arc<str>,
    /// What it means.
    pub target: Arc<str>,
    /// Declaration.
    pub span: Span,
}
