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
