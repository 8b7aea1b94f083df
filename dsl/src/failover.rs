//! What to try next: the pure state machine of `language.md` §9.
//!
//! The proxy's attempt loop and `weir test` drive the same machine, so that both always agree. It knows the
//! written route and pools and what has failed so far; whether a member is usable right now is asked of a
//! [`Picker`]. It refuses to know clocks, sockets and chance: time left and jitter come in as values.
//!
//! ```text
//! let mut next = machine.first(now, picker);
//! loop { match next { Attempt(a) => if run(a) fails { next = machine.failed(how, now, picker) }, Done(end) => … } }
//! ```

mod candidate;
mod machine;

use std::sync::Arc;
use std::time::Duration;

use crate::hir::{EndpointId, FailureClass, Hedge, PoolId, Timeouts};

pub use machine::Failover;

/// Attempts of one request at most, over all pools (`language.md` §9).
pub const ATTEMPTS_MAX: u32 = 16;

/// Knows which members are usable now, and chooses among them.
pub trait Picker {
    /// Chooses one of `candidates`, or none when no one is usable: healthy, not ejected, capacity left. They are
    /// members of one pool and one tier, in written order, never tried before, and serve the model; the pool's
    /// `balance` is the picker's to follow. Choosing reserves nothing: the attempt may still not be made.
    fn pick(&mut self, pool: PoolId, candidates: &[Candidate]) -> Option<MemberIndex>;

    /// Whether so much of the pool's capacity is in use that its `overflow` applies. Asked only for pools that
    /// have one.
    fn overflows(&mut self, pool: PoolId, percent: u8) -> bool;

    /// Whether the pool's retry budget has one left; takes it. Asked only when everything else allows a retry.
    fn may_retry(&mut self, pool: PoolId, budget_percent: Option<u8>) -> bool;
}

/// Place of a member in [`crate::hir::Pool::members`].
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct MemberIndex(pub u32);

/// A member that could serve the request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Candidate {
    /// Its place in the pool.
    pub member: MemberIndex,
    /// Its endpoint.
    pub endpoint: EndpointId,
    /// Its share in the pool.
    pub weight: u32,
}

/// What an endpoint has to offer to serve the request.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Demand {
    /// The public model name asked for, after alias and `set model`; `None`: the request names none.
    pub model: Option<Arc<str>>,
    /// Input and answer tokens; `None`: not counted, so no member is skipped for its context.
    pub tokens_wanted: Option<u64>,
    /// Capabilities the request uses, by their word in `supports`.
    pub supports: Vec<Arc<str>>,
}

/// How an attempt failed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Failure {
    /// Its class.
    pub class: FailureClass,
    /// Whether the client has got a byte of the answer: then nothing is tried again.
    pub first_byte_sent: bool,
    /// What the endpoint asked for with `Retry-After`.
    pub retry_after: Option<Duration>,
}

/// What the world is like when the next attempt is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Now {
    /// Time left until the deadline; `None`: there is none.
    pub left: Option<Duration>,
    /// A fresh random number in `0.0..1.0`, for the backoff's jitter.
    pub jitter: f64,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub enum Next {
    /// Try this.
    Attempt(Attempt),
    /// There is nothing left to try.
    Done(End),
}

/// One try at one endpoint.
#[derive(Clone, Debug, PartialEq)]
pub struct Attempt {
    /// Counts from 1 over the whole request.
    pub number: u32,
    /// The pool it was picked from.
    pub pool: PoolId,
    /// Its member.
    pub member: MemberIndex,
    /// Whom to ask.
    pub endpoint: EndpointId,
    /// What to ask for; `None`: the request names no model and the policy none either.
    pub model: Option<AttemptModel>,
    /// How long to wait before: backoff, and `Retry-After` where the endpoint asked for it.
    pub wait: Duration,
    /// The shortest of the route's, pool's and endpoint's timers, and `total` never beyond the time left.
    pub timeouts: Timeouts,
    /// A second try beside this one, when it stays silent.
    pub hedge: Option<Hedge>,
    /// Why it is tried.
    pub cause: Cause,
}

/// A model by both its names.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AttemptModel {
    /// The name policies and clients use.
    pub public: Arc<str>,
    /// The name the endpoint wants.
    pub upstream: Arc<str>,
}

/// Why an attempt is made.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Cause {
    /// It is the first.
    First,
    /// The same pool's `retry`.
    Retry,
    /// This entry of [`crate::hir::Route::fallbacks`].
    Fallback(u32),
    /// The route's `else`: the first pool had no usable member.
    Else,
}

/// Why nothing more is tried.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct End {
    /// The *first* failure, that of attempt 1; `None` when no attempt could be made at all.
    pub first: Option<Failure>,
    /// What stopped it.
    pub reason: EndReason,
}

/// What stopped the attempts.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum EndReason {
    /// Neither the first pool nor any that may stand in for it has a usable member.
    NoMember,
    /// No retry and no fallback is left for the failure.
    Exhausted,
    /// The client has got a byte of the answer.
    AfterFirstByte,
    /// [`ATTEMPTS_MAX`] is reached.
    AttemptsMax,
    /// No time is left.
    Deadline,
}

#[cfg(test)]
mod tests;
