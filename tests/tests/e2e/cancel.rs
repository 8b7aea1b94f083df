//! A client that leaves cancels what it asked for, at once.

use std::time::{Duration, Instant};

use weir_tests::client::{self, Client, Sending};
use weir_tests::upstream::{Reply, Upstream};
use weir_tests::weir::Weir;

use crate::policies::{CHAT, CHAT_PATH, CHAT_STREAM, chunk, to};

/// How soon the upstream must be left.
const SOON: Duration = Duration::from_millis(100);
/// A busy machine may be late once; a wait of ours would be late each time.
const TRIES: usize = 5;

enum Speaks {
    H1,
    H2,
}

async fn connect(weir: &Weir, speaks: &Speaks) -> Client {
    match speaks {
        Speaks::H1 => Client::h1(weir.address).await,
        Speaks::H2 => Client::h2c(weir.address).await,
    }
}

async fn leave_a_stream(speaks: Speaks) {
    let mut took = Duration::MAX;
    for _ in 0..TRIES {
        let upstream = Upstream::start(|_, _| Reply::sse().event(&chunk("one")).hang()).await;
        let weir = Weir::run(to(&upstream.url())).await;
        let mut answer = client::stream(connect(&weir, &speaks).await, CHAT_PATH, CHAT_STREAM).await;
        answer.until("one").await;
        let left = Instant::now();
        drop(answer);
        took = took.min(upstream.left().await.duration_since(left));
        if took <= SOON {
            return;
        }
    }
    panic!("the upstream was left after {took:?}");
}

async fn leave_before_the_answer(speaks: Speaks) {
    let mut took = Duration::MAX;
    for _ in 0..TRIES {
        let upstream = Upstream::start(|_, _| Reply::default().hang()).await;
        let weir = Weir::run(to(&upstream.url())).await;
        let mut client = connect(&weir, &speaks).await;
        let json = [("content-type", "application/json")];
        let left = tokio::select! {
            _ = client.open("POST", CHAT_PATH, &json, CHAT, Sending::Whole) => panic!("nobody answers"),
            _ = upstream.saw(1) => Instant::now(),
        };
        drop(client);
        took = took.min(upstream.left().await.duration_since(left));
        if took <= SOON {
            return;
        }
    }
    panic!("the upstream was left after {took:?}");
}

#[tokio::test]
async fn leaving_a_stream_over_http1() {
    leave_a_stream(Speaks::H1).await;
}

#[tokio::test]
async fn leaving_a_stream_over_http2() {
    leave_a_stream(Speaks::H2).await;
}

#[tokio::test]
async fn leaving_before_the_answer_over_http1() {
    leave_before_the_answer(Speaks::H1).await;
}

#[tokio::test]
async fn leaving_before_the_answer_over_http2() {
    leave_before_the_answer(Speaks::H2).await;
}

/// A client that leaves is nobody's fault: the endpoint is neither blamed nor tried again.
#[tokio::test]
async fn a_client_that_leaves_causes_no_retry() {
    let slow = Upstream::start(|_, _| Reply::default().hang()).await;
    let spare = Upstream::start(|_, _| Reply::default().hang()).await;
    let policy = format!(
        "weir 1\nendpoint slow {{ provider compatible; url \"{}\" }}\nendpoint spare {{ provider compatible; url \"{}\" }}\n\
         policy main {{ default {{ route slow {{ fallback spare on [connect, timeout, 5xx, stream_broken] }} }} }}\n",
        slow.url(),
        spare.url()
    );
    let weir = Weir::run(policy).await;
    let mut client = Client::h1(weir.address).await;
    tokio::select! {
        _ = client.post(CHAT_PATH, CHAT) => panic!("nobody answers"),
        _ = slow.saw(1) => {}
    }
    drop(client);
    slow.left().await;
    // A later request shows that weir is through with the first.
    let mut client = Client::h1(weir.address).await;
    tokio::select! {
        _ = client.post(CHAT_PATH, CHAT) => panic!("nobody answers"),
        _ = slow.saw(2) => {}
    }
    assert!(spare.seen().is_empty());
}
