//! The events of an exchange and of the process.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use weir_dsl::hir::FailureClass;

/// Listens to events. Implementations must be cheap and never block: they run on the request's task.
pub trait Observer: Send + Sync {
    /// One event.
    fn on(&self, event: &Event<'_>);
}

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Event<'a> {
    /// An exchange began.
    Began,
    /// One attempt at an endpoint ended.
    Attempt(Attempt<'a>),
    /// An exchange ended; exactly one for each `Began`.
    Ended(&'a Exchange<'a>),
    /// A reload ended.
    Reload {
        /// Whether the new set is in force.
        ok: bool,
        /// Identity of the set in force now.
        policy: &'a str,
        /// First line of what was wrong.
        message: Option<&'a str>,
    },
    /// An endpoint went up or down, or was ejected.
    Endpoint {
        /// Its name.
        endpoint: &'a str,
        /// Usable now.
        up: bool,
        /// Why.
        reason: &'a str,
    },
}

/// One try at one endpoint.
#[derive(Clone, Debug)]
pub struct Attempt<'a> {
    /// Endpoint name.
    pub endpoint: &'a Arc<str>,
    /// How it failed; `None` when it gave the answer.
    pub failure: Option<FailureClass>,
    /// From sending until the outcome was known.
    pub took: Duration,
    /// Whether a pooled connection was used.
    pub reused: bool,
}

/// How an exchange ended.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum End {
    /// The client has a complete answer of an upstream (whatever its status).
    Complete,
    /// We refused by policy or limits.
    Refused,
    /// No endpoint gave an answer; the client has an error.
    Failed,
    /// The answer broke after it began; the client was told in band.
    Broken,
    /// The client left first.
    ClientGone,
    /// weir itself was wrong.
    Bug,
}

/// Everything worth knowing about a finished exchange. Borrowed: nothing is allocated for it.
#[derive(Clone, Debug)]
pub struct Exchange<'a> {
    /// Our request id.
    pub id: &'a str,
    /// The client's `x-request-id`.
    pub client_id: Option<&'a str>,
    /// Client address.
    pub client_ip: Option<IpAddr>,
    /// Method.
    pub method: &'a str,
    /// Path without query.
    pub path: &'a str,
    /// `chat`, `responses` …; empty outside model APIs.
    pub api: &'a str,
    /// Public model name after aliases.
    pub model: Option<&'a str>,
    /// Identity of the policy set.
    pub policy: &'a str,
    /// Deciding rule.
    pub rule: &'a str,
    /// Pool of the last attempt.
    pub pool: Option<&'a Arc<str>>,
    /// Endpoint of the last attempt.
    pub endpoint: Option<&'a Arc<str>>,
    /// Attempts made.
    pub attempts: u32,
    /// Whether the client asked for a stream.
    pub stream: bool,
    /// Status sent to the client; 499 when it left before one was sent.
    pub status: u16,
    /// How it ended.
    pub end: End,
    /// Error code of `docs/errors.md` when weir made the answer.
    pub code: Option<&'a str>,
    /// Bytes of the request body.
    pub bytes_in: u64,
    /// Bytes of the answer's body.
    pub bytes_out: u64,
    /// Whole time.
    pub took: Duration,
    /// From accepting to the first byte of the answer sent on.
    pub first_byte: Option<Duration>,
    /// Time in weir itself: everything but waiting for the client and the upstream.
    pub overhead: Duration,
    /// Tokens as the upstream counted them.
    pub tokens: Option<Tokens>,
    /// Tags of the plan.
    pub tags: &'a [(Arc<str>, Arc<str>)],
    /// How much may be logged.
    pub log: weir_dsl::hir::LogLevel,
}

/// Usage as the upstream said it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Tokens {
    /// Input tokens, cached ones included.
    pub input: u64,
    /// Output tokens, reasoning included.
    pub output: u64,
    /// Input tokens read from the vendor's cache.
    pub cached: u64,
    /// Output tokens spent on reasoning.
    pub reasoning: u64,
}
