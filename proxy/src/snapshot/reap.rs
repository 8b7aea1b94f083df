//! Where old snapshots go to die: freeing a large rule tree takes long, so no request ever does it.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::Duration;

/// How often the reaper looks whether the last request has let go.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Hands things to a thread that drops each of them once nobody else holds it.
#[derive(Debug)]
pub(super) struct Reaper<T> {
    to: Sender<Arc<T>>,
}

impl<T: Send + Sync + 'static> Reaper<T> {
    /// Starts the thread; it ends with the reaper and the last thing it holds.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(super) fn start() -> std::io::Result<Self> {
        let (to, from) = mpsc::channel();
        std::thread::Builder::new().name("weir-reaper".to_owned()).spawn(move || reap(&from))?;
        Ok(Self { to })
    }

    /// Takes one over.
    pub(super) fn take(&self, old: Arc<T>) {
        // The thread lives as long as we do; if it died, dropping here is right too.
        drop(self.to.send(old));
    }
}

fn reap<T>(from: &Receiver<Arc<T>>) {
    let mut held: Vec<Arc<T>> = Vec::new();
    loop {
        let next = if held.is_empty() {
            from.recv().map_err(|_| RecvTimeoutError::Disconnected)
        } else {
            from.recv_timeout(LOOK_EVERY)
        };
        match next {
            Ok(old) => held.push(old),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        // INVARIANT: nobody can take a new reference to what is not in `Current` any more, so a count of one stays.
        held.retain(|old| Arc::strong_count(old) > 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Told(Sender<std::thread::ThreadId>);

    impl Drop for Told {
        fn drop(&mut self) {
            let _ = self.0.send(std::thread::current().id());
        }
    }

    #[test]
    fn the_last_reference_dies_on_the_reapers_thread() {
        let (tell, told) = mpsc::channel();
        let reaper = Reaper::start().unwrap();
        let old = Arc::new(Told(tell));
        reaper.take(Arc::clone(&old));
        assert!(told.try_recv().is_err());
        drop(old);
        let place = told.recv_timeout(Duration::from_secs(10)).unwrap();
        assert_ne!(place, std::thread::current().id());
    }
}
