//! Policies: statements, their actions, and where a request goes.

use std::sync::Arc;

use crate::span::Span;

use super::{ClassSet, Cond, FieldId, Hedge, PoolId, Retry, Tier, Timeouts};

/// `policy N { … }`, flattened.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Its name.
    pub name: Arc<str>,
    /// Declaration.
    pub span: Span,
    /// Statements by rank; the last one is the default.
    pub stmts: Vec<PolicyStmt>,
}

/// `apply`, `rule` or `default`.
#[derive(Clone, Debug)]
pub struct PolicyStmt {
    /// What it is.
    pub kind: PolicyStmtKind,
    /// Rule name, `default`, or empty for an `apply`.
    pub name: Arc<str>,
    /// The head.
    pub span: Span,
    /// `Const(true)` without `when`.
    pub cond: Cond,
    /// In written order, `use` expanded.
    pub actions: Vec<Action>,
}

/// Whether a statement decides.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum PolicyStmtKind {
    /// Adds and goes on.
    Apply,
    /// Decides and stops.
    Rule,
    /// Decides when nothing else did.
    Default,
}

/// An action with its place.
#[derive(Clone, Debug)]
pub struct Action {
    /// What it does.
    pub kind: ActionKind,
    /// Where it is written.
    pub span: Span,
}

/// Actions of `language.md` §8.
#[derive(Clone, Debug)]
pub enum ActionKind {
    /// `deny STATUS "msg"`
    Deny {
        /// HTTP status.
        status: u16,
        /// Text for the client.
        message: Arc<str>,
    },
    /// `respond STATUS json|text "…"`
    Respond {
        /// HTTP status.
        status: u16,
        /// `application/json` or plain text.
        json: bool,
        /// The body.
        body: Arc<str>,
    },
    /// `route …`
    Route(Arc<Route>),
    /// `split by FIELD { … }`
    Split(Arc<Split>),
    /// `set model "…"`
    SetModel(Arc<str>),
    /// `set param.K v`: the value as JSON text
    SetParam(Arc<str>, Arc<str>),
    /// `set header.K "v"`, towards the upstream
    SetHeader(Arc<str>, Arc<str>),
    /// `remove header.K`
    RemoveHeader(Arc<str>),
    /// `cap param.K n`
    Cap(Arc<str>, i64),
    /// `inject system "…"` or `from "f"`
    InjectSystem(Arc<str>),
    /// `tag K v`
    Tag(Arc<str>, Arc<str>),
    /// `log off|meta|full [sample n%]`
    Log(LogLevel, Option<f64>),
}

/// How much of a request is recorded; smaller is stricter.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum LogLevel {
    /// Nothing.
    Off,
    /// Names, numbers, times.
    #[default]
    Meta,
    /// Texts too.
    Full,
}

/// `route P [as M] [else P] { … }`.
#[derive(Clone, Debug)]
pub struct Route {
    /// First target.
    pub to: Target,
    /// Used when the pool has no usable member at all.
    pub or_else: Option<PoolId>,
    /// Timers; tighter than those of the pool and endpoint.
    pub timeouts: Timeouts,
    /// Overrides the pool's.
    pub retry: Option<Retry>,
    /// Overrides the pool's.
    pub hedge: Option<Hedge>,
    /// In written order.
    pub fallbacks: Vec<Fallback>,
}

/// A pool, and the public model name to ask it for.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Target {
    /// The pool.
    pub pool: PoolId,
    /// `as "model"`.
    pub as_model: Option<Arc<str>>,
}

/// `fallback P [as M] on [F…]`.
#[derive(Clone, Debug)]
pub struct Fallback {
    /// Where to.
    pub to: Target,
    /// For which failures.
    pub on: ClassSet,
    /// Its place.
    pub span: Span,
}

/// `split by FIELD { to P n% [as M] … }`.
#[derive(Clone, Debug)]
pub struct Split {
    /// The key; absent values hash as the request id.
    pub by: Option<FieldId>,
    /// The rule's name: salt of the hash.
    pub salt: Arc<str>,
    /// Branches with cumulative shares in 1/10,000; the last is 10,000.
    pub branches: Vec<(u32, Arc<Route>)>,
}

// === impl Tier ===

impl Tier {
    /// Every tier, cheapest first.
    pub const ALL: [Self; 5] = [Self::Head, Self::Peek, Self::Body, Self::Tokens, Self::Classifier];
}
