//! Answers that need no endpoint: what a policy denies or says itself, the list of models, preflights; and the
//! decision that a request is for the tunnel.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use smallvec::SmallVec;
use weir_dsl::hir::Route;
use weir_dsl::plan::{Plan, Terminal};

use super::accept::{Accepted, Kind};
use super::port::{Downstream, ResponseHead};
use super::record::Record;
use super::{Outcome, decide, is_routed, text};
use crate::answer::Refusal;
use crate::observe::event::End;
use crate::snapshot::Snapshot;

/// What becomes of a request that is not for a model.
pub(crate) enum Other {
    Done(Outcome),
    Tunnel(Arc<Route>),
}

/// `GET /v1/models`, policy answers, or the tunnel.
pub(crate) async fn other<D: Downstream>(
    snapshot: &Snapshot,
    accepted: &Accepted,
    plan: &Arc<Plan>,
    down: &mut D,
    record: &mut Record,
) -> Other {
    if !is_routed(plan) {
        return Other::Done(terminal(plan, down, record).await);
    }
    if accepted.kind == Kind::Models {
        return Other::Done(models(snapshot, accepted, down, record).await);
    }
    let Some(route) = decide::route_of(plan, record.id()) else {
        return Other::Done(Outcome::Refused(Refusal::NoRoute(accepted.path().to_owned())));
    };
    // Only sockets can be tunnelled to; an endpoint that answers in process knows no other paths.
    let reachable =
        snapshot.hir.pools.get(usize::try_from(route.to.pool.0).unwrap_or(usize::MAX)).is_some_and(|pool| {
            pool.members.iter().any(|m| snapshot.target(m.endpoint).is_some_and(|t| !t.peer.sim))
        });
    if reachable {
        Other::Tunnel(route)
    } else {
        Other::Done(Outcome::Refused(Refusal::NoRoute(accepted.path().to_owned())))
    }
}

/// `deny` and `respond`.
pub(crate) async fn terminal<D: Downstream>(plan: &Plan, down: &mut D, record: &mut Record) -> Outcome {
    match &plan.terminal.value {
        Terminal::Deny { status, message } => {
            let message = format!("{message} (rule `{}`)", plan.rule);
            Outcome::Refused(Refusal::Denied { status: *status, message })
        }
        Terminal::Respond { status, json, body } => {
            let kind = if *json { "application/json" } else { "text/plain; charset=utf-8" };
            let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::OK);
            give(down, record, status, kind, text(body)).await
        }
        Terminal::Route(_) | Terminal::Split(_) => Outcome::Bug(crate::answer::Bug("a routed plan is not fixed")),
    }
}

/// The models that the policy offers, or one of them.
async fn models<D: Downstream>(
    snapshot: &Snapshot,
    accepted: &Accepted,
    down: &mut D,
    record: &mut Record,
) -> Outcome {
    const JSON: &str = "application/json";
    match accepted.path().strip_prefix("/v1/models/") {
        None => give(down, record, StatusCode::OK, JSON, snapshot.models.clone()).await,
        Some(name) => match one_model(&snapshot.models, name) {
            Some(model) => give(down, record, StatusCode::OK, JSON, model).await,
            None => Outcome::Refused(Refusal::NoRoute(accepted.path().to_owned())),
        },
    }
}

/// The entry of one model in the list of all.
fn one_model(all: &[u8], name: &str) -> Option<Bytes> {
    let list: serde_json::Value = serde_json::from_slice(all).ok()?;
    let found = list.get("data")?.as_array()?.iter().find(|model| model.get("id").is_some_and(|id| id == name))?;
    serde_json::to_vec(found).ok().map(Bytes::from)
}

/// A CORS preflight, answered without asking anybody (`wire.md` W10). No origin is allowed here: a page of a
/// stranger must not use the credentials behind a gateway.
pub(crate) async fn preflight<D: Downstream>(down: &mut D, record: &mut Record) -> Outcome {
    let mut headers: SmallVec<[(HeaderName, HeaderValue); 16]> = SmallVec::new();
    headers.push((header::ALLOW, HeaderValue::from_static("GET, POST, OPTIONS")));
    headers.push((header::VARY, HeaderValue::from_static("origin, access-control-request-method")));
    send(down, record, StatusCode::NO_CONTENT, headers, Bytes::new()).await
}

async fn give<D: Downstream>(
    down: &mut D,
    record: &mut Record,
    status: StatusCode,
    kind: &'static str,
    body: Bytes,
) -> Outcome {
    let mut headers: SmallVec<[(HeaderName, HeaderValue); 16]> = SmallVec::new();
    headers.push((header::CONTENT_TYPE, HeaderValue::from_static(kind)));
    send(down, record, status, headers, body).await
}

async fn send<D: Downstream>(
    down: &mut D,
    record: &mut Record,
    status: StatusCode,
    mut headers: SmallVec<[(HeaderName, HeaderValue); 16]>,
    body: Bytes,
) -> Outcome {
    record.own_headers(&mut headers);
    record.answering(status);
    let head_only = *down.method() == Method::HEAD || status == StatusCode::NO_CONTENT;
    let length = (status != StatusCode::NO_CONTENT).then(|| u64::try_from(body.len()).unwrap_or(0));
    let body = if head_only { Bytes::new() } else { body };
    let bytes = u64::try_from(body.len()).unwrap_or(0);
    if down.write_head(ResponseHead { status, headers, length }).await.is_err() {
        return Outcome::Gone;
    }
    if down.write_body(body, true).await.is_err() {
        return Outcome::Gone;
    }
    record.wrote(bytes);
    Outcome::Answered(End::Complete)
}
