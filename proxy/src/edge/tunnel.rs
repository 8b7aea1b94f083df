//! What pingora's own pump proxies: every request that is not for a model and that the policy routes.
//!
//! Bodies pass untouched and unread, in both directions, also after an upgrade to WebSocket. The endpoint's
//! credentials take the place of the client's. Only a connection that did not come up is tried elsewhere: nothing was
//! sent then. This module refuses to look at bodies.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, Uri, header};
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::upstreams::peer::HttpPeer;
use pingora::{Error, ErrorType, Result};
use smallvec::SmallVec;
use tokio::time::Instant;
use weir_dsl::failover::{Demand, Failover, Failure, Next, Now};
use weir_dsl::hir::FailureClass;
use weir_filters::format::Dialect;

use super::serve::Edge;
use crate::answer::{ErrorAnswer, Exhausted, Refusal, Timer};
use crate::exchange::Tunnel;
use crate::observe::event::{End, Event};
use crate::pool::{self, Lease, Outcome};
use crate::provider::Target;
use crate::sign;

/// One request on its way through the tunnel.
pub(super) struct Passage {
    edge: Arc<Edge>,
    tunnel: Box<Tunnel>,
    machine: Failover,
    /// What to ask next; `None` before the first question.
    next: Option<Next>,
    lease: Option<Lease>,
    target: Option<Arc<Target>>,
    sent_at: Instant,
    status: Option<StatusCode>,
    refused: bool,
}

impl Passage {
    pub(super) fn new(tunnel: Box<Tunnel>, edge: Arc<Edge>) -> Self {
        let hir = Arc::clone(&tunnel.snapshot.hir);
        let machine = Failover::new(hir, Arc::clone(&tunnel.route), Demand::default());
        let sent_at = Instant::now();
        Self { edge, tunnel, machine, next: None, lease: None, target: None, sent_at, status: None, refused: false }
    }

    /// The next endpoint to connect to.
    pub(super) async fn peer(&mut self) -> Result<Box<HttpPeer>> {
        let next = match self.next.take() {
            Some(next) => next,
            None => self.ask(None),
        };
        let (Next::Attempt(attempt), Some(lease)) = (next, &self.lease) else {
            self.refused = true;
            return Error::e_explain(ErrorType::HTTPStatus(503), "no endpoint");
        };
        let snapshot = &self.tunnel.snapshot;
        let Some(target) = snapshot.target(attempt.endpoint).map(Arc::clone) else {
            return Error::e_explain(ErrorType::InternalError, "an endpoint without a target");
        };
        self.tunnel.record.attempted(snapshot, &attempt, lease);
        self.sent_at = Instant::now();
        let connect = attempt.timeouts.connect.unwrap_or(snapshot.settings.timeouts.connect);
        let peer = self.edge.engine.net.net.tunnel_peer(&target.peer, connect).await;
        self.target = Some(target);
        peer.ok_or_else(|| Error::explain(ErrorType::ConnectError, "the endpoint's name does not resolve").into_up())
    }

    /// The connection did not come up; whether there is somebody else to try.
    pub(super) fn failed_to_connect(&mut self) -> bool {
        if let Some(lease) = self.lease.take() {
            let took = self.sent_at.elapsed();
            lease.finish(&Outcome::failed(FailureClass::Connect, took), Instant::now());
        }
        let next = self.ask(Some(FailureClass::Connect));
        let more = matches!(next, Next::Attempt(_));
        self.next = Some(next);
        more
    }

    fn ask(&mut self, failed: Option<FailureClass>) -> Next {
        let engine = &self.edge.engine;
        let now = Instant::now();
        let hash = |_, _| None;
        let ask = pool::Ask { hash: &hash, random: engine.dice.roll(), now, last_resort: false };
        let mut picking = self.tunnel.snapshot.pools.picking(ask);
        let world = Now { left: None, jitter: 0.5 };
        let mut next = match failed {
            Some(class) => {
                let failure = Failure { class, first_byte_sent: false, retry_after: None };
                self.machine.failed(failure, world, &mut picking)
            }
            None => self.machine.first(world, &mut picking),
        };
        if failed.is_none() && matches!(next, Next::Done(_)) {
            picking = picking.last_resort();
            next = self.machine.first(world, &mut picking);
        }
        self.lease = picking.take_lease();
        next
    }

    /// The request as the endpoint gets it: our path and credentials, the client's other headers.
    pub(super) fn request(&mut self, client: &RequestHeader, request: &mut RequestHeader) -> Result<()> {
        let Some(target) = &self.target else {
            return Error::e_explain(ErrorType::InternalError, "a tunnel without a target");
        };
        let unwanted: Vec<HeaderName> = request
            .headers
            .keys()
            .filter(|name| !sign::is_framing(name) && !sign::may_tunnel(&client.headers, name))
            .cloned()
            .collect();
        for name in unwanted {
            request.remove_header(&name);
        }
        let path = target.path(&self.tunnel.target);
        let uri = Uri::try_from(path).map_err(|_| Error::explain(ErrorType::InvalidHTTPHeader, "target"))?;
        request.set_uri(uri);
        request.insert_header(header::HOST, target.host.clone())?;
        for (name, value) in target.defaults.iter().filter(|(name, _)| !client.headers.contains_key(name)) {
            request.insert_header(name.clone(), value.clone())?;
        }
        for (name, value) in target.extra.iter().chain(&target.credentials) {
            request.insert_header(name.clone(), value.clone())?;
        }
        Ok(())
    }

    /// The endpoint's head on its way to the client.
    pub(super) fn response(&mut self, response: &mut ResponseHeader) -> Result<()> {
        if response.status.is_informational() && response.status != StatusCode::SWITCHING_PROTOCOLS {
            return Ok(());
        }
        self.status = Some(response.status);
        let took = self.sent_at.elapsed();
        self.tunnel.record.answered(Instant::now());
        if let Some(lease) = &mut self.lease {
            let outcome = match response.status.as_u16() {
                429 => Outcome::failed(FailureClass::RateLimited, took),
                500..=599 => Outcome::failed(FailureClass::ServerError, took),
                _ => Outcome::good(took),
            };
            lease.report(&outcome, Instant::now());
        }
        let unwanted: Vec<HeaderName> = response.headers.keys().filter(|n| is_private(n)).cloned().collect();
        for name in unwanted {
            response.remove_header(&name);
        }
        let mut own: SmallVec<[(HeaderName, HeaderValue); 16]> = SmallVec::new();
        self.tunnel.record.own_headers(&mut own);
        for (name, value) in own {
            response.insert_header(name, value)?;
        }
        self.tunnel.record.answering(response.status);
        Ok(())
    }

    /// What the client is told when nothing came back.
    pub(super) fn refusal(&mut self, error: &Error) -> (ResponseHeader, Bytes) {
        let record = &mut self.tunnel.record;
        let answer = if self.refused {
            ErrorAnswer::refusal(&Refusal::NoEndpoint, record.id())
        } else {
            ErrorAnswer::exhausted(&exhausted(error), record.attempts(), record.id())
        };
        let (head, body) = answer.render(Dialect::OpenAiChat);
        let mut headers = head.headers;
        record.own_headers(&mut headers);
        record.answering(head.status);
        record.code(answer.error.code.clone());
        self.status = Some(head.status);
        let mut out = ResponseHeader::build_no_case(head.status, Some(headers.len() + 1)).unwrap_or_else(|_| bare());
        for (name, value) in headers {
            // Names and values are typed; only a full map could refuse them, and this one is small.
            if out.append_header(name, value).is_err() {
                log::debug!("a header of an error answer was dropped");
            }
        }
        if out.insert_header(header::CONTENT_LENGTH, body.len()).is_err() {
            log::debug!("an error answer goes out without its length");
        }
        (out, body)
    }

    /// The passage is over.
    pub(super) fn settle(self: Box<Self>, bytes_in: u64, bytes_out: u64, error: Option<&Error>) {
        let Self { edge, tunnel, status, .. } = *self;
        let mut record = tunnel.record;
        record.carried(bytes_in);
        record.wrote(bytes_out);
        let client_left = error.is_some_and(|e| *e.esource() == pingora::ErrorSource::Downstream);
        let end = match (error, status) {
            (None, _) => End::Complete,
            (Some(_), _) if client_left => End::ClientGone,
            (Some(_), Some(_)) if self.lease.is_some() => End::Broken,
            (Some(_), _) => End::Failed,
        };
        record.settle(end, Instant::now(), |exchange| edge.engine.observer.on(&Event::Ended(exchange)));
    }
}

/// Response headers that belong to the endpoint's connection with us.
fn is_private(name: &HeaderName) -> bool {
    matches!(name.as_str(), "set-cookie" | "server" | "via" | "alt-svc" | "x-powered-by")
        || name.as_str().starts_with("x-weir-")
}

#[expect(clippy::wildcard_enum_match_arm, reason = "pingora's error types grow; what is not known is a bad answer")]
fn exhausted(error: &Error) -> Exhausted {
    let (class, timer) = match error.etype() {
        ErrorType::ConnectTimedout => (FailureClass::Timeout, Some(Timer::Connect)),
        ErrorType::ReadTimedout | ErrorType::WriteTimedout => (FailureClass::Timeout, Some(Timer::Idle)),
        ErrorType::ConnectRefused
        | ErrorType::ConnectNoRoute
        | ErrorType::ConnectError
        | ErrorType::TLSHandshakeFailure
        | ErrorType::TLSHandshakeTimedout
        | ErrorType::InvalidCert
        | ErrorType::SocketError => (FailureClass::Connect, None),
        _ => (FailureClass::BadResponse, None),
    };
    Exhausted { class, timer, status: None, message: None, kind: None, vendor_code: None, retry_after: None }
}

/// A head that needs no building.
fn bare() -> ResponseHeader {
    let parts = http::Response::new(()).into_parts().0;
    ResponseHeader::from(parts)
}
