//! A listener that keeps what it hears, for tests that assert on events instead of on internal fields.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use weir_dsl::hir::FailureClass;

use super::event::{End, Event, Observer};

/// Hears events and passes them to its [`Recording`].
#[derive(Clone, Debug)]
pub struct Recorder(Sender<Seen>);

/// What a [`Recorder`] heard.
#[derive(Debug)]
pub struct Recording(Receiver<Seen>);

/// An event without what differs from run to run.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Seen {
    /// An exchange began.
    Began,
    /// An attempt ended.
    Attempt {
        /// Where.
        endpoint: Arc<str>,
        /// How.
        failure: Option<FailureClass>,
    },
    /// An exchange ended.
    Ended {
        /// Deciding rule.
        rule: String,
        /// Endpoint of the last attempt.
        endpoint: Option<Arc<str>>,
        /// Attempts made.
        attempts: u32,
        /// Status sent.
        status: u16,
        /// How.
        end: End,
        /// Error code, where weir made the answer.
        code: Option<String>,
    },
    /// A reload ended.
    Reload {
        /// Whether the new set is in force.
        ok: bool,
        /// The set in force.
        policy: String,
    },
    /// An endpoint changed.
    Endpoint {
        /// Which.
        endpoint: String,
        /// Usable now.
        up: bool,
        /// Why.
        reason: String,
    },
}

// === impl Recorder ===

impl Recorder {
    /// A recorder and its recording.
    #[must_use]
    pub fn new() -> (Self, Recording) {
        let (sender, receiver) = channel();
        (Self(sender), Recording(receiver))
    }
}

impl Observer for Recorder {
    fn on(&self, event: &Event<'_>) {
        // When the recording was dropped, nobody wants to know.
        drop(self.0.send(Seen::from(event)));
    }
}

// === impl Recording ===

impl Recording {
    /// Everything heard since the last call.
    #[must_use]
    pub fn take(&self) -> Vec<Seen> {
        self.0.try_iter().collect()
    }
}

// === impl Seen ===

impl From<&Event<'_>> for Seen {
    fn from(event: &Event<'_>) -> Self {
        match event {
            Event::Began => Self::Began,
            Event::Attempt(attempt) => {
                Self::Attempt { endpoint: Arc::clone(attempt.endpoint), failure: attempt.failure }
            }
            Event::Ended(exchange) => Self::Ended {
                rule: exchange.rule.to_owned(),
                endpoint: exchange.endpoint.map(Arc::clone),
                attempts: exchange.attempts,
                status: exchange.status,
                end: exchange.end,
                code: exchange.code.map(str::to_owned),
            },
            Event::Reload { ok, policy, message: _ } => Self::Reload { ok: *ok, policy: (*policy).to_owned() },
            Event::Endpoint { endpoint, up, reason } => {
                Self::Endpoint { endpoint: (*endpoint).to_owned(), up: *up, reason: (*reason).to_owned() }
            }
        }
    }
}
