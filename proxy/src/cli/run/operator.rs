//! What the admin page may ask of this process.

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::time::Instant;

use crate::admin::{Control, PolicyReport, SetReport};
use crate::clock;
use crate::drain::{Drain, Phase};
use crate::pool::{EndpointReport, Fleet, UnknownEndpoint};
use crate::snapshot::Current;
use crate::snapshot::reload::{Outcome, Reloads};

/// Answers the admin page. Its blocking calls are made off the workers.
#[derive(Debug)]
pub(super) struct Operator {
    pub(super) current: Arc<Current>,
    pub(super) reloads: Reloads,
    pub(super) fleet: Arc<Fleet>,
    pub(super) drain: Drain,
    pub(super) runtime: Handle,
}

impl Control for Operator {
    fn ready(&self) -> Result<(), &'static str> {
        match self.drain.phase() {
            Phase::Serving => Ok(()),
            Phase::Noticed | Phase::Closing => Err("draining"),
        }
    }

    fn policy(&self) -> PolicyReport {
        let now = self.current.load();
        let set =
            |s: &Arc<crate::snapshot::Snapshot>| SetReport { hash: s.id.to_string(), since: clock::rfc3339(s.built) };
        PolicyReport {
            hash: now.id.to_string(),
            files: now.files.iter().map(ToString::to_string).collect(),
            warnings: now.warnings.clone(),
            sets: self.current.kept().iter().rev().map(set).collect(),
            last_error: self.reloads.last().message.clone(),
        }
    }

    fn reload(&self) -> Result<Arc<str>, String> {
        said(&self.runtime.block_on(self.reloads.reload()))
    }

    fn rollback(&self) -> Result<Arc<str>, String> {
        said(&self.runtime.block_on(self.reloads.rollback()))
    }

    fn endpoints(&self) -> Vec<EndpointReport> {
        self.current.load().pools.report(Instant::now())
    }

    fn set_drained(&self, endpoint: &str, drained: bool) -> Result<(), UnknownEndpoint> {
        if drained { self.fleet.drain(endpoint) } else { self.fleet.resume(endpoint) }
    }
}

fn said(outcome: &Outcome) -> Result<Arc<str>, String> {
    match &outcome.message {
        None => Ok(Arc::clone(&outcome.id)),
        Some(message) => Err(message.clone()),
    }
}
