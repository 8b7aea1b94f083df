//! A new policy while requests run: no request fails, no stream breaks, a broken file changes nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use weir_tests::client::{self, Client, Sending};
use weir_tests::upstream::{Reply, Upstream};
use weir_tests::weir::Weir;

use crate::policies::{CHAT, CHAT_ANSWER, CHAT_PATH, CHAT_STREAM, to};

/// How many reloads; a thousand by `WEIR_TEST_RELOADS=1000`.
const RELOADS: usize = 200;
/// How much the process may grow, in KiB: allocators keep what they had.
const GROWTH_KIB: u64 = 64 << 10;
const LOADERS: usize = 6;

fn policy(tag: &str) -> String {
    format!(
        "weir 1\nendpoint s {{ provider sim; model \"m\" }}\npolicy main {{\n  apply {{ tag gen \"{tag}\" }}\n  \
         rule probe when path == \"/v1/probe\" {{ respond 200 text \"{tag}\" }}\n  default {{ route s }}\n}}\n"
    )
}

/// Waits until the policy with this tag is in force.
async fn in_force(weir: &Weir, tag: &str) {
    let began = Instant::now();
    loop {
        let told = client::get(weir.address, "/v1/probe").await.text();
        if told == tag {
            return;
        }
        assert!(began.elapsed() < weir_tests::PATIENCE, "`{told}` is in force instead of `{tag}`: {}", weir.log());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[derive(Debug, Default)]
struct Load {
    stop: AtomicBool,
    done: AtomicU64,
}

/// Sends requests until it is told to stop; every answer must be whole.
async fn load(address: std::net::SocketAddr, load: Arc<Load>, number: usize) {
    let mut client = if number.is_multiple_of(2) { Client::h1(address).await } else { Client::h2c(address).await };
    let json = [("content-type", "application/json")];
    while !load.stop.load(Ordering::Relaxed) {
        let done = load.done.fetch_add(1, Ordering::Relaxed);
        let body = if done.is_multiple_of(2) { CHAT } else { CHAT_STREAM };
        let answer = client.send("POST", CHAT_PATH, &json, body, Sending::Whole).await;
        assert!(answer.status == 200 && answer.complete, "request {done}: {} {}", answer.status, answer.text());
        assert!(
            done.is_multiple_of(2) || answer.text().ends_with("data: [DONE]\n\n"),
            "request {done}: {}",
            answer.text()
        );
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test]
async fn reloads_under_load_lose_nothing() {
    let reloads = std::env::var("WEIR_TEST_RELOADS").ok().map_or(RELOADS, |text| text.parse().expect("a number"));
    let weir = Weir::run(policy("g0")).await;
    let shared = Arc::new(Load::default());
    let loaders: Vec<_> =
        (0..LOADERS).map(|number| tokio::spawn(load(weir.address, Arc::clone(&shared), number))).collect();
    in_force(&weir, "g0").await;
    let mut baseline = (0, 0);
    for generation in 1..=reloads {
        if generation % 2 == 1 {
            weir.write_policy("weir 1\npolicy {{{ broken");
            weir.signal("HUP");
        } else {
            let tag = format!("g{generation}");
            weir.write_policy(&policy(&tag));
            weir.signal("HUP");
            in_force(&weir, &tag).await;
        }
        // Warm: after a tenth of the reloads, everything that is kept once is there.
        if generation == reloads / 10 {
            baseline = (weir.resident_kib(), weir.descriptors());
        }
    }
    shared.stop.store(true, Ordering::Relaxed);
    for loader in loaders {
        loader.await.expect("no request failed");
    }
    let requests = shared.done.load(Ordering::Relaxed);
    assert!(requests > u64::try_from(reloads).unwrap_or(0), "only {requests} requests ran beside the reloads");
    let (kib, descriptors) = (weir.resident_kib(), weir.descriptors());
    assert!(kib < baseline.0 + GROWTH_KIB, "grew from {} KiB to {kib} KiB", baseline.0);
    assert!(descriptors < baseline.1 + 16, "from {} to {descriptors} descriptors", baseline.1);
    let metrics = client::get(weir.admin, "/metrics").await.text();
    assert!(metrics.contains("weir_policy_reloads_total"), "{metrics}");
}

/// A change of the file is enough.
#[tokio::test]
async fn a_changed_file_is_loaded_without_a_signal() {
    let weir = Weir::run(policy("one")).await;
    in_force(&weir, "one").await;
    weir.write_policy(&policy("two"));
    in_force(&weir, "two").await;
}

/// A broken file is told with its place, and the last good set stays.
#[tokio::test]
async fn a_broken_file_keeps_the_last_good_set() {
    let weir = Weir::run(policy("good")).await;
    in_force(&weir, "good").await;
    weir.write_policy("weir 1\nendpoint s { provider sim }\npolicy main { default { route nowhere } }\n");
    weir.signal("HUP");
    let log =
        weir_tests::until("the log to name the error", || Some(weir.log()).filter(|log| log.contains("E0201"))).await;
    assert!(log.contains("nowhere"), "{log}");
    in_force(&weir, "good").await;
    assert_eq!(client::post(weir.address, CHAT_PATH, CHAT).await.status, 200);
    let told = client::get(weir.admin, "/metrics").await.text();
    let failed = told.lines().find(|line| line.starts_with("weir_policy_reloads_total") && !line.ends_with(" 0"));
    assert!(failed.is_some(), "{told}");
}

/// A stream that runs keeps the policy it began with.
#[tokio::test]
async fn a_stream_outlives_its_policy() {
    let first = weir_tests::weir::Sim::run(
        "[[rule]]\nanswer = { text = \"one two three four five six\" }\npace = { event_ms = 150 }\n",
    )
    .await;
    let second = Upstream::start(|_, _| Reply::json(200, CHAT_ANSWER)).await;
    let weir = Weir::run(to(&first.url())).await;
    let mut stream = client::stream(Client::h1(weir.address).await, CHAT_PATH, CHAT_STREAM).await;
    let mut got = stream.until("one").await;
    weir.write_policy(&to(&second.url()));
    weir.signal("HUP");
    while second.seen().is_empty() {
        assert_eq!(client::post(weir.address, CHAT_PATH, CHAT).await.status, 200);
    }
    got.push_str(&stream.until("[DONE]").await);
    assert!(got.contains("six"), "{got}");
}
