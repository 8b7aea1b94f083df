//! The one door for background tasks.
//!
//! Every detached task of the process starts here, so that nothing outlives a drain unseen.

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};

static RUNNING: AtomicUsize = AtomicUsize::new(0);

/// Runs a future in the background.
pub fn spawn<F>(task: F)
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    RUNNING.fetch_add(1, Ordering::Relaxed);
    #[expect(clippy::disallowed_methods, reason = "this is the door")]
    drop(tokio::task::spawn(async move {
        task.await;
        RUNNING.fetch_sub(1, Ordering::Relaxed);
    }));
}

/// Background tasks that have not ended.
#[must_use]
pub fn running() -> usize {
    RUNNING.load(Ordering::Relaxed)
}

/// Runs what computes or blocks for long on a thread of its own, off the workers. Await the handle for its result.
pub fn blocking<F, T>(work: F) -> tokio::task::JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    tokio::task::spawn_blocking(work)
}
