//! Active health checks: `health get PATH every d timeout d up n down n`.
//!
//! One task watches the checks of the newest snapshot; a check that a reload did not change goes on undisturbed.
//! The probe is an ordinary exchange through the port [`Dial`], so it uses the transport that requests use. This
//! module refuses to know what a healthy body looks like: any 2xx is up.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue, Method};
use smallvec::SmallVec;
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, timeout};
use weir_dsl::hir::{EndpointId, Health, Hir};

use super::balance::mix;
use super::endpoint::EndpointState;
use super::pick::Pools;
use crate::exchange::port::{Answer, Dial, Peer, UpstreamRequest};
use crate::observe::{Event, Observer};

/// Longest body that a probe reads so that its connection can be used again; beyond it the connection is closed.
const PROBE_BODY_BYTES_MAX: usize = 64 * 1024;

/// One endpoint to watch.
#[derive(Clone, Debug)]
pub struct Check {
    endpoint: Arc<EndpointState>,
    settings: Health,
    peer: Arc<Peer>,
    request: Arc<UpstreamRequest>,
}

/// The health checks of a policy. `peer_of` gives the prepared address and the credential headers of an endpoint.
pub fn checks(
    hir: &Hir,
    pools: &Pools,
    peer_of: impl Fn(EndpointId) -> Option<(Arc<Peer>, SmallVec<[(HeaderName, HeaderValue); 12]>)>,
) -> Vec<Check> {
    let watched = hir.endpoints.iter().zip(0..).filter_map(|(endpoint, id)| {
        let (peer, headers) = peer_of(EndpointId(id))?;
        let settings = endpoint.health.clone()?;
        let state = pools.endpoints.get(usize::try_from(id).ok()?)?;
        let request = UpstreamRequest {
            method: Method::GET,
            target: settings.path.to_string(),
            headers,
            body: SmallVec::new(),
        };
        Some(Check { endpoint: Arc::clone(state), settings, peer, request: Arc::new(request) })
    });
    watched.collect()
}

/// Runs the checks that `current` holds until its sender is gone.
pub async fn watch<D>(dial: Arc<D>, mut current: watch::Receiver<Vec<Check>>, observer: Arc<dyn Observer>)
where
    D: Dial + 'static,
{
    let mut tasks = JoinSet::new();
    let mut running: HashMap<Identity, AbortHandle> = HashMap::new();
    loop {
        let checks = current.borrow_and_update().clone();
        let mut wanted: HashMap<Identity, Check> = checks.into_iter().map(|c| (Identity::of(&c), c)).collect();
        running.retain(|identity, task| {
            let goes_on = wanted.remove(identity).is_some();
            if !goes_on {
                task.abort();
            }
            goes_on
        });
        for (identity, check) in wanted {
            running.insert(identity, tasks.spawn(repeat(Arc::clone(&dial), check, Arc::clone(&observer))));
        }
        // Reaps what was aborted; the rest runs until then.
        while tasks.try_join_next().is_some() {}
        if current.changed().await.is_err() {
            return;
        }
    }
}

/// What makes two checks the same one.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
struct Identity {
    endpoint: Arc<str>,
    peer: u64,
    path: Arc<str>,
    timers: (Duration, Duration, u32, u32),
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Identity {
    fn of(check: &Check) -> Self {
        let Health { path, every, timeout, up, down } = &check.settings;
        Self {
            endpoint: Arc::clone(&check.endpoint.name),
            peer: check.peer.key,
            path: Arc::clone(path),
            timers: (*every, *timeout, *up, *down),
            headers: check.request.headers.to_vec(),
        }
    }
}

/// Probes one endpoint for ever.
async fn repeat<D: Dial>(dial: Arc<D>, check: Check, observer: Arc<dyn Observer>) {
    let mut streak = Streak::default();
    // Spread over the period, the same for the same name, so that many checks do not beat in step. The first
    // probe comes at once: a policy that is just loaded wants to know.
    let mut next = Instant::now() + spread(&check);
    loop {
        let well = probe(&*dial, &check).await;
        if let Some(up) = streak.count(well, &check.settings)
            && check.endpoint.set_down(!up)
        {
            let reason = if up { "health_up" } else { "health_down" };
            observer.on(&Event::Endpoint { endpoint: &check.endpoint.name, up, reason });
        }
        tokio::time::sleep_until(next).await;
        next += check.settings.every;
        // A probe that outlasted its period skips the beats it missed.
        next = next.max(Instant::now());
    }
}

fn spread(check: &Check) -> Duration {
    let every = u64::try_from(check.settings.every.as_millis()).unwrap_or(u64::MAX).max(1);
    check.settings.every / 2 + Duration::from_millis(mix(check.peer.key) % every / 2)
}

async fn probe<D: Dial>(dial: &D, check: &Check) -> bool {
    let limit = check.settings.timeout;
    let exchange = async {
        let mut answer = dial.send(&check.peer, &check.request, limit, false).await.ok()?;
        let status = answer.head().await.ok()?;
        let mut read = 0;
        while let Some(data) = answer.body().await.ok()? {
            read += data.len();
            if read > PROBE_BODY_BYTES_MAX {
                return Some(status);
            }
        }
        answer.release().await;
        Some(status)
    };
    matches!(timeout(limit, exchange).await, Ok(Some(status)) if status.is_success())
}

/// Equal results in a row.
#[derive(Clone, Copy, Debug, Default)]
struct Streak {
    well: bool,
    length: u32,
}

impl Streak {
    /// The verdict, when there have been enough equal results for one.
    fn count(&mut self, well: bool, settings: &Health) -> Option<bool> {
        self.length = if self.well == well { self.length.saturating_add(1) } else { 1 };
        self.well = well;
        let needed = if well { settings.up } else { settings.down };
        (self.length >= needed).then_some(well)
    }
}
