//! Idle clear-text connections, newest first.
//!
//! pingora's own pool starts a watching task for every connection that is given back; on the path of every
//! request that is a spawn, two locks and a notification. A connection here simply lies in a stack: whoever
//! takes it looks whether the peer has closed it, which costs no system call because the reactor has already
//! noted it. The race that remains, a close that is still on its way, is the stale-connection retry's business.

use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use dashmap::DashMap;
use pingora::protocols::Stream;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::time::Instant;

struct Idle {
    stream: Stream,
    since: Instant,
}

/// Connections by peer key and address.
pub(super) struct IdlePool {
    per_peer_max: usize,
    max_age: Duration,
    stacks: DashMap<(u64, SocketAddr), Vec<Idle>>,
}

impl IdlePool {
    pub(super) fn new(per_peer_max: usize, max_age: Duration) -> Self {
        Self { per_peer_max, max_age, stacks: DashMap::new() }
    }

    /// The most recently used connection that is still open.
    pub(super) fn take(&self, key: (u64, SocketAddr)) -> Option<Stream> {
        let mut stack = self.stacks.get_mut(&key)?;
        while let Some(mut idle) = stack.pop() {
            if idle.since.elapsed() < self.max_age && is_quiet(&mut idle.stream) {
                return Some(idle.stream);
            }
        }
        None
    }

    /// Keeps a connection whose answer was read completely.
    pub(super) fn put(&self, key: (u64, SocketAddr), stream: Stream) {
        let mut stack = self.stacks.entry(key).or_default();
        if stack.len() < self.per_peer_max {
            stack.push(Idle { stream, since: Instant::now() });
        }
    }

    /// Drops what is too old or was closed by the peer.
    pub(super) fn sweep(&self) {
        for mut stack in self.stacks.iter_mut() {
            stack.retain_mut(|idle| idle.since.elapsed() < self.max_age && is_quiet(&mut idle.stream));
        }
        self.stacks.retain(|_, stack| !stack.is_empty());
    }
}

/// Open and silent: a read would wait. Anything else (end of stream, error, bytes that nobody asked for) makes
/// the connection unusable.
fn is_quiet(stream: &mut Stream) -> bool {
    let mut byte = [0_u8; 1];
    let mut buffer = ReadBuf::new(&mut byte);
    let mut nobody = Context::from_waker(Waker::noop());
    matches!(Pin::new(stream).poll_read(&mut nobody, &mut buffer), Poll::Pending)
}
