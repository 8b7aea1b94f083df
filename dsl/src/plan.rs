//! What a policy said about one request: the actions of the statements that hold, merged.
//!
//! Merging follows `language.md` §8: protective actions towards tighter, cosmetic ones last wins. A [`Plan`] is
//! data; the proxy carries it out stage by stage in one fixed order, whatever the written order was. Plans of
//! the same deciding and applied statements are one shared value.
//!
//! This module refuses to know how anything is carried out.

mod cache;
mod compiled;
mod merge;
pub mod share;

use std::sync::Arc;

use crate::hir::{LogLevel, Rank, Route, Split};
use crate::span::Span;

pub use cache::PlanCache;
pub use compiled::{CompiledPolicy, Deciding, Evaluation};

/// Everything that a policy wants done with one request.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The policy's name.
    pub policy: Arc<str>,
    /// The deciding rule's name: `default` where no rule held.
    pub rule: Arc<str>,
    /// The deciding statement.
    pub deciding: Rank,
    /// The `apply` statements that hold, in written order.
    pub applied: Box<[Rank]>,
    /// Stage 5: what the upstream gets differently from what the client sent.
    pub shape: Shape,
    /// Stages 2 and 7: the end of it.
    pub terminal: Placed<Terminal>,
    /// Stage 9: how much is recorded; `None`: the process default.
    pub log: Option<Placed<Log>>,
    /// Stage 9: tags, one for each key, in the order of their first mention.
    pub tags: Vec<Placed<Pair>>,
}

/// Stage 5, in the order in which it is carried out: remove, set, cap, inject.
#[derive(Clone, Debug, Default)]
pub struct Shape {
    /// Headers of the client that are not passed on, in lower case. What `set` writes is not removed.
    pub remove_headers: Vec<Placed<Arc<str>>>,
    /// `set model`.
    pub model: Option<Placed<Arc<str>>>,
    /// `set param.K v`, the value as JSON text.
    pub params: Vec<Placed<Pair>>,
    /// `set header.K "v"` towards the upstream.
    pub headers: Vec<Placed<Pair>>,
    /// `cap param.K n`: applied to what the client sent and to what `set` wrote.
    pub caps: Vec<Placed<Cap>>,
    /// System texts to put in, in this order.
    pub inject_system: Vec<Placed<Arc<str>>>,
}

/// A value with the place that put it there.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Placed<T> {
    /// What.
    pub value: T,
    /// The statement.
    pub by: Rank,
    /// The action.
    pub span: Span,
}

/// A name and what it is set to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Pair {
    /// Name.
    pub key: Arc<str>,
    /// Value.
    pub value: Arc<str>,
}

/// An upper bound on a number of the request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Cap {
    /// Parameter.
    pub param: Arc<str>,
    /// At most.
    pub at_most: i64,
}

/// How much of a request is recorded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Log {
    /// What.
    pub level: LogLevel,
    /// Of how many requests, in per cent.
    pub sample: f64,
}

/// How a decided request goes on.
#[derive(Clone, Debug)]
pub enum Terminal {
    /// To a pool: hand it to [`crate::failover::Failover`].
    Route(Arc<Route>),
    /// To one branch of several: pick it with [`share::branch`].
    Split(Arc<Split>),
    /// Refused.
    Deny {
        /// HTTP status.
        status: u16,
        /// Text for the client.
        message: Arc<str>,
    },
    /// Answered by the policy itself.
    Respond {
        /// HTTP status.
        status: u16,
        /// JSON, or plain text.
        json: bool,
        /// Body.
        body: Arc<str>,
    },
}

// === impl Placed ===

impl<T> Placed<T> {
    /// Puts a value in its place.
    pub fn new(value: T, by: Rank, span: Span) -> Self {
        Self { value, by, span }
    }
}

#[cfg(test)]
mod tests;
