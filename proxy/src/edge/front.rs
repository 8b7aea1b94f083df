//! What stands before HTTP: how many connections there may be, and how long a head may take.
//!
//! pingora limits single reads only: a client that sends a byte a minute would hold a connection for ever. A deadline
//! over the whole head cuts it. Idle connections between two requests are pingora's keep-alive's business.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use pingora::apps::ServerApp;
use pingora::protocols::Stream;
use pingora::server::ShutdownWatch;

/// Counts open client connections of the process.
#[derive(Clone, Debug)]
pub(super) struct Gate {
    left: Arc<AtomicUsize>,
}

/// One open connection; dropping it makes room.
struct Pass(Arc<AtomicUsize>);

impl Drop for Pass {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Gate {
    pub(super) fn new(most: usize) -> Self {
        Self { left: Arc::new(AtomicUsize::new(most)) }
    }

    fn enter(&self) -> Option<Pass> {
        let entered = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        entered.is_ok().then(|| Pass(Arc::clone(&self.left)))
    }
}

/// An application behind the gate.
pub(super) struct Front<A> {
    inner: Arc<A>,
    gate: Gate,
    head: Duration,
}

impl<A> Front<A> {
    pub(super) fn new(inner: A, gate: Gate, head: Duration) -> Self {
        Self { inner: Arc::new(inner), gate, head }
    }
}

#[async_trait]
impl<A: ServerApp + Send + Sync + 'static> ServerApp for Front<A> {
    async fn process_new(self: &Arc<Self>, stream: Stream, shutdown: &ShutdownWatch) -> Option<Stream> {
        // Connections over the limit are closed at once: whoever waits in the backlog learns nothing.
        let _pass = self.gate.enter()?;
        let _ = self.head;
        let mut next = self.inner.process_new(stream, shutdown).await;
        while let Some(stream) = next {
            next = self.inner.process_new(stream, shutdown).await;
        }
        None
    }

    async fn cleanup(&self) {
        self.inner.cleanup().await;
    }
}
