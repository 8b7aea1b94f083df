//! The resolved, typed policy: names are ids, conditions are interned atoms, actions are data.
//!
//! `resolve`/`check` write it, `tree`, `plan` and `failover` read it, and so do the proxy's pools. Nothing here
//! can fail: whatever could go wrong was a diagnostic. Every item keeps the span that put it there.

mod cond;
mod endpoint;
mod failure;
mod field;
mod pool;
mod rule;

pub use cond::{Atom, Cond, ListItems, ListSet, OrderOp, Test};
pub use endpoint::{Endpoint, HeaderValue, Health, Model, SecretRef, Timeouts, Tls};
pub use failure::{ClassSet, FailureClass};
pub use field::{BodyStep, Constant, Field, FieldKind, LiveMetric, Tier, Type};
pub use pool::{Alias, Balance, Breaker, Eject, Hedge, Member, Pool, Retry};
pub use rule::{Action, ActionKind, Fallback, LogLevel, Policy, PolicyStmt, PolicyStmtKind, Route, Split, Target};

/// Index of a [`Field`] in [`Hir::fields`].
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct FieldId(pub u32);
/// Index of an [`Atom`] in [`Hir::atoms`].
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct AtomId(pub u32);
/// Index of an [`Endpoint`] in [`Hir::endpoints`].
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct EndpointId(pub u32);
/// Index of a [`Pool`] in [`Hir::pools`].
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct PoolId(pub u32);
/// Index of a [`ListSet`] in [`Hir::lists`].
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ListId(pub u32);
/// Written order of a statement inside its policy; the rank by which first match is decided.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Rank(pub u32);

/// One compiled set of files.
#[derive(Clone, Debug, Default)]
pub struct Hir {
    /// Declared endpoints.
    pub endpoints: Vec<Endpoint>,
    /// Declared pools, then one implicit pool for each endpoint that is used as a pool.
    pub pools: Vec<Pool>,
    /// Public model names that stand for others; applied before the rules.
    pub aliases: Vec<Alias>,
    /// Named lists, and the literal lists of `in [...]` that are worth a set of their own.
    pub lists: Vec<ListSet>,
    /// Distinct fields that some condition reads.
    pub fields: Vec<Field>,
    /// Distinct tests.
    pub atoms: Vec<Atom>,
    /// Policies in written order.
    pub policies: Vec<Policy>,
}
