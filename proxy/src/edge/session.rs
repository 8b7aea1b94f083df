//! A pingora session as the exchange's [`Downstream`].

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Version, header};
use pingora::http::ResponseHeader;
use pingora::protocols::http::ServerSession;
use pingora::{Error, ErrorType};
use tokio::time::{Instant, timeout};

use crate::exchange::port::{BodyError, Downstream, Gone, Protocol, ResponseHead};

/// How long and how slowly a client may send and read; from `[limits]` of `gateway.toml`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// Silence while a body is sent.
    pub(super) body_idle: Duration,
    /// Slowest upload in bytes per second once `body_idle` has passed.
    pub(super) body_rate_min: u64,
    /// A client that does not read.
    pub(super) write: Duration,
}

/// How long, and how much, is read of a body that nobody wants any more.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES_MAX: usize = 64 << 20;

/// The client's side of one exchange over a socket.
pub(super) struct SessionDownstream<'s> {
    session: &'s mut ServerSession,
    pace: Pace,
    began: Option<Instant>,
    read: u64,
    continue_sent: bool,
}

// === impl SessionDownstream ===

impl<'s> SessionDownstream<'s> {
    pub(super) fn new(session: &'s mut ServerSession, pace: Pace) -> Self {
        Self { session, pace, began: None, read: 0, continue_sent: false }
    }

    /// A client that waits for leave to send its body gets it (RFC 9110 §10.1.1).
    async fn leave_to_send(&mut self) -> Result<(), BodyError> {
        if self.continue_sent {
            return Ok(());
        }
        let waits = self.session.req_header().version == Version::HTTP_11 && self.waits_for_leave();
        self.continue_sent = true;
        if waits { self.session.write_continue_response().await.map_err(|_| BodyError::Gone) } else { Ok(()) }
    }

    /// Reads on for a while what a client still sends behind an answer that did not wait for it. Closed at once, the
    /// connection would be reset and the client would see that instead of the answer.
    pub(super) async fn linger(&mut self) {
        if self.session.is_http2() || self.session.is_body_done() || self.waits_for_leave() {
            return;
        }
        let rest = async {
            let mut bytes = 0;
            while let Ok(Some(more)) = self.session.read_request_body().await {
                bytes += more.len();
                if bytes > LINGER_BYTES_MAX {
                    return;
                }
            }
        };
        if timeout(LINGER, rest).await.is_err() {
            log::debug!("a client went on sending a body that was refused");
        }
    }

    /// Whether the client holds its body back until it is told to go on, and was not.
    fn waits_for_leave(&self) -> bool {
        let expects = self.session.get_header(header::EXPECT);
        !self.continue_sent && expects.is_some_and(|v| v.as_bytes().eq_ignore_ascii_case(b"100-continue"))
    }

    /// Whether the upload as a whole is slower than it may be.
    fn too_slow(&self) -> bool {
        let Some(began) = self.began else { return false };
        let took = began.elapsed();
        took > self.pace.body_idle && self.read < self.pace.body_rate_min.saturating_mul(took.as_secs())
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "pingora's error types grow; what is not known is a lost client")]
fn body_error(error: &Error) -> BodyError {
    match error.etype {
        ErrorType::ReadTimedout => BodyError::Slow,
        ErrorType::H1Error | ErrorType::InvalidHTTPHeader => BodyError::Malformed,
        _ => BodyError::Gone,
    }
}

impl Downstream for SessionDownstream<'_> {
    fn method(&self) -> &Method {
        &self.session.req_header().method
    }

    fn target(&self) -> &str {
        self.session.req_header().uri.path_and_query().map_or("", http::uri::PathAndQuery::as_str)
    }

    fn headers(&self) -> &HeaderMap {
        &self.session.req_header().headers
    }

    fn peer(&self) -> Option<SocketAddr> {
        self.session.client_addr().and_then(|a| a.as_inet()).copied()
    }

    fn protocol(&self) -> Protocol {
        if self.session.is_http2() { Protocol::Http2 } else { Protocol::Http1 }
    }

    async fn read_body(&mut self) -> Result<Option<Bytes>, BodyError> {
        self.leave_to_send().await?;
        let began = *self.began.get_or_insert_with(Instant::now);
        let read = match timeout(self.pace.body_idle, self.session.read_request_body()).await {
            Ok(read) => read,
            Err(_) => return Err(BodyError::Slow),
        };
        match read {
            Ok(Some(bytes)) => {
                self.read += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
                if began.elapsed() > self.pace.body_idle && self.too_slow() {
                    return Err(BodyError::Slow);
                }
                Ok(Some(bytes))
            }
            Ok(None) => Ok(None),
            Err(error) => Err(body_error(&error)),
        }
    }

    async fn write_head(&mut self, head: ResponseHead) -> Result<(), Gone> {
        let mut out = ResponseHeader::build_no_case(head.status, Some(head.headers.len() + 2)).map_err(|_| Gone)?;
        for (name, value) in head.headers {
            out.append_header(name, value).map_err(|_| Gone)?;
        }
        match head.length {
            Some(length) => out.insert_header(header::CONTENT_LENGTH, length).map_err(|_| Gone)?,
            None if self.session.is_http2() => {}
            None => out.insert_header(header::TRANSFER_ENCODING, "chunked").map_err(|_| Gone)?,
        }
        self.session.write_response_header(Box::new(out)).await.map_err(|_| Gone)
    }

    async fn write_body(&mut self, data: Bytes, end: bool) -> Result<(), Gone> {
        if data.is_empty() && !end {
            return Ok(());
        }
        match timeout(self.pace.write, self.session.write_response_body(data, end)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Gone),
        }
    }

    async fn abort(&mut self) {
        self.session.set_keepalive(None);
        self.session.shutdown().await;
    }

    async fn gone(&mut self) {
        loop {
            match self.session.read_body_or_idle(true).await {
                Ok(_) => {}
                // Bytes behind the request are not a farewell: with pipelining on (see the shell) they are kept for
                // the next request and this call goes on waiting.
                Err(_) => return,
            }
        }
    }
}
