//! One model request from its first byte to its last, station by station.
//!
//! The exchange knows HTTP types and the two ports of [`port`]; it refuses to know pingora, sockets, metrics
//! libraries and how a policy is written. [`serve`] is the path, readable from the top; every station's input is the
//! previous one's output.

mod accept;
mod attempt;
mod begin;
mod decide;
mod facts;
mod fixed;
pub mod memory;
mod outcome;
pub mod port;
mod read;
mod record;
mod relay;
mod respond;
mod shape;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;
use weir_dsl::failover::Demand;
use weir_dsl::hir::Route;
use weir_dsl::plan::{CompiledPolicy, Plan, Terminal};
use weir_filters::format::Dialect;

use crate::answer::{Bug, ErrorAnswer, Refusal};
use crate::clock::{Clock, Dice};
use crate::conf::ListenerSettings;
use crate::observe::Observer;
use crate::observe::event::{End, Event};
use crate::snapshot::{Current, Snapshot};

use accept::{Accepted, Kind};
use attempt::{Ended, Wanted};
use decide::Undecided;
use facts::{BodyFacts, RequestFacts};
use port::{Dial, Downstream};
use read::Unread;

pub use read::BodyBudget;
pub use record::{Record, RequestId};

/// Silence towards a streaming client after which it gets an event that says nothing (`wire.md` W11).
const KEEPALIVE: Duration = Duration::from_secs(15);

/// What every exchange shares: the process's state and its way out.
pub struct Engine<N> {
    /// The way to endpoints.
    pub net: N,
    /// The newest snapshot.
    pub current: Arc<Current>,
    /// Who hears what happens.
    pub observer: Arc<dyn Observer>,
    /// Bytes of request bodies that may be held.
    pub budget: BodyBudget,
    /// Choices that need not be secret.
    pub dice: Dice,
    /// Wall time.
    pub clock: Clock,
}

// === impl Engine ===

impl<N> std::fmt::Debug for Engine<N> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("budget", &self.budget).finish_non_exhaustive()
    }
}

/// What became of a request.
#[derive(Debug)]
pub enum Served {
    /// It was answered, whole.
    Answered,
    /// The answer broke or the client left: the connection must not be taken for a good one.
    Broken,
    /// The policy routes it and the engine does not terminate it: the tunnel takes it from here.
    Tunnel(Box<Tunnel>),
}

/// A request that pingora's pump proxies, judged by its head only.
#[derive(Debug)]
pub struct Tunnel {
    /// The snapshot that judged it.
    pub snapshot: Arc<Snapshot>,
    /// What the policy said.
    pub plan: Arc<Plan>,
    /// Where to.
    pub route: Arc<Route>,
    /// Path and query as received.
    pub target: Arc<str>,
    /// What is known so far; the shell ends it.
    pub record: Record,
}

impl<N: Dial> Engine<N> {
    pub(crate) fn observe(&self, event: &Event<'_>) {
        self.observer.on(event);
    }
}

/// What the stations of one request look at.
pub(crate) struct Scene<'a, N> {
    pub(crate) engine: &'a Engine<N>,
    pub(crate) snapshot: &'a Arc<Snapshot>,
    pub(crate) listener: &'a ListenerSettings,
    pub(crate) accepted: &'a Accepted,
}

impl<N: Dial> Scene<'_, N> {
    pub(crate) fn policy(&self) -> Result<&CompiledPolicy, Bug> {
        self.snapshot.policy_of(self.listener).map(|policy| &**policy).ok_or(Bug("a listener has no policy"))
    }

    /// The request as the policy sees it.
    pub(crate) fn facts<'f, D: Downstream>(&'f self, down: &'f D, body: Option<BodyFacts<'f>>) -> RequestFacts<'f> {
        RequestFacts {
            method: down.method(),
            headers: down.headers(),
            accepted: self.accepted,
            snapshot: self.snapshot,
            now: self.engine.clock.now(),
            body,
        }
    }
}

/// Serves one request under one snapshot, the one whose limits its host already applies.
pub async fn serve<D: Downstream, N: Dial>(
    engine: &Engine<N>,
    snapshot: Arc<Snapshot>,
    listener: &ListenerSettings,
    down: &mut D,
) -> Served {
    engine.observe(&Event::Began);
    let mut record = Record::new(&snapshot, RequestId::roll(&engine.dice), down, listener);
    let accepted = match accept::accept(down, &snapshot.settings.limits) {
        Ok(accepted) => accepted,
        Err(refusal) => {
            let dialect = accept::error_dialect(down.target(), down.headers());
            return Box::pin(end(engine, down, record, Outcome::Refused(refusal), dialect)).await;
        }
    };
    record.accepted(&accepted);
    let dialect = match accepted.kind {
        Kind::Model(dialect) => dialect,
        Kind::Models | Kind::Preflight | Kind::Other => accept::error_dialect(accepted.path(), down.headers()),
    };
    let scene = Scene { engine, snapshot: &snapshot, listener, accepted: &accepted };
    let outcome = match accepted.kind {
        Kind::Model(dialect) => model(&scene, dialect, down, &mut record).await,
        Kind::Preflight => Box::pin(fixed::preflight(down, &mut record)).await,
        Kind::Models | Kind::Other => {
            let plan = match decide::head_only(&scene, down, &mut record) {
                Ok(plan) => plan,
                Err(undecided) => return Box::pin(end(engine, down, record, undecided.into(), dialect)).await,
            };
            match Box::pin(fixed::other(&snapshot, &accepted, &plan, down, &mut record)).await {
                fixed::Other::Done(outcome) => outcome,
                fixed::Other::Tunnel(route) => {
                    let target = Arc::clone(&accepted.target);
                    return Served::Tunnel(Box::new(Tunnel { snapshot, plan, route, target, record }));
                }
            }
        }
    };
    end(engine, down, record, outcome, dialect).await
}

/// How the stations ended.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// The client has its answer.
    Answered(End),
    /// We say no; nothing was written yet.
    Refused(Refusal),
    /// No endpoint answered; nothing was written yet.
    Failed(Box<outcome::Failed>),
    /// The client left.
    Gone,
    /// We are wrong; nothing was written yet.
    Bug(Bug),
}

impl From<Undecided> for Outcome {
    fn from(undecided: Undecided) -> Self {
        match undecided {
            Undecided::Ambiguous(error) => Self::Refused(Refusal::BadBody(error.to_string())),
            Undecided::Bug(bug) => Self::Bug(bug),
        }
    }
}

/// A model request: read, decide, shape, attempt, relay.
async fn model<D: Downstream, N: Dial>(
    scene: &Scene<'_, N>,
    dialect: Dialect,
    down: &mut D,
    record: &mut Record,
) -> Outcome {
    let snapshot = scene.snapshot;
    let received = match read::read(down, &scene.engine.budget, snapshot.settings.limits.body_bytes_max).await {
        Ok(received) => received,
        Err(Unread::Refused(refusal)) => return Outcome::Refused(refusal),
        Err(Unread::Gone) => return Outcome::Gone,
    };
    record.received(&received);
    let decided = match decide::decide(scene, dialect, &received, down, record) {
        Ok(decided) => decided,
        Err(undecided) => return undecided.into(),
    };
    let Some(route) = &decided.route else {
        return Box::pin(fixed::terminal(&decided.plan, down, record)).await;
    };
    let stream = received.seen.stream();
    let shaped = match shape::shape(scene.accepted, received, dialect, down.headers(), &decided.plan) {
        Ok(shaped) => shaped,
        Err(error) => return Outcome::Refused(Refusal::BadBody(error.to_string())),
    };
    let wanted = Wanted {
        snapshot,
        route,
        dialect,
        demand: Demand { model: decided.model, tokens_wanted: None, supports: Vec::new() },
        shaped: &shaped,
        hashes: &decided.hashes,
        stream,
        began: record.began(),
    };
    match attempt::first_good(scene.engine, &wanted, down, record).await {
        Ok(good) => respond::give(good, dialect, down, record).await,
        Err(Ended::Gone) => Outcome::Gone,
        Err(Ended::Failed(failed)) => Outcome::Failed(failed),
        Err(Ended::NoEndpoint) => Outcome::Refused(Refusal::NoEndpoint),
        Err(Ended::Bug(bug)) => Outcome::Bug(bug),
    }
}

/// Station 11: what is left to say to the client, and to those who watch.
async fn end<D: Downstream, N: Dial>(
    engine: &Engine<N>,
    down: &mut D,
    mut record: Record,
    outcome: Outcome,
    dialect: Dialect,
) -> Served {
    let end = match outcome {
        Outcome::Answered(end) => end,
        Outcome::Gone => End::ClientGone,
        Outcome::Refused(refusal) => {
            let answer = ErrorAnswer::refusal(&refusal, record.id());
            Box::pin(respond::error(&answer, dialect, down, &mut record, End::Refused)).await
        }
        Outcome::Failed(failed) => Box::pin(respond::failed(&failed, dialect, down, &mut record)).await,
        Outcome::Bug(bug) => {
            let answer = ErrorAnswer::bug(bug, record.id());
            Box::pin(respond::error(&answer, dialect, down, &mut record, End::Bug)).await
        }
    };
    let whole = record.ended_well(end);
    record.settle(end, Instant::now(), |exchange| engine.observe(&Event::Ended(exchange)));
    if whole { Served::Answered } else { Served::Broken }
}

/// The routes that a plan can take, and whether it is fixed.
pub(crate) fn is_routed(plan: &Plan) -> bool {
    match &plan.terminal.value {
        Terminal::Route(_) | Terminal::Split(_) => true,
        Terminal::Deny { .. } | Terminal::Respond { .. } => false,
    }
}

/// A static text as a body.
pub(crate) fn text(body: &Arc<str>) -> Bytes {
    Bytes::copy_from_slice(body.as_bytes())
}
