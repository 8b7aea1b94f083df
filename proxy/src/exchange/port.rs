//! The two ports of an exchange: the client's side and the upstream's side.
//!
//! `Downstream` is implemented by a pingora session and by an in-memory client; `Dial` by pingora's transport,
//! by the built-in `sim` provider and by scripts in tests. All methods are cancel-safe where they say so.
//! This module refuses to know who stands behind them.

use std::future::Future;
use std::net::SocketAddr;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use smallvec::SmallVec;

/// The client went away or its connection broke. There is nobody left to answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the client left")]
pub struct Gone;

/// HTTP version spoken on a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Protocol {
    /// HTTP/1.0 or HTTP/1.1.
    Http1,
    /// HTTP/2, over TLS or clear.
    Http2,
}

/// Why reading the client's body ended early.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum BodyError {
    /// The client left.
    #[error("the client left while sending the body")]
    Gone,
    /// No byte for too long, or slower than the minimum rate.
    #[error("the body came too slowly")]
    Slow,
    /// Framing that contradicts itself.
    #[error("the body's framing is broken")]
    Malformed,
}

/// The head of an answer on its way to the client.
#[derive(Clone, Debug)]
pub struct ResponseHead {
    /// Status.
    pub status: StatusCode,
    /// Headers without framing: the port adds `content-length` from `length`, or chunked framing.
    pub headers: SmallVec<[(HeaderName, HeaderValue); 16]>,
    /// Length of the body when it is known.
    pub length: Option<u64>,
}

/// The client's side of one exchange.
pub trait Downstream: Send {
    /// Method of the request.
    fn method(&self) -> &Method;
    /// Path and query exactly as received, origin form.
    fn target(&self) -> &str;
    /// Headers as received; `host` is filled from `:authority` on HTTP/2.
    fn headers(&self) -> &HeaderMap;
    /// The client's address, when the transport has one.
    fn peer(&self) -> Option<SocketAddr>;
    /// HTTP version of the connection.
    fn protocol(&self) -> Protocol;

    /// The next piece of the body; `None` at its end.
    ///
    /// # Errors
    /// When the client left, stalls, or breaks the framing.
    fn read_body(&mut self) -> impl Future<Output = Result<Option<Bytes>, BodyError>> + Send;

    /// Sends the head. It may wait in a buffer until the first body bytes.
    ///
    /// # Errors
    /// When the client left.
    fn write_head(&mut self, head: ResponseHead) -> impl Future<Output = Result<(), Gone>> + Send;

    /// Sends body bytes and flushes them; with `end` the answer is complete.
    ///
    /// # Errors
    /// When the client left or does not read for longer than the write timeout.
    fn write_body(&mut self, data: Bytes, end: bool) -> impl Future<Output = Result<(), Gone>> + Send;

    /// Ends a broken answer so that the client cannot take it for a complete one: no final chunk on HTTP/1,
    /// `RST_STREAM` on HTTP/2.
    fn abort(&mut self) -> impl Future<Output = ()> + Send;

    /// Resolves when the client leaves. Call it only after the request body was read. Cancel-safe.
    fn gone(&mut self) -> impl Future<Output = ()> + Send;
}

/// Where to send a request: everything a transport needs, prepared when the snapshot was built.
///
/// `Arc<Peer>` lives in the snapshot; `key` is stable across reloads so that pooled connections survive them.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Endpoint name, for messages to operators.
    pub endpoint: std::sync::Arc<str>,
    /// Stable identity of address, TLS settings and endpoint: the connection pool's key.
    pub key: u64,
    /// Host to resolve and to name in SNI and `host`.
    pub host: std::sync::Arc<str>,
    /// Port.
    pub port: u16,
    /// TLS settings; `None` for clear text.
    pub tls: Option<PeerTls>,
    /// Speak HTTP/2 without TLS and without upgrade.
    pub h2c: bool,
    /// In-process answer instead of a socket.
    pub sim: bool,
}

/// TLS towards an endpoint, files already read.
#[derive(Clone, Debug, Default)]
pub struct PeerTls {
    /// Name to verify and to send as SNI; the host when `None`.
    pub server_name: Option<std::sync::Arc<str>>,
    /// PEM bundle of trusted roots; the system's when `None`.
    pub ca_pem: Option<Bytes>,
    /// PEM client chain and key.
    pub client_pem: Option<(Bytes, Bytes)>,
}

/// One request to an upstream, complete: bodies are never streamed upwards, so that they can be sent again.
#[derive(Clone, Debug)]
pub struct UpstreamRequest {
    /// Method.
    pub method: Method,
    /// Path and query.
    pub target: String,
    /// Headers without framing; `host` included.
    pub headers: SmallVec<[(HeaderName, HeaderValue); 12]>,
    /// Body as slices that share the received bytes.
    pub body: SmallVec<[Bytes; 4]>,
}

/// What went wrong between us and an upstream. Who is to blame and whether to try again are other questions.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Fault {
    /// No connection: refused, unreachable, name not resolved.
    #[error("could not connect")]
    Connect,
    /// TLS did not come up.
    #[error("TLS failed")]
    Tls,
    /// No connection within the connect timer.
    #[error("connecting took too long")]
    ConnectTimeout,
    /// The connection broke. `reused` says that it came from the pool and not one byte of an answer was read:
    /// the request may be sent again on a fresh connection without blaming the endpoint.
    #[error("the connection broke")]
    Reset {
        /// A pooled connection that died before the first byte of the answer.
        stale: bool,
    },
    /// Not HTTP.
    #[error("the answer is not HTTP")]
    Garbled,
    /// The body ended before its announced length or without its final chunk.
    #[error("the answer was cut short")]
    Truncated,
}

/// Opens exchanges with upstreams.
pub trait Dial: Send + Sync {
    /// One open exchange.
    type Answer: Answer;

    /// Connects (or takes a pooled connection unless `fresh`), sends the whole request and returns once it is
    /// written or the upstream has begun to answer. Dropping the future cancels everything.
    ///
    /// # Errors
    /// A [`Fault`]; `connect` bounds connecting only.
    fn send(
        &self,
        peer: &Peer,
        request: &UpstreamRequest,
        connect: Duration,
        fresh: bool,
    ) -> impl Future<Output = Result<Self::Answer, Fault>> + Send;
}

/// An upstream's answer in flight. Dropping it closes the connection (HTTP/1) or resets the stream (HTTP/2).
pub trait Answer: Send {
    /// Waits for the head (1xx skipped) and gives its status. Cancel-safe.
    ///
    /// # Errors
    /// A [`Fault`].
    fn head(&mut self) -> impl Future<Output = Result<StatusCode, Fault>> + Send;

    /// The head's fields, framing included; empty before [`Answer::head`] returned.
    fn headers(&self) -> &HeaderMap;

    /// Whether the connection came from the pool.
    fn reused(&self) -> bool;

    /// The next piece of the body, as it came; `None` at its proper end. Cancel-safe.
    ///
    /// # Errors
    /// A [`Fault`]; `Truncated` when the framing says that bytes are missing.
    fn body(&mut self) -> impl Future<Output = Result<Option<Bytes>, Fault>> + Send;

    /// Gives the connection back to the pool. Only after `body` returned `None`.
    fn release(self) -> impl Future<Output = ()> + Send;
}

/// Polls a future once, without waiting. Only for futures that may be dropped at any time.
pub(crate) async fn now_or_never<F: Future>(future: F) -> Option<F::Output> {
    let mut future = std::pin::pin!(future);
    std::future::poll_fn(|cx| {
        Poll::Ready(match future.as_mut().poll(cx) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        })
    })
    .await
}
