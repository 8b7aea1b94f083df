//! The shell: pingora's proxy as host of the exchange.
//!
//! `request_filter` answers model requests and says so with `Ok(true)`; what the policy sends through the tunnel goes
//! on into pingora's own pump (see [`super::tunnel`]). A broken answer is an `Err`, never `Ok`: pingora would end it as
//! if it were whole.

use std::sync::Arc;

use async_trait::async_trait;
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::proxy::{FailToProxy, ProxyHttp, Session};
use pingora::upstreams::peer::HttpPeer;
use pingora::{Error, ErrorType, Result};

use super::front;
use super::serve::Edge;
use super::session::{Pace, SessionDownstream};
use super::tunnel::Passage;
use crate::conf::ListenerSettings;
use crate::drain::{Phase, Served as Busy};
use crate::exchange::{self, Served};

/// One listener's requests.
pub(super) struct Shell {
    edge: Arc<Edge>,
    listener: Arc<ListenerSettings>,
}

/// What pingora carries along for a request.
#[derive(Default)]
pub(super) struct Carried {
    /// Keeps a drain waiting.
    busy: Option<Busy>,
    passage: Option<Box<Passage>>,
}

const BROKEN: ErrorType = ErrorType::Custom("answer broken");

impl Shell {
    pub(super) fn new(edge: Arc<Edge>, listener: Arc<ListenerSettings>) -> Self {
        Self { edge, listener }
    }
}

#[async_trait]
impl ProxyHttp for Shell {
    type CTX = Carried;

    fn new_ctx(&self) -> Carried {
        Carried::default()
    }

    async fn request_filter(&self, session: &mut Session, carried: &mut Carried) -> Result<bool> {
        front::head_is_read();
        carried.busy = Some(self.edge.drain.enter());
        let snapshot = self.edge.engine.current.load();
        let limits = &snapshot.settings.limits;
        let session = session.as_downstream_mut();
        // pingora's keep-alive is endless after the first request (its issue 447); where it is off already, the
        // client asked for that, or said two lengths (RFC 9112 §6.1).
        let kept = session.get_keepalive().is_some() && self.edge.drain.phase() == Phase::Serving;
        session.set_keepalive(kept.then(|| limits.keepalive.as_secs().max(1)));
        session.set_pipelining_enabled(true);
        session.set_write_timeout(Some(limits.write));
        let pace = Pace { body_idle: limits.body_idle, body_rate_min: limits.body_rate_min, write: limits.write };
        let mut down = SessionDownstream::new(session, pace);
        match exchange::serve(&self.edge.engine, snapshot, &self.listener, &mut down).await {
            Served::Answered => {
                down.linger().await;
                Ok(true)
            }
            Served::Broken => Err(Error::new(BROKEN)),
            Served::Tunnel(tunnel) => {
                carried.passage = Some(Box::new(Passage::new(tunnel, Arc::clone(&self.edge))));
                Ok(false)
            }
        }
    }

    async fn upstream_peer(&self, _session: &mut Session, carried: &mut Carried) -> Result<Box<HttpPeer>> {
        match &mut carried.passage {
            Some(passage) => passage.peer().await,
            None => Error::e_explain(ErrorType::InternalError, "a tunnel without a passage"),
        }
    }

    fn fail_to_connect(
        &self,
        _session: &mut Session,
        _peer: &HttpPeer,
        carried: &mut Carried,
        mut error: Box<Error>,
    ) -> Box<Error> {
        if let Some(passage) = &mut carried.passage {
            error.set_retry(passage.failed_to_connect());
        }
        error
    }

    async fn upstream_request_filter(
        &self,
        session: &mut Session,
        request: &mut RequestHeader,
        carried: &mut Carried,
    ) -> Result<()> {
        match &mut carried.passage {
            Some(passage) => passage.request(session.req_header(), request),
            None => Ok(()),
        }
    }

    async fn response_filter(
        &self,
        _session: &mut Session,
        response: &mut ResponseHeader,
        carried: &mut Carried,
    ) -> Result<()> {
        match &mut carried.passage {
            Some(passage) => passage.response(response),
            None => Ok(()),
        }
    }

    async fn fail_to_proxy(&self, session: &mut Session, error: &Error, carried: &mut Carried) -> FailToProxy {
        let code = match &mut carried.passage {
            Some(passage) if session.response_written().is_none() => {
                let (head, body) = passage.refusal(error);
                let code = head.status.as_u16();
                let whole = session.write_response_header(Box::new(head), false).await;
                if whole.is_ok() && session.write_response_body(Some(body), true).await.is_err() {
                    log::debug!("the client left before it was told that its tunnel failed");
                }
                code
            }
            Some(_) | None => 0,
        };
        FailToProxy { error_code: code, can_reuse_downstream: false }
    }

    async fn logging(&self, session: &mut Session, error: Option<&Error>, carried: &mut Carried) {
        if let Some(passage) = carried.passage.take() {
            let sent = u64::try_from(session.body_bytes_sent()).unwrap_or(u64::MAX);
            let read = u64::try_from(session.body_bytes_read()).unwrap_or(u64::MAX);
            passage.settle(read, sent, error);
        }
    }

    fn suppress_error_log(&self, _session: &Session, _carried: &Carried, _error: &Error) -> bool {
        // The exchange's own event has said everything, with names and without texts.
        true
    }
}
