//! The right to send one attempt to one endpoint, and the report of how it went.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use weir_dsl::hir::{EndpointId, FailureClass, PoolId};

use super::member::{BoundPool, Member};

/// How long an endpoint rests after a 429 or an overload that does not say how long.
pub const REST_DEFAULT: Duration = Duration::from_secs(1);
/// Longest rest that a vendor can ask for: clients give up earlier, and one wrong header must not take an
/// endpoint away for a day.
pub const REST_MAX: Duration = Duration::from_secs(60);

/// One attempt's place at one endpoint. Dropping it gives the place back; an attempt that ends without
/// [`Lease::report`] (the client left) says nothing about the endpoint.
#[derive(Debug)]
pub struct Lease {
    pool: Arc<BoundPool>,
    member: usize,
    claims: Claims,
    reported: bool,
}

/// Under which conditions a lease was given.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Claims {
    /// Holds a trial of the member's ejection gate.
    pub(crate) trial: bool,
    /// Holds a trial of the endpoint's gate for `Retry-After`.
    pub(crate) rest_trial: bool,
    /// Given although nothing was usable.
    pub(crate) last_resort: bool,
}

/// How an attempt went.
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    /// How it failed; `None` when it gave an answer.
    pub class: Option<FailureClass>,
    /// From sending to the first meaningful byte of the answer, or to the failure.
    pub latency: Duration,
    /// What the vendor asked for with `Retry-After`.
    pub retry_after: Option<Duration>,
}

/// What an outcome says about the endpoint.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Verdict {
    /// It works.
    Well,
    /// It works; this request was not to its liking.
    Alive,
    /// It works, and has enough to do.
    Busy,
    /// It does not work, and says that it is overloaded.
    Overloaded,
    /// It does not work.
    Sick,
}

// === impl Outcome ===

impl Outcome {
    /// A good answer.
    #[must_use]
    pub fn good(latency: Duration) -> Self {
        Self { class: None, latency, retry_after: None }
    }

    /// A failure.
    #[must_use]
    pub fn failed(class: FailureClass, latency: Duration) -> Self {
        Self { class: Some(class), latency, retry_after: None }
    }

    /// With the vendor's `Retry-After`.
    #[must_use]
    pub fn resting(self, retry_after: Option<Duration>) -> Self {
        Self { retry_after, ..self }
    }

    fn verdict(&self) -> Verdict {
        let Some(class) = self.class else { return Verdict::Well };
        match class {
            FailureClass::ClientError
            | FailureClass::ContextExceeded
            | FailureClass::ContentFilter
            | FailureClass::Refused => Verdict::Alive,
            FailureClass::RateLimited => Verdict::Busy,
            FailureClass::Overloaded => Verdict::Overloaded,
            FailureClass::Connect
            | FailureClass::Timeout
            | FailureClass::ServerError
            | FailureClass::BadResponse
            | FailureClass::StreamBroken
            // The credential is the endpoint's, not the client's: nobody's requests pass.
            | FailureClass::Auth => Verdict::Sick,
        }
    }
}

// === impl Lease ===

impl Lease {
    pub(crate) fn new(pool: Arc<BoundPool>, member: usize, claims: Claims) -> Self {
        Self { pool, member, claims, reported: false }
    }

    /// Place of the member in its pool.
    pub(crate) fn place(&self) -> usize {
        self.member
    }

    /// The endpoint to send to.
    #[must_use]
    pub fn endpoint(&self) -> EndpointId {
        self.member().map_or(EndpointId(u32::MAX), |m| m.id)
    }

    /// The pool that it was taken from.
    #[must_use]
    pub fn pool(&self) -> PoolId {
        self.pool.id
    }

    /// The pool's name.
    #[must_use]
    pub fn pool_name(&self) -> &Arc<str> {
        &self.pool.name
    }

    /// Tells how the attempt went, as soon as that is known; the place stays taken until the lease is dropped.
    ///
    /// A second report adds to the first: an answer that began well may still break.
    pub fn report(&mut self, outcome: &Outcome, now: Instant) {
        let pool = Arc::clone(&self.pool);
        let Some(member) = pool.members.get(self.member) else { return };
        let now = pool.epoch.millis(now);
        let verdict = outcome.verdict();
        let failed = matches!(verdict, Verdict::Busy | Verdict::Overloaded | Verdict::Sick);
        if failed || !self.reported {
            member.endpoint.count_outcome(now, failed);
        }
        self.reported = true;
        match verdict {
            Verdict::Well => {
                member.endpoint.ewma.record(now, outcome.latency);
                member.endpoint.quantiles.record(now, outcome.latency);
                self.succeeded(member, now);
            }
            Verdict::Alive => self.succeeded(member, now),
            Verdict::Busy => {
                // It answered, so it is not ejected for being dead.
                let rest = outcome.retry_after.unwrap_or(REST_DEFAULT).min(REST_MAX);
                if member.endpoint.busy.close(now, rest, 1) {
                    pool.tell(member, false, "resting");
                }
            }
            Verdict::Overloaded | Verdict::Sick => {
                member.endpoint.ewma.punish(now, outcome.latency);
                if let Some(rest) = outcome.retry_after.or((verdict == Verdict::Overloaded).then_some(REST_DEFAULT)) {
                    member.endpoint.busy.close(now, rest.min(REST_MAX), 1);
                }
                if self.claims.trial { pool.count_failed_trial(member, now) } else { pool.count_failure(member, now) }
            }
        }
    }

    /// [`Lease::report`] and the end of the attempt.
    pub fn finish(mut self, outcome: &Outcome, now: Instant) {
        self.report(outcome, now);
    }

    fn succeeded(&self, member: &Member, now: u64) {
        self.pool.count_success(member, now, self.claims.trial || self.claims.last_resort);
        let proves = self.claims.rest_trial || self.claims.last_resort;
        if proves && member.endpoint.busy.closed_for(now).is_none_or(|_| self.claims.last_resort) {
            member.endpoint.busy.win();
        }
    }

    fn member(&self) -> Option<&Member> {
        // INVARIANT: `member` was an index of this very pool when the lease was made.
        self.pool.members.get(self.member)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(member) = self.pool.members.get(self.member) {
            release(member, self.claims);
            member.endpoint.leave();
        }
    }
}

/// Gives claimed trials back.
pub(crate) fn release(member: &Member, claims: Claims) {
    if claims.trial {
        member.state.out.release();
    }
    if claims.rest_trial {
        member.endpoint.busy.release();
    }
}
