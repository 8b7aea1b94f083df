//! Active checks in paused time.

use std::collections::HashSet;

use bytes::Bytes;
use dashmap::DashMap;
use http::{HeaderMap, StatusCode};
use smallvec::SmallVec;
use tokio::sync::watch;

use super::*;
use crate::exchange::port::{Answer, Dial, Fault, Peer, UpstreamRequest};
use crate::observe::Seen;
use crate::pool::health;

/// Servers that answer what they are told, and remember when they were asked.
#[derive(Debug, Default)]
struct Servers {
    status: DashMap<String, Result<u16, Fault>>,
    asked: DashMap<String, Vec<(String, Instant)>>,
}

struct Reply(u16, HeaderMap);

impl Dial for Servers {
    type Answer = Reply;

    async fn send(&self, peer: &Peer, request: &UpstreamRequest, _: Duration, _: bool) -> Result<Reply, Fault> {
        self.asked.entry(peer.endpoint.to_string()).or_default().push((request.target.clone(), Instant::now()));
        let told = self.status.get(&*peer.endpoint).map_or(Ok(200), |told| *told);
        match told {
            Ok(0) => std::future::pending().await,
            Ok(status) => Ok(Reply(status, HeaderMap::new())),
            Err(fault) => Err(fault),
        }
    }
}

impl Answer for Reply {
    async fn head(&mut self) -> Result<StatusCode, Fault> {
        Ok(StatusCode::from_u16(self.0).unwrap())
    }

    fn headers(&self) -> &HeaderMap {
        &self.1
    }

    fn reused(&self) -> bool {
        false
    }

    async fn body(&mut self) -> Result<Option<Bytes>, Fault> {
        Ok(None)
    }

    async fn release(self) {}
}

fn checked(names: usize) -> Hir {
    let mut hir = policy(&vec![1; names], Balance::RoundRobin);
    for endpoint in &mut hir.endpoints {
        endpoint.health =
            Some(Health { path: "/health".into(), every: ms(5_000), timeout: ms(1_000), up: 2, down: 2 });
    }
    hir
}

fn checks(hir: &Hir, pools: &Pools) -> Vec<health::Check> {
    health::checks(hir, pools, |id| {
        let name = hir.endpoints[usize::try_from(id.0).unwrap()].name.clone();
        let peer = Peer {
            endpoint: name.clone(),
            key: u64::from(id.0),
            host: name,
            port: 1,
            tls: None,
            h2c: false,
            sim: false,
        };
        Some((Arc::new(peer), SmallVec::new()))
    })
}

struct Watched {
    town: Town,
    servers: Arc<Servers>,
    sender: watch::Sender<Vec<health::Check>>,
}

fn watched(hir: &Hir) -> Watched {
    let town = Town::new(hir);
    let servers = Arc::new(Servers::default());
    let (sender, receiver) = watch::channel(checks(hir, &town.pools));
    let (recorder, recording) = Recorder::new();
    let task = health::watch(Arc::clone(&servers), receiver, Arc::new(recorder));
    crate::work::spawn(task);
    Watched { town: Town { recording, ..town }, servers, sender }
}

impl Watched {
    async fn wait(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    fn usable(&self) -> usize {
        self.town.pools.usable(P, Instant::now())
    }

    fn asked(&self, name: &str) -> usize {
        self.servers.asked.get(name).map_or(0, |asked| asked.len())
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_goes_down_and_comes_back_by_its_streaks() {
    let watched = watched(&checked(2));
    watched.wait(ms(100)).await;
    assert_eq!((watched.asked("a"), watched.asked("b")), (1, 1), "the first probe comes at once");
    for told in [Ok(503), Err(Fault::Connect), Ok(0)] {
        watched.servers.status.insert("a".into(), told);
        watched.wait(ms(17_000)).await;
        assert_eq!(watched.usable(), 1, "{told:?}");
        watched.servers.status.insert("a".into(), Ok(204));
        watched.wait(ms(17_000)).await;
        assert_eq!(watched.usable(), 2, "{told:?}");
    }
    let seen: Vec<Seen> = watched.town.recording.take();
    let change = |up, reason: &str| Seen::Endpoint { endpoint: "a".into(), up, reason: reason.into() };
    let one = [change(false, "health_down"), change(true, "health_up")];
    assert_eq!(seen, one.iter().cycle().take(6).cloned().collect::<Vec<_>>());
    let asked = watched.servers.asked.get("b").unwrap();
    assert!(asked.iter().all(|(target, _)| target == "/health"));
    let pauses: HashSet<Duration> = asked.windows(2).skip(1).map(|pair| pair[1].1 - pair[0].1).collect();
    assert_eq!(pauses, HashSet::from([ms(5_000)]));
}

#[tokio::test(start_paused = true)]
async fn one_bad_probe_is_forgiven() {
    let watched = watched(&checked(1));
    watched.wait(ms(10_000)).await;
    for _ in 0..5 {
        let before = watched.asked("a");
        watched.servers.status.insert("a".into(), Ok(500));
        while watched.asked("a") == before {
            watched.wait(ms(10)).await;
        }
        watched.servers.status.insert("a".into(), Ok(200));
        watched.wait(ms(10_000)).await;
        assert_eq!(watched.usable(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_reload_disturbs_only_what_it_changes() {
    let hir = checked(2);
    let mut watched = watched(&hir);
    watched.wait(ms(20_000)).await;
    let before = watched.asked("a");
    // Twice a second for a minute: checks that are not changed keep their beat.
    for _ in 0..120 {
        watched.town.pools = watched.town.fleet.bind(&hir);
        watched.sender.send(checks(&hir, &watched.town.pools)).unwrap();
        watched.wait(ms(500)).await;
    }
    let probes = watched.asked("a") - before;
    assert!((11..=13).contains(&probes), "{probes} in a minute");
    // Without its check an endpoint is not asked, and nobody holds an old verdict against it.
    watched.servers.status.insert("b".into(), Ok(500));
    watched.wait(ms(17_000)).await;
    assert_eq!(watched.usable(), 1);
    let mut without = hir;
    without.endpoints[1].health = None;
    watched.town.pools = watched.town.fleet.bind(&without);
    watched.sender.send(checks(&without, &watched.town.pools)).unwrap();
    watched.wait(ms(100)).await;
    let before = watched.asked("b");
    watched.wait(ms(60_000)).await;
    assert_eq!((watched.asked("b") - before, watched.usable()), (0, 2));
}
