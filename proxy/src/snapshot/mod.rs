//! One immutable configuration, and the pointer to the newest.
//!
//! A request loads [`Current`] once and keeps what it got; nothing in a [`Snapshot`] ever changes. Building one
//! happens off the workers. This module refuses to know how a policy is evaluated and how a pool chooses.

use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::Bytes;
use weir_dsl::hir::Hir;
use weir_dsl::plan::CompiledPolicy;

use crate::conf::{ListenerSettings, Settings};

/// Sets kept for a rollback, the one in force included.
pub const KEPT_MAX: usize = 5;

/// One immutable configuration.
#[derive(Debug)]
pub struct Snapshot {
    /// Identity: hash over every source, the overlay and the settings; 16 hexadecimal digits.
    pub id: Arc<str>,
    /// The process's settings when it was built. Addresses and threads of the running process are those of the
    /// first snapshot.
    pub settings: Arc<Settings>,
    /// The checked policy.
    pub hir: Arc<Hir>,
    /// Every policy of the file, compiled, in written order.
    pub policies: Vec<Arc<CompiledPolicy>>,
    /// By listener: its policy.
    pub by_listener: Vec<Arc<CompiledPolicy>>,
    /// The body of `GET /v1/models`.
    pub models: Bytes,
    /// Warnings of the compiler, rendered, one each.
    pub warnings: Vec<String>,
    /// Files that took part, as named in messages.
    pub files: Vec<Arc<str>>,
}

/// The pointer to the newest snapshot.
#[derive(Debug)]
pub struct Current {
    newest: ArcSwap<Snapshot>,
}

// === impl Snapshot ===

impl Snapshot {
    /// The policy that judges a listener's requests; `None` only for a listener of other settings.
    #[must_use]
    pub fn policy_of(&self, listener: &ListenerSettings) -> Option<&Arc<CompiledPolicy>> {
        self.by_listener.get(listener.index)
    }
}

// === impl Current ===

impl Current {
    /// Starts with this one.
    #[must_use]
    pub fn new(first: Snapshot) -> Self {
        Self { newest: ArcSwap::from_pointee(first) }
    }

    /// The newest. Call it once for each request and keep the result; no lock, no wait.
    #[must_use]
    pub fn load(&self) -> Arc<Snapshot> {
        self.newest.load_full()
    }
}
