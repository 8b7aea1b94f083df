//! What outlives snapshots: the state of endpoints and pools, found again after a reload by name and shape.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Weak};

use dashmap::{DashMap, DashSet};
use tokio::time::Instant;
use weir_dsl::hir::{self, Hir};

use super::endpoint::{EndpointState, MemberState};
use super::member::{BoundPool, DEFAULT_EJECT, Member, PoolState};
use super::pick::{Pools, hash_of};
use super::time::Epoch;
use crate::observe::{Event, Observer};

/// Live state of the process. One per process; snapshots are bound to it.
pub struct Fleet {
    epoch: Epoch,
    observer: Arc<dyn Observer>,
    endpoints: DashMap<EndpointKey, Weak<EndpointState>>,
    pools: DashMap<Arc<str>, Weak<PoolState>>,
    members: DashMap<(Arc<str>, EndpointKey), Weak<MemberState>>,
    /// Names that an operator drained: his word survives a change of the endpoint's shape.
    drained: DashSet<Arc<str>>,
}

/// What makes an endpoint the same one after a reload: its name, and where and how it is reached. Models, weight,
/// capacity and timers may change without its memory being lost.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
struct EndpointKey {
    name: Arc<str>,
    shape: u64,
}

/// There is no endpoint of this name.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("no endpoint is called `{0}`")]
pub struct UnknownEndpoint(pub String);

// === impl Fleet ===

impl std::fmt::Debug for Fleet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fleet").field("endpoints", &self.endpoints.len()).finish_non_exhaustive()
    }
}

impl Fleet {
    /// An empty fleet. `observer` hears of ejections, recoveries and health changes.
    #[must_use]
    pub fn new(now: Instant, observer: Arc<dyn Observer>) -> Self {
        Self {
            epoch: Epoch::new(now),
            observer,
            endpoints: DashMap::new(),
            pools: DashMap::new(),
            members: DashMap::new(),
            drained: DashSet::new(),
        }
    }

    /// The pools of a policy, with the memory of those that were there before.
    #[must_use]
    pub fn bind(&self, hir: &Hir) -> Pools {
        let endpoints: Vec<Arc<EndpointState>> = hir.endpoints.iter().map(|e| self.endpoint(e)).collect();
        let pools = hir.pools.iter().zip(0..).map(|(pool, id)| Arc::new(self.pool(hir, pool, id, &endpoints)));
        let pools = Pools { pools: pools.collect(), endpoints, epoch: self.epoch };
        self.forget_the_gone();
        pools
    }

    /// Takes an endpoint out of use: no new requests, those in flight go on.
    ///
    /// # Errors
    /// When no snapshot has an endpoint of this name.
    pub fn drain(&self, name: &str) -> Result<(), UnknownEndpoint> {
        self.mark(name, true)
    }

    /// Puts a drained endpoint back into use.
    ///
    /// # Errors
    /// When no snapshot has an endpoint of this name.
    pub fn resume(&self, name: &str) -> Result<(), UnknownEndpoint> {
        self.mark(name, false)
    }

    fn mark(&self, name: &str, drained: bool) -> Result<(), UnknownEndpoint> {
        let named = |key: &EndpointKey| *key.name == *name;
        let states: Vec<Arc<EndpointState>> =
            self.endpoints.iter().filter(|e| named(e.key())).filter_map(|e| e.value().upgrade()).collect();
        let Some(first) = states.first() else { return Err(UnknownEndpoint(name.to_owned())) };
        if drained {
            self.drained.insert(Arc::clone(&first.name));
        } else {
            self.drained.remove(name);
        }
        let changed = states.iter().filter(|state| state.set_drained(drained)).count() > 0;
        if changed {
            let reason = if drained { "drained" } else { "resumed" };
            self.observer.on(&Event::Endpoint { endpoint: &first.name, up: !drained, reason });
        }
        Ok(())
    }

    fn endpoint(&self, endpoint: &hir::Endpoint) -> Arc<EndpointState> {
        let key = EndpointKey::of(endpoint);
        let state = revive(&self.endpoints, key, || EndpointState::new(Arc::clone(&endpoint.name)));
        state.set_drained(self.drained.contains(&endpoint.name));
        if endpoint.health.is_none() {
            // Nobody would ever say that it is up again.
            state.set_down(false);
        }
        state
    }

    fn pool(&self, hir: &Hir, pool: &hir::Pool, id: u32, endpoints: &[Arc<EndpointState>]) -> BoundPool {
        // INVARIANT: ids of a checked policy are valid, so nothing is skipped and places agree with the policy's.
        let members = pool.members.iter().filter_map(|m| {
            let at = usize::try_from(m.endpoint.0).ok()?;
            Some(self.member(&pool.name, m, hir.endpoints.get(at)?, endpoints.get(at)?))
        });
        let members: Vec<Member> = members.collect();
        BoundPool {
            id: hir::PoolId(id),
            name: Arc::clone(&pool.name),
            balance: pool.balance.clone(),
            eject: pool.eject.or((members.len() > 1).then_some(DEFAULT_EJECT)),
            members,
            breaker: pool.breaker,
            state: revive(&self.pools, Arc::clone(&pool.name), PoolState::default),
            turn: AtomicU64::new(0),
            epoch: self.epoch,
            observer: Arc::clone(&self.observer),
        }
    }

    fn member(
        &self,
        pool: &Arc<str>,
        member: &hir::Member,
        endpoint: &hir::Endpoint,
        state: &Arc<EndpointState>,
    ) -> Member {
        let key = (Arc::clone(pool), EndpointKey::of(endpoint));
        Member {
            id: member.endpoint,
            endpoint: Arc::clone(state),
            state: revive(&self.members, key, MemberState::default),
            weight: member.weight,
            capacity: endpoint.capacity,
            tier: member.tier,
            hash: hash_of(endpoint.name.as_bytes(), None),
            turn: AtomicU64::new(0),
        }
    }

    fn forget_the_gone(&self) {
        self.endpoints.retain(|_, state| state.strong_count() > 0);
        self.pools.retain(|_, state| state.strong_count() > 0);
        self.members.retain(|_, state| state.strong_count() > 0);
    }
}

// === impl EndpointKey ===

impl EndpointKey {
    fn of(endpoint: &hir::Endpoint) -> Self {
        // Fixed keys: the same shape has the same hash as long as the process lives.
        let mut hasher = DefaultHasher::new();
        endpoint.provider.hash(&mut hasher);
        endpoint.url.hash(&mut hasher);
        endpoint.region.hash(&mut hasher);
        endpoint.tls.server_name.hash(&mut hasher);
        Self { name: Arc::clone(&endpoint.name), shape: hasher.finish() }
    }
}

/// The living state under `key`, or a new one.
fn revive<K: Eq + Hash, V>(map: &DashMap<K, Weak<V>>, key: K, make: impl FnOnce() -> V) -> Arc<V> {
    let mut slot = map.entry(key).or_default();
    slot.upgrade().unwrap_or_else(|| {
        let state = Arc::new(make());
        *slot = Arc::downgrade(&state);
        state
    })
}
