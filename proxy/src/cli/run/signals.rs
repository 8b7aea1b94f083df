//! What the outside tells the process to do.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that weir listens to.
#[derive(Debug)]
pub(super) struct Signals {
    hangup: Signal,
    terminate: Signal,
    interrupt: Signal,
}

/// A wish.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Wish {
    /// `SIGHUP`.
    Reload,
    /// `SIGTERM`: load balancers get their notice.
    Drain,
    /// `SIGINT`: a person at a terminal, who waits.
    Stop,
}

// === impl Signals ===

impl Signals {
    /// Listens from now on.
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// The next one. Several of a kind that come at once are one.
    pub(super) async fn next(&mut self) -> Wish {
        tokio::select! {
            Some(()) = self.hangup.recv() => Wish::Reload,
            Some(()) = self.terminate.recv() => Wish::Drain,
            Some(()) = self.interrupt.recv() => Wish::Stop,
            // All three streams last as long as the process.
            else => std::future::pending().await,
        }
    }

    /// Waits for the second wish to end.
    pub(super) async fn again(&mut self) {
        while self.next().await == Wish::Reload {}
    }
}
