//! Notices that a loaded file has changed: by the system's events, or by looking where there are none.
//!
//! Folders are watched, not files, so that editors that rename and Kubernetes' ConfigMaps, which swap a symbolic
//! link beside the file, are seen. An event only says "look": whether something changed is told by
//! [`Prints`](super::prints::Prints).

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::Notify;

/// Watches the folders of a set of files.
pub(super) struct Watch {
    watcher: Option<RecommendedWatcher>,
    folders: BTreeSet<PathBuf>,
}

// === impl Watch ===

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch").field("folders", &self.folders).finish_non_exhaustive()
    }
}

impl Watch {
    /// Watches nothing yet; `touched` is told of every event.
    pub(super) fn new(touched: Arc<Notify>) -> Self {
        let tell = move |event: notify::Result<Event>| {
            // Reading a file is an event too; our own would never end.
            if !event.is_ok_and(|event| matches!(event.kind, EventKind::Access(kind) if !closes_a_write(kind))) {
                touched.notify_one();
            }
        };
        let watcher = notify::recommended_watcher(tell)
            .map_err(|e| log::warn!("cannot watch files, looking every few seconds instead: {e}"))
            .ok();
        Self { watcher, folders: BTreeSet::new() }
    }

    /// Whether events come at all.
    pub(super) fn is_live(&self) -> bool {
        self.watcher.is_some()
    }

    /// Watches the folders of these files, and no others.
    pub(super) fn follow<'a>(&mut self, files: impl Iterator<Item = &'a Path>) {
        let Some(watcher) = &mut self.watcher else { return };
        let folders: BTreeSet<PathBuf> = files.flat_map(folders_of).collect();
        for gone in self.folders.difference(&folders) {
            // A folder that was removed is no longer watched anyway.
            drop(watcher.unwatch(gone));
        }
        let mut failed = false;
        for new in folders.difference(&self.folders) {
            if let Err(e) = watcher.watch(new, RecursiveMode::NonRecursive) {
                log::warn!("cannot watch `{}`, looking every few seconds instead: {e}", new.display());
                failed = true;
            }
        }
        self.folders = folders;
        if failed {
            self.watcher = None;
        }
    }
}

fn closes_a_write(kind: notify::event::AccessKind) -> bool {
    kind == notify::event::AccessKind::Close(notify::event::AccessMode::Write)
}

/// Where a file stands, and where it really is.
fn folders_of(file: &Path) -> impl Iterator<Item = PathBuf> {
    let folder = |path: &Path| {
        let parent = path.parent().unwrap_or(Path::new(""));
        let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
        parent.canonicalize().ok()
    };
    let real = file.canonicalize().ok().and_then(|real| folder(&real));
    folder(file).into_iter().chain(real)
}
