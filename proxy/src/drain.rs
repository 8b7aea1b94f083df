//! Ending well: who is still being served, and when it is time to stop.
//!
//! Serving → noticed (readiness says no, still accepting) → closing (no new connections) → ended. Every
//! exchange holds a [`Served`] while it runs. This module refuses to know about sockets and signals.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::watch;

/// How far the end has come.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Phase {
    /// Ready.
    Serving,
    /// Readiness says no, so that load balancers look elsewhere; everything is still served.
    Noticed,
    /// Listeners are closed; what runs may finish.
    Closing,
}

/// Shared by listeners, exchanges and the admin page.
#[derive(Clone, Debug)]
pub struct Drain(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    phase: watch::Sender<Phase>,
    /// pingora's services want a plain flag.
    stop: watch::Sender<bool>,
    running: AtomicU64,
    idle: tokio::sync::Notify,
}

/// Something being served; dropping it says that it ended.
#[derive(Debug)]
pub struct Served(Arc<Inner>);

// === impl Drain ===

impl Drain {
    /// Serving.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(Inner {
            phase: watch::Sender::new(Phase::Serving),
            stop: watch::Sender::new(false),
            running: AtomicU64::new(0),
            idle: tokio::sync::Notify::new(),
        }))
    }

    /// Where we are.
    #[must_use]
    pub fn phase(&self) -> Phase {
        *self.0.phase.borrow()
    }

    /// Counts one exchange (or tunnel) until the guard drops.
    #[must_use]
    pub fn enter(&self) -> Served {
        self.0.running.fetch_add(1, Ordering::AcqRel);
        Served(Arc::clone(&self.0))
    }

    /// How many are being served.
    #[must_use]
    pub fn running(&self) -> u64 {
        self.0.running.load(Ordering::Acquire)
    }

    /// The flag that listening services watch: `true` once they must stop to accept.
    #[must_use]
    pub fn stop_accepting(&self) -> watch::Receiver<bool> {
        self.0.stop.subscribe()
    }

    /// Goes on to a later phase; going back is ignored.
    pub fn advance(&self, to: Phase) {
        self.0.phase.send_if_modified(|now| {
            let later = to > *now;
            *now = to.max(*now);
            later
        });
        if to == Phase::Closing {
            self.0.stop.send_replace(true);
        }
    }

    /// Resolves when nothing is being served.
    pub async fn idle(&self) {
        loop {
            let waiting = self.0.idle.notified();
            tokio::pin!(waiting);
            waiting.as_mut().enable();
            if self.running() == 0 {
                return;
            }
            waiting.await;
        }
    }
}

impl Default for Drain {
    fn default() -> Self {
        Self::new()
    }
}

// === impl Served ===

impl Drop for Served {
    fn drop(&mut self) {
        if self.0.running.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.idle.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::Poll;

    use super::*;

    #[tokio::test]
    async fn idle_waits_for_the_last_one() {
        let drain = Drain::new();
        let (a, b) = (drain.enter(), drain.enter());
        let mut idle = std::pin::pin!(drain.idle());
        let mut pending = async || std::future::poll_fn(|cx| Poll::Ready(idle.as_mut().poll(cx).is_pending())).await;
        assert!(pending().await);
        drop(a);
        assert!(pending().await);
        drop(b);
        assert!(!pending().await);
        assert_eq!(drain.running(), 0);
    }

    #[test]
    fn phases_only_go_forward() {
        let drain = Drain::new();
        let stop = drain.stop_accepting();
        drain.advance(Phase::Noticed);
        assert!(!*stop.borrow());
        drain.advance(Phase::Closing);
        drain.advance(Phase::Noticed);
        assert_eq!(drain.phase(), Phase::Closing);
        assert!(*stop.borrow());
    }
}
