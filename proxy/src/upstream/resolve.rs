//! Names to addresses, remembered for a short while.
//!
//! Addresses in an endpoint's URL need no look-up. A name is asked for once, then again in the background when
//! its answer is older than the limit; a failing look-up keeps the last good answer. Several addresses are used
//! in turn. TTLs of the records are not seen through the system's resolver, hence the short fixed age.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use dashmap::DashMap;
use tokio::time::Instant;

/// Cached name resolution over the system's resolver.
#[derive(Debug)]
pub struct Resolver {
    max_age: Duration,
    names: Arc<Names>,
}

/// By host and port.
type Names = DashMap<(Arc<str>, u16), Arc<Entry>>;

#[derive(Debug)]
struct Entry {
    addresses: Vec<SocketAddr>,
    at: Instant,
    next: AtomicUsize,
    refreshing: AtomicBool,
}

// === impl Resolver ===

impl Resolver {
    /// Remembers answers for `max_age`.
    #[must_use]
    pub fn new(max_age: Duration) -> Self {
        Self { max_age, names: Arc::default() }
    }

    /// An address of `host`; `None` when the name does not resolve and never did.
    pub async fn resolve(&self, host: &Arc<str>, port: u16) -> Option<SocketAddr> {
        if let Ok(ip) = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
            return Some(SocketAddr::new(ip, port));
        }
        let key = (Arc::clone(host), port);
        let known = self.names.get(&key).map(|e| Arc::clone(&e));
        match known {
            Some(entry) => {
                if entry.at.elapsed() > self.max_age && !entry.refreshing.swap(true, Ordering::Relaxed) {
                    let names = Arc::clone(&self.names);
                    crate::work::spawn(async move { refresh(&names, key).await });
                }
                entry.pick()
            }
            None => Box::pin(refresh(&self.names, key)).await?.pick(),
        }
    }
}

/// Asks the system; keeps the old answer when that fails, and waits a full period before it tries again.
async fn refresh(names: &Names, key: (Arc<str>, u16)) -> Option<Arc<Entry>> {
    let found: Vec<SocketAddr> = match tokio::net::lookup_host((&*key.0, key.1)).await {
        Ok(found) => found.collect(),
        Err(_) => Vec::new(),
    };
    let addresses = if found.is_empty() { names.get(&key)?.addresses.clone() } else { found };
    let entry = Arc::new(Entry {
        addresses,
        at: Instant::now(),
        next: AtomicUsize::new(0),
        refreshing: AtomicBool::new(false),
    });
    names.insert(key, Arc::clone(&entry));
    Some(entry)
}

impl Entry {
    fn pick(&self) -> Option<SocketAddr> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        self.addresses.get(turn.checked_rem(self.addresses.len())?).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn literals_need_no_lookup_and_unknown_names_are_none() {
        let resolver = Resolver::new(Duration::from_secs(10));
        let v4 = resolver.resolve(&"127.0.0.1".into(), 80).await;
        assert_eq!(v4, "127.0.0.1:80".parse().ok());
        let v6 = resolver.resolve(&"[::1]".into(), 80).await;
        assert_eq!(v6, "[::1]:80".parse().ok());
        assert!(resolver.resolve(&"no-such-name.invalid".into(), 80).await.is_none());
        assert!(resolver.resolve(&"localhost".into(), 80).await.is_some());
        assert_eq!(resolver.names.len(), 1);
    }
}
