//! When the next request is due.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io::{Error, ErrorKind, Result};
use std::rc::Rc;
use std::thread;
use std::time::{Duration, Instant};
use tokio::sync::{Notify, mpsc};

/// Decides when connections may send; they compete for what is due.
pub(crate) struct Schedule(Kind);

enum Kind {
    AsFastAsPossible,
    Exactly(Cell<u64>),
    AtRate(Rc<Queue>),
}

/// Requests that are due but not yet taken up by a connection.
#[derive(Default)]
struct Queue {
    due: RefCell<VecDeque<Instant>>,
    more: Notify,
}

// === impl Schedule ===

impl Schedule {
    pub(crate) fn as_fast_as_possible() -> Self {
        Self(Kind::AsFastAsPossible)
    }

    pub(crate) fn exactly(requests: u64) -> Self {
        Self(Kind::Exactly(Cell::new(requests)))
    }

    /// Must be called inside a `LocalSet`.
    pub(crate) fn at_rate(per_second: f64) -> Result<Self> {
        if !(per_second > 0.0 && per_second.is_finite()) {
            return Err(Error::new(ErrorKind::InvalidInput, "the rate must be above zero"));
        }
        let queue = Rc::new(Queue::default());
        let mut ticks = metronome(Duration::from_secs_f64(1.0 / per_second));
        let filled = Rc::clone(&queue);
        tokio::task::spawn_local(async move {
            while let Some(due) = ticks.recv().await {
                filled.due.borrow_mut().push_back(due);
                filled.more.notify_one();
            }
        });
        Ok(Self(Kind::AtRate(queue)))
    }

    /// When the next request was due, once it is; `None` when all were taken.
    pub(crate) async fn next(&self) -> Option<Instant> {
        match &self.0 {
            Kind::AsFastAsPossible => Some(Instant::now()),
            Kind::Exactly(left) => {
                left.set(left.get().checked_sub(1)?);
                Some(Instant::now())
            }
            Kind::AtRate(queue) => loop {
                let next = queue.due.borrow_mut().pop_front();
                if next.is_some() {
                    return next;
                }
                queue.more.notified().await;
            },
        }
    }
}

/// A thread that only sleeps and ticks: the runtime's own timer is too coarse (1 ms) for 2,000 requests a second.
fn metronome(period: Duration) -> mpsc::UnboundedReceiver<Instant> {
    let (send, receive) = mpsc::unbounded_channel();
    thread::spawn(move || {
        let mut due = Instant::now();
        loop {
            due += period;
            #[expect(clippy::disallowed_methods, reason = "this thread runs no runtime, sleeping is all it does")]
            thread::sleep(due.saturating_duration_since(Instant::now()));
            if send.send(due).is_err() {
                return;
            }
        }
    });
    receive
}
