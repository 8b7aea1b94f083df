//! Building a snapshot: settings, policy, secrets, addresses, pools. Everything or nothing.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use weir_dsl::diag::{self, Diagnostic, Severity, Style};
use weir_dsl::hir::Hir;
use weir_dsl::plan::CompiledPolicy;
use weir_dsl::tree;

use super::policy::{self, Checked, Unreadable};
use super::prints::Prints;
use super::{Snapshot, models};
use crate::clock::Clock;
use crate::conf::{self, ConfErrors, ListenerSettings, Overrides, Settings};
use crate::pool::Fleet;
use crate::provider::{Target, TargetError};
use crate::secret;

/// Everything that is needed to build a snapshot again and again.
#[derive(Clone, Debug)]
pub struct Builder {
    /// `gateway.toml`.
    pub conf: Option<PathBuf>,
    /// What the command line says.
    pub overrides: Overrides,
    /// Live state that snapshots are bound to.
    pub fleet: Arc<Fleet>,
    /// Wall time.
    pub clock: Clock,
    /// The settings of the running process; `None` while it starts.
    pub running: Option<Arc<Settings>>,
}

/// What came of building.
#[derive(Debug)]
pub struct Built {
    /// The snapshot, or everything that is wrong.
    pub result: Result<Snapshot, BuildError>,
    /// Files that were read or looked for: a change of one is a reason to build again.
    pub prints: Prints,
}

/// Why there is no snapshot.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The configuration.
    #[error("{0}")]
    Conf(#[from] ConfErrors),
    /// The policy's root file.
    #[error("{0}")]
    Unreadable(#[from] Unreadable),
    /// The policy has errors; the text shows all of them.
    #[error("{0}")]
    Policy(String),
    /// The policy is too large to index.
    #[error("{0}")]
    TooLarge(#[from] tree::BuildError),
    /// Endpoints that cannot be called, each with its reason.
    #[error("{}", lines(.0))]
    Endpoints(Vec<TargetError>),
    /// A listener wants a policy that is not there.
    #[error("listener `{listener}`: {wanted}; the file has {}", names(.known))]
    NoPolicy {
        /// Its address.
        listener: std::net::SocketAddr,
        /// What it looked for.
        wanted: String,
        /// What there is.
        known: Vec<Arc<str>>,
    },
}

fn lines(errors: &[TargetError]) -> String {
    errors.iter().map(|e| format!("error: {e}")).collect::<Vec<_>>().join("\n")
}

fn names(names: &[Arc<str>]) -> String {
    match names {
        [] => "no policy".to_owned(),
        names => names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
    }
}

// === impl BuildError ===

impl BuildError {
    /// Whether something could not be read, as opposed to being wrong.
    #[must_use]
    pub fn is_unreadable(&self) -> bool {
        match self {
            Self::Unreadable(_) => true,
            Self::Conf(errors) => errors.0.iter().any(|e| matches!(e.problem, conf::Problem::Unreadable(_))),
            Self::Policy(_) | Self::TooLarge(_) | Self::Endpoints(_) | Self::NoPolicy { .. } => false,
        }
    }
}

// === impl Builder ===

impl Builder {
    /// Reads, checks and binds everything. Slow: call it off the workers.
    #[must_use]
    pub fn build(&self) -> Built {
        let mut prints = Prints::default();
        let result = self.try_build(&mut prints);
        Built { result, prints }
    }

    fn try_build(&self, prints: &mut Prints) -> Result<Snapshot, BuildError> {
        self.conf.iter().for_each(|file| prints.look(file));
        let mut settings = conf::load(self.conf.as_deref(), &self.overrides)?;
        settings.files.iter().for_each(|file| prints.look(file));
        if let Some(running) = &self.running {
            keep_what_cannot_change(&mut settings, running);
        }
        let root = settings.policy.as_deref();
        root.iter().for_each(|file| prints.look(file));
        let checked = policy::check(root, &settings.compile)?;
        prints.merge(checked.prints.clone());
        self.bind(settings, checked, prints)
    }

    fn bind(&self, settings: Settings, checked: Checked, prints: &mut Prints) -> Result<Snapshot, BuildError> {
        let id = checked.id(&settings.compile);
        let Checked { compilation, policies, too_large, .. } = checked;
        let Some(hir) =
            compilation.hir.filter(|_| !compilation.diagnostics.iter().any(|d| d.severity == Severity::Error))
        else {
            return Err(BuildError::Policy(diag::text(&compilation.diagnostics, &compilation.sources, Style::Plain)));
        };
        if let Some(too_large) = too_large {
            return Err(too_large.into());
        }
        let by_listener = by_listener(&settings.listeners, &policies)?;
        let folder = settings.policy.as_deref().and_then(Path::parent).unwrap_or(Path::new(""));
        let targets = targets(&hir, folder, prints)?;
        let warning = |d: &Diagnostic| diag::text(std::slice::from_ref(d), &compilation.sources, Style::Plain);
        Ok(Snapshot {
            id,
            built: self.clock.now(),
            models: models::list(&hir),
            // Last: it registers endpoints in the live state, which only a snapshot that comes to life may do.
            pools: self.fleet.bind(&hir),
            hir,
            policies,
            by_listener,
            targets,
            warnings: compilation.diagnostics.iter().map(warning).collect(),
            files: compilation.sources.files().map(|(_, file)| Arc::from(file.name())).collect(),
            settings: Arc::new(settings),
        })
    }
}

/// The policy of each listener: the one it names, else `main`, else the only one.
fn by_listener(
    listeners: &[Arc<ListenerSettings>],
    policies: &[Arc<CompiledPolicy>],
) -> Result<Vec<Arc<CompiledPolicy>>, BuildError> {
    let named = |name: &str| policies.iter().find(|policy| **policy.name() == *name);
    let policy = |listener: &Arc<ListenerSettings>| {
        let found = match (&listener.policy, policies) {
            (Some(name), _) => named(name),
            (None, [only]) => Some(only),
            (None, _) => named("main"),
        };
        found.cloned().ok_or_else(|| BuildError::NoPolicy {
            listener: listener.addr,
            wanted: match &listener.policy {
                Some(name) => format!("there is no policy `{name}`"),
                None => "name its `policy`, or call one `main`".to_owned(),
            },
            known: policies.iter().map(|policy| Arc::clone(policy.name())).collect(),
        })
    };
    listeners.iter().map(policy).collect()
}

fn targets(hir: &Hir, folder: &Path, prints: &mut Prints) -> Result<Vec<Arc<Target>>, BuildError> {
    let seen = std::cell::RefCell::new(prints);
    let resolve = |reference: &weir_dsl::hir::SecretRef| {
        if let weir_dsl::hir::SecretRef::File(path) = reference {
            seen.borrow_mut().look(&folder.join(&**path));
        }
        secret::resolve(reference, folder)
    };
    let (mut targets, mut errors) = (Vec::with_capacity(hir.endpoints.len()), Vec::new());
    for endpoint in &hir.endpoints {
        match Target::build(endpoint, &resolve) {
            Ok(target) => targets.push(Arc::new(target)),
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() { Ok(targets) } else { Err(BuildError::Endpoints(errors)) }
}

/// Sockets, threads and the admin address of a running process stay as they are; the log says so.
fn keep_what_cannot_change(new: &mut Settings, running: &Settings) {
    let shape = |listeners: &[Arc<ListenerSettings>]| -> Vec<_> {
        listeners.iter().map(|l| (l.addr, l.tls.is_some())).collect()
    };
    let mut kept = Vec::new();
    if shape(&new.listeners) != shape(&running.listeners) {
        new.listeners.clone_from(&running.listeners);
        kept.push("the listeners' addresses");
    }
    if new.admin.addr != running.admin.addr {
        new.admin.addr = running.admin.addr;
        kept.push("`admin.addr`");
    }
    if new.threads != running.threads {
        new.threads = running.threads;
        kept.push("`threads`");
    }
    if new.upstream != running.upstream {
        new.upstream = running.upstream;
        kept.push("`upstream`");
    }
    for what in kept {
        log::warn!("a change of {what} takes effect at the next start");
    }
}
