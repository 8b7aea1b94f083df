//! Waiting for a condition, with a deadline.

use std::time::{Duration, Instant};

/// How long anything may take that has no limit of its own: generous, because machines that build are slow.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Asks until there is an answer.
///
/// # Panics
/// When there is none within [`PATIENCE`].
pub async fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(began.elapsed() < PATIENCE, "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
