//! What stands before HTTP: how many connections there may be, and how long a head may take.
//!
//! pingora limits single reads only: a client that sends a byte a minute would hold a connection for ever. A watch over
//! each HTTP/1 connection cuts it: the head of its first request must be there within the limit, the head of a later
//! one within the limit after the keep-alive time. HTTP/2 connections have pingora's idle limit instead. The watch is
//! one timer for the connection that is not touched by requests; a request costs it two stores and a look at the clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use pingora::apps::ServerApp;
use pingora::protocols::{ALPN, Stream};
use pingora::server::ShutdownWatch;
use tokio::time::{Instant, sleep_until, timeout_at};

/// How an HTTP/2 connection with prior knowledge begins (RFC 9113 §3.4).
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

tokio::task_local! {
    /// The head of this connection's request has been read.
    static HEAD_READ: Arc<AtomicBool>;
}

/// Tells the connection's watch that the head is there.
pub(super) fn head_is_read() {
    // HTTP/2 requests run on tasks of their own, where nobody watches.
    let _unwatched = HEAD_READ.try_with(|read| read.store(true, Ordering::Relaxed));
}

/// Counts open client connections of the process.
#[derive(Clone, Debug)]
pub(super) struct Gate {
    left: Arc<AtomicUsize>,
}

/// One open connection; dropping it makes room.
struct Pass(Arc<AtomicUsize>);

/// An application behind the gate.
pub(super) struct Front<A> {
    inner: Arc<A>,
    gate: Gate,
    times: Times,
}

/// How long a client may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    /// To send a request's head.
    pub(super) head: Duration,
    /// Between two requests.
    pub(super) keepalive: Duration,
    /// Whether a clear-text connection may speak HTTP/2.
    pub(super) h2c: bool,
}

// === impl Gate ===

impl Gate {
    pub(super) fn new(most: usize) -> Self {
        Self { left: Arc::new(AtomicUsize::new(most)) }
    }

    fn enter(&self) -> Option<Pass> {
        let entered = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        entered.is_ok().then(|| Pass(Arc::clone(&self.left)))
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

// === impl Front ===

impl<A> Front<A> {
    pub(super) fn new(inner: A, gate: Gate, times: Times) -> Self {
        Self { inner: Arc::new(inner), gate, times }
    }
}

impl<A: ServerApp + Send + Sync + 'static> Front<A> {
    /// Serves the requests of an HTTP/1 connection one after the other, for as long as their heads come in time.
    async fn watched(&self, stream: Stream, shutdown: &ShutdownWatch, mut due: Instant) {
        let read = Arc::new(AtomicBool::new(false));
        let mut timer = std::pin::pin!(sleep_until(due));
        let mut next = Some(stream);
        while let Some(stream) = next.take() {
            let mut serving =
                std::pin::pin!(HEAD_READ.scope(Arc::clone(&read), self.inner.process_new(stream, shutdown)));
            next = loop {
                tokio::select! {
                    biased;
                    next = &mut serving => break next,
                    () = &mut timer => {
                        let now = Instant::now();
                        if !read.load(Ordering::Relaxed) && now >= due {
                            return;
                        }
                        timer.as_mut().reset(due.max(now + self.times.head));
                    }
                }
            };
            read.store(false, Ordering::Relaxed);
            due = Instant::now() + self.times.keepalive + self.times.head;
        }
    }
}

#[async_trait]
impl<A: ServerApp + Send + Sync + 'static> ServerApp for Front<A> {
    async fn process_new(self: &Arc<Self>, mut stream: Stream, shutdown: &ShutdownWatch) -> Option<Stream> {
        // Connections over the limit are closed at once: whoever waits in the backlog learns nothing.
        let _pass = self.gate.enter()?;
        let due = Instant::now() + self.times.head;
        if speaks_h2(&mut stream, self.times.h2c, due).await? {
            // One call serves the whole connection; the loop is for the type only.
            let mut next = self.inner.process_new(stream, shutdown).await;
            while let Some(stream) = next {
                next = self.inner.process_new(stream, shutdown).await;
            }
        } else {
            self.watched(stream, shutdown, due).await;
        }
        None
    }

    async fn cleanup(&self) {
        self.inner.cleanup().await;
    }
}

/// Whether a connection speaks HTTP/2; `None` when it did not say within the time for a head.
async fn speaks_h2(stream: &mut Stream, h2c: bool, due: Instant) -> Option<bool> {
    if stream.get_ssl_digest().is_some() {
        return Some(stream.selected_alpn_proto() == Some(ALPN::H2));
    }
    if !h2c {
        return Some(false);
    }
    let mut first = [0_u8; PREFACE.len()];
    match timeout_at(due, stream.try_peek(&mut first)).await {
        Ok(Ok(peeked)) => Some(peeked && first == *PREFACE),
        Ok(Err(_)) | Err(_) => None,
    }
}
