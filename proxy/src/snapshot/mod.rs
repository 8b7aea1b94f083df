//! One immutable configuration, and the pointer to the newest.
//!
//! A request loads [`Current`] once and keeps what it got; nothing in a [`Snapshot`] ever changes. Building one
//! ([`Builder`]) happens off the workers, replacing it ([`reload`]) in one task, freeing it on a thread of its own.
//! This module refuses to know how a policy is evaluated and how a pool chooses.

mod build;
mod folder;
mod models;
pub mod policy;
mod prints;
mod reap;
pub mod reload;
mod watch;

use std::sync::Arc;
use std::time::SystemTime;

use arc_swap::ArcSwap;
use bytes::Bytes;
use weir_dsl::hir::{EndpointId, Hir};
use weir_dsl::plan::CompiledPolicy;

use crate::conf::{ListenerSettings, Settings};
use crate::pool::Pools;
use crate::provider::Target;

pub use build::{BuildError, Builder, Built};
pub use prints::Prints;

/// Sets kept for a rollback, the one in force included.
pub const KEPT_MAX: usize = 5;

/// One immutable configuration.
#[derive(Debug)]
pub struct Snapshot {
    /// Identity of the policy: hash over every text and the overlay, 16 hexadecimal digits.
    pub id: Arc<str>,
    /// When it was built.
    pub built: SystemTime,
    /// The process's settings when it was built. What a running process cannot change is as in the first one.
    pub settings: Arc<Settings>,
    /// The checked policy.
    pub hir: Arc<Hir>,
    /// Every policy of the file, compiled, in written order.
    pub policies: Vec<Arc<CompiledPolicy>>,
    /// By listener: its policy.
    pub by_listener: Vec<Arc<CompiledPolicy>>,
    /// Pools bound to the process's live state.
    pub pools: Pools,
    /// By [`EndpointId`]: how it is called.
    pub targets: Vec<Arc<Target>>,
    /// The body of `GET /v1/models`.
    pub models: Bytes,
    /// Warnings of the compiler, as text, one each.
    pub warnings: Vec<String>,
    /// Files that took part, as named in messages.
    pub files: Vec<Arc<str>>,
}

/// The pointer to the newest snapshot, and those before it.
#[derive(Debug)]
pub struct Current {
    newest: ArcSwap<Snapshot>,
    kept: ArcSwap<Vec<Arc<Snapshot>>>,
}

// === impl Snapshot ===

impl Snapshot {
    /// The policy that judges a listener's requests; `None` only for a listener of other settings.
    #[must_use]
    pub fn policy_of(&self, listener: &ListenerSettings) -> Option<&Arc<CompiledPolicy>> {
        self.by_listener.get(listener.index)
    }

    /// How an endpoint is called; `None` only for an id of another policy.
    #[must_use]
    pub fn target(&self, endpoint: EndpointId) -> Option<&Arc<Target>> {
        self.targets.get(usize::try_from(endpoint.0).ok()?)
    }

    /// Whether policy and settings are those of another snapshot.
    fn says_the_same_as(&self, other: &Self) -> bool {
        self.id == other.id && format!("{:?}", self.settings) == format!("{:?}", other.settings)
    }
}

// === impl Current ===

impl Current {
    /// Starts with this one.
    #[must_use]
    pub fn new(first: Snapshot) -> Self {
        let first = Arc::new(first);
        Self { newest: ArcSwap::new(Arc::clone(&first)), kept: ArcSwap::from_pointee(vec![first]) }
    }

    /// The newest. Call it once for each request and keep the result; no lock, no wait.
    #[must_use]
    pub fn load(&self) -> Arc<Snapshot> {
        self.newest.load_full()
    }

    /// The last [`KEPT_MAX`] sets that were in force, oldest first; the one in force is the last.
    #[must_use]
    pub fn kept(&self) -> Arc<Vec<Arc<Snapshot>>> {
        self.kept.load_full()
    }

    /// Puts a new one in force and returns those that nobody will ask for again. Called by one task only.
    fn publish(&self, new: Arc<Snapshot>) -> Vec<Arc<Snapshot>> {
        let mut kept = Vec::clone(&self.kept.load());
        // Loading the same once more (with secrets read again) is no step that one would want to take back.
        let mut gone: Vec<_> = kept.pop_if(|last| last.says_the_same_as(&new)).into_iter().collect();
        kept.push(Arc::clone(&new));
        gone.extend(kept.drain(..kept.len().saturating_sub(KEPT_MAX)));
        self.kept.store(Arc::new(kept));
        self.newest.store(new);
        gone
    }

    /// Puts the set before the one in force back, and returns the one that was. Called by one task only.
    fn step_back(&self) -> Option<Arc<Snapshot>> {
        let mut kept = Vec::clone(&self.kept.load());
        let gone = kept.pop()?;
        let before = Arc::clone(kept.last()?);
        self.kept.store(Arc::new(kept));
        self.newest.store(before);
        Some(gone)
    }
}
