//! One exchange on a connection: writes the request, reads the answer, gives the connection home.

use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use pingora::connectors::http::Connector;
use pingora::protocols::http::client::HttpSession;
use tokio::time::timeout;

use super::idle::IdlePool;
use super::{Prepared, fault, request};
use crate::exchange::port::{Answer, Fault, UpstreamRequest, now_or_never};

/// Bytes written before looking whether the upstream has already answered.
const PIECE: usize = 256 * 1024;

/// After a failed write, how long an answer that explains it is waited for.
const LAST_WORDS: Duration = Duration::from_millis(200);

static EMPTY: LazyLock<HeaderMap> = LazyLock::new(HeaderMap::new);

/// An answer from the network.
pub struct NetAnswer {
    session: HttpSession,
    home: Home,
    reused: bool,
    /// The whole request was written; only then may the connection be used again.
    sent: bool,
    head_read: bool,
}

/// Where a connection goes when its answer was read.
pub(super) enum Home {
    /// Our stack of clear-text HTTP/1.1 connections.
    Idle(Arc<IdlePool>, (u64, SocketAddr)),
    /// pingora's pools.
    Pool(Arc<Connector>, Prepared, Duration),
}

// === impl NetAnswer ===

impl std::fmt::Debug for NetAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NetAnswer").field("reused", &self.reused).field("sent", &self.sent).finish_non_exhaustive()
    }
}

impl NetAnswer {
    /// An exchange on an open connection; `sent` when the request is already on the wire.
    pub(super) fn new(session: HttpSession, home: Home, reused: bool, sent: bool) -> Self {
        Self { session, home, reused, sent, head_read: false }
    }

    /// Sends the request and stops as soon as the upstream answers.
    pub(super) async fn write(&mut self, request: &UpstreamRequest, tls: bool) -> Result<(), Fault> {
        let h2 = self.session.as_http2().is_some();
        let head = if h2 { request::h2_head(request, tls)? } else { request::h1_head(request)? };
        self.session.write_request_header(head).await.map_err(|e| fault::talking(&e, self.reused, true))?;
        for slice in &request.body {
            let mut rest = slice.clone();
            while !rest.is_empty() {
                let piece = rest.split_to(rest.len().min(PIECE));
                if self.session.write_request_body(piece, false).await.is_err() {
                    return self.last_words().await;
                }
                if self.answered_early().await? {
                    return Ok(());
                }
            }
        }
        match self.session.finish_request_body().await {
            Ok(()) => {
                self.sent = true;
                Ok(())
            }
            Err(_) => self.last_words().await,
        }
    }

    /// Looks, without waiting, whether a final answer is there already.
    async fn answered_early(&mut self) -> Result<bool, Fault> {
        match now_or_never(read_final(&mut self.session)).await {
            None => Ok(false),
            Some(Ok(())) => {
                self.head_read = true;
                Ok(true)
            }
            Some(Err(error)) => Err(fault::talking(&error, self.reused, true)),
        }
    }

    /// A write failed: the upstream may have said why before it closed.
    async fn last_words(&mut self) -> Result<(), Fault> {
        match timeout(LAST_WORDS, read_final(&mut self.session)).await {
            Ok(Ok(())) => {
                self.head_read = true;
                Ok(())
            }
            Ok(Err(_)) | Err(_) => Err(Fault::Reset { stale: self.reused }),
        }
    }
}

impl Answer for NetAnswer {
    async fn head(&mut self) -> Result<StatusCode, Fault> {
        if !self.head_read {
            read_final(&mut self.session).await.map_err(|e| fault::talking(&e, self.reused, true))?;
            self.head_read = true;
        }
        self.session.response_header().map(|head| head.status).ok_or(Fault::Garbled)
    }

    fn headers(&self) -> &HeaderMap {
        self.session.response_header().map_or(&EMPTY, |head| &head.headers)
    }

    fn reused(&self) -> bool {
        self.reused
    }

    async fn body(&mut self) -> Result<Option<Bytes>, Fault> {
        self.session.read_response_body().await.map_err(|e| fault::reading(&e))
    }

    async fn release(self) {
        let Self { mut session, home, sent, .. } = self;
        if !sent {
            // INVARIANT: an answer that came before the request was written leaves the connection out of step.
            Box::pin(session.shutdown()).await;
            return;
        }
        match (home, session) {
            (Home::Idle(idle, key), HttpSession::H1(mut h1)) => {
                h1.respect_keepalive();
                if let Some(stream) = h1.reuse().await {
                    idle.put(key, stream);
                }
            }
            (Home::Idle(..), mut other) => Box::pin(other.shutdown()).await,
            (Home::Pool(connector, peer, idle_max), session) => {
                Box::pin(connector.release_http_session(session, &*peer, Some(idle_max))).await;
            }
        }
    }
}

/// Reads heads until one is final. HTTP/2 sessions never yield 1xx and must not be asked twice.
async fn read_final(session: &mut HttpSession) -> pingora::Result<()> {
    loop {
        session.read_response_header().await?;
        let informational = session.response_header().is_some_and(|h| h.status.is_informational());
        if !informational || session.as_http1().is_none() {
            return Ok(());
        }
    }
}
