//! Which endpoint gets the next attempt, and what the process remembers about each.
//!
//! ```text
//! Fleet (process) ── EndpointState   in flight, latency, Retry-After, drain, active health
//!    │            └─ PoolState ── MemberState   consecutive failures, ejection, breaker; retry budget
//!    └ bind(&Hir) → Pools (snapshot) ── picking → Lease (one attempt) ── report → the states above
//! ```
//!
//! State is found by stable keys (name and shape), so a reload keeps its memory; picking takes no lock and
//! allocates nothing for pools of ordinary size. Time and randomness come in as values. This module refuses to
//! know HTTP, secrets and how an attempt is made; only [`health`] sends requests, through the port `Dial`.
//!
//! What is decided here: a client that leaves is nobody's failure; a 429 rests an endpoint (until its
//! `Retry-After`, at most [`REST_MAX`]) but does not eject it; answers that blame the request (4xx, context,
//! content filter, refusal) prove that the endpoint lives; and with [`Ask::last_resort`] an ejected, resting or
//! unhealthy member is tried rather than the request refused. Drained and full members are never used.

mod balance;
mod budget;
mod endpoint;
mod fleet;
mod gate;
pub mod health;
mod latency;
mod lease;
mod member;
mod pick;
mod report;
mod time;
mod window;

pub use endpoint::EndpointState;
pub use fleet::{Fleet, UnknownEndpoint};
pub use lease::{Lease, Outcome, REST_DEFAULT, REST_MAX};
pub use member::DEFAULT_EJECT;
pub use pick::{Ask, Picking, Pools, hash_of};
pub use report::{EndpointReport, MemberReport};

#[cfg(test)]
mod tests;
