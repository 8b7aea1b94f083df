//! Station 9: attempts at endpoints until one is good or nothing is left.
//!
//! `dsl::failover` says what to try next, [`crate::pool`] which member is usable, [`super::begin`] whether an
//! answer is good. This station only drives them, and watches whether the client is still there. It refuses to know
//! how a request is written and how an answer is relayed.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use weir_dsl::failover::{self, Demand, Failover, Next, Now};
use weir_dsl::hir::Route;
use weir_filters::format::Dialect;

use super::begin::{self, Begun, Timers};
use super::decide::Hashes;
use super::outcome::Failed;
use super::port::{Answer as _, Dial, Downstream};
use super::shape::Shaped;
use super::{Engine, Record};
use crate::answer::Bug;
use crate::observe::event;
use crate::pool::{self, Lease, Outcome};
use crate::snapshot::Snapshot;

/// An attempt that gave the answer.
#[derive(Debug)]
pub(crate) struct Good<A> {
    pub(crate) begun: Begun<A>,
    pub(crate) lease: Lease,
    pub(crate) idle: Duration,
    pub(crate) deadline: Instant,
    /// Another endpoint failed before this one: its rate headers do not concern the client.
    pub(crate) failed_over: bool,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Ended {
    /// The client left.
    Gone,
    /// The first failure, after everything else was tried.
    Failed(Box<Failed>),
    /// There was nobody to ask.
    NoEndpoint,
    /// weir is wrong.
    Bug(Bug),
}

/// Why one attempt gave nothing.
enum Lost {
    /// The client left.
    Gone,
    /// The endpoint failed.
    Failed(Box<Failed>),
    /// weir is wrong.
    Bug(Bug),
}

/// What stays the same over all attempts.
#[derive(Debug)]
pub(crate) struct Wanted<'a> {
    pub(crate) snapshot: &'a Arc<Snapshot>,
    pub(crate) route: &'a Arc<Route>,
    pub(crate) dialect: Dialect,
    pub(crate) demand: Demand,
    pub(crate) shaped: &'a Shaped,
    /// Keys of the pools that balance by a field.
    pub(crate) hashes: &'a Hashes,
    pub(crate) stream: bool,
    pub(crate) began: Instant,
}

/// Tries endpoints until one answers well.
pub(crate) async fn first_good<D: Downstream, N: Dial>(
    engine: &Engine<N>,
    wanted: &Wanted<'_>,
    down: &mut D,
    record: &mut Record,
) -> Result<Good<N::Answer>, Ended> {
    let snapshot = wanted.snapshot;
    let mut machine = Failover::new(Arc::clone(&snapshot.hir), Arc::clone(wanted.route), wanted.demand.clone());
    let total = wanted.route.timeouts.total.unwrap_or(snapshot.settings.timeouts.total);
    let deadline = wanted.began + total;
    let hash = |field, bytes| wanted.hashes.iter().find(|(key, _)| *key == (field, bytes)).map(|(_, hash)| *hash);
    let ask = pool::Ask { hash: &hash, random: engine.dice.roll(), now: Instant::now(), last_resort: false };
    let mut picker = snapshot.pools.picking(ask);
    let mut first: Option<Box<Failed>> = None;
    let mut next = machine.first(now(engine, deadline), &mut picker);
    if let Next::Done(_) = next {
        // Nothing is usable: a guess about health must not refuse what an endpoint might still answer.
        picker = picker.last_resort();
        next = machine.first(now(engine, deadline), &mut picker);
    }
    loop {
        let attempt = match next {
            Next::Attempt(attempt) => attempt,
            Next::Done(_) => return Err(first.map_or(Ended::NoEndpoint, Ended::Failed)),
        };
        let Some(lease) = picker.take_lease() else { return Err(first.map_or(Ended::NoEndpoint, Ended::Failed)) };
        if !attempt.wait.is_zero() {
            tokio::select! {
                biased;
                () = sleep_until(Instant::now() + attempt.wait) => {}
                () = down.gone() => return Err(Ended::Gone),
            }
        }
        record.attempted(snapshot, &attempt, &lease);
        let failed = match try_one(engine, wanted, &attempt, lease, deadline, down, record).await {
            Ok(mut good) => {
                good.failed_over = first.is_some();
                return Ok(good);
            }
            Err(Lost::Gone) => return Err(Ended::Gone),
            Err(Lost::Bug(bug)) => return Err(Ended::Bug(bug)),
            Err(Lost::Failed(failed)) => failed,
        };
        let failure =
            failover::Failure { class: failed.class, first_byte_sent: false, retry_after: failed.retry_after };
        first.get_or_insert(failed);
        picker.advance(Instant::now());
        next = machine.failed(failure, now(engine, deadline), &mut picker);
    }
}

/// One attempt.
async fn try_one<D: Downstream, N: Dial>(
    engine: &Engine<N>,
    wanted: &Wanted<'_>,
    attempt: &failover::Attempt,
    mut lease: Lease,
    deadline: Instant,
    down: &mut D,
    record: &mut Record,
) -> Result<Good<N::Answer>, Lost> {
    let snapshot = wanted.snapshot;
    let Some(target) = snapshot.target(attempt.endpoint) else {
        return Err(Lost::Bug(Bug("an endpoint of the policy has no target")));
    };
    let defaults = &snapshot.settings.timeouts;
    let given = &attempt.timeouts;
    let timers = Timers {
        connect: given.connect.unwrap_or(defaults.connect),
        first_byte: given.first_byte.unwrap_or(defaults.first_byte_of(wanted.stream)),
        idle: given.idle.unwrap_or(defaults.idle),
        deadline: given.total.map_or(deadline, |total| deadline.min(Instant::now() + total)),
    };
    let upstream_model = attempt.model.as_ref().map(|model| &*model.upstream);
    let (request, asked) = wanted.shaped.request(target, upstream_model).map_err(Lost::Bug)?;
    let ask = begin::Ask {
        peer: &target.peer,
        request: &request,
        dialect: wanted.dialect,
        asked,
        timers,
        limits: &snapshot.settings.limits,
        wall: engine.clock.now(),
    };
    let started = Instant::now();
    record.dialled(started);
    let begun = tokio::select! {
        biased;
        begun = begin::begin(&engine.net, &ask) => begun,
        () = down.gone() => return Err(Lost::Gone),
    };
    let now = Instant::now();
    let took = now.saturating_duration_since(started);
    record.answered(now);
    let failure = begun.as_ref().err().map(|failed| failed.class);
    let reused = begun.as_ref().is_ok_and(|begun| begun.answer.reused());
    engine.observe(&event::Event::Attempt(event::Attempt { endpoint: &target.name, failure, took, reused }));
    match begun {
        Ok(begun) => {
            lease.report(&Outcome::good(took), now);
            Ok(Good { begun, lease, idle: timers.idle, deadline: timers.deadline, failed_over: false })
        }
        Err(failed) => {
            lease.finish(&Outcome::failed(failed.class, took).resting(failed.retry_after), now);
            Err(Lost::Failed(Box::new(failed)))
        }
    }
}

fn now<N: Dial>(engine: &Engine<N>, deadline: Instant) -> Now {
    // 53 random bits are a float in 0..1.
    let jitter = u32::try_from(engine.dice.below(1 << 31)).map_or(0.0, |n| f64::from(n) / f64::from(1_u32 << 31));
    Now { left: Some(deadline.saturating_duration_since(Instant::now())), jitter }
}
