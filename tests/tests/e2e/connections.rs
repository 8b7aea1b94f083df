//! Connections to upstreams: reused, found dead, told to wait.

use weir_tests::client::{self, Client};
use weir_tests::upstream::{Reply, Upstream};
use weir_tests::weir::{Sim, Weir};

use crate::policies::{CHAT, CHAT_ANSWER, CHAT_PATH, CHAT_STREAM, chunk, to};

#[tokio::test]
async fn a_connection_serves_many_requests() {
    let upstream = Upstream::start(|_, _| Reply::json(200, CHAT_ANSWER)).await;
    let weir = Weir::run(to(&upstream.url())).await;
    let mut client = Client::h1(weir.address).await;
    for _ in 0..5 {
        assert_eq!(client.post(CHAT_PATH, CHAT).await.status, 200);
    }
    // Each worker keeps connections of its own.
    assert!(upstream.connections() <= 3, "{}", upstream.connections());
    assert_eq!(upstream.seen().len(), 5);
}

/// A pooled connection that died is replaced at once, and nobody is blamed.
#[tokio::test]
async fn a_dead_pooled_connection_is_replaced() {
    let sim = Sim::run("[[rule]]\nconnection = { after = \"dead\" }\n").await;
    let weir = Weir::run(to(&sim.url())).await;
    let mut client = Client::h1(weir.address).await;
    for request in 0..6 {
        let answer = client.post(CHAT_PATH, CHAT).await;
        assert_eq!(answer.status, 200, "request {request}: {}", answer.text());
        assert_eq!(answer.header("x-weir-attempts"), Some("1"), "request {request}");
    }
    // Six answers, and the count.
    assert_eq!(sim.stats().await["requests"], 7);
}

/// A fresh connection that dies is not tried again by itself.
#[tokio::test]
async fn a_fresh_connection_that_dies_is_a_failure() {
    let upstream = Upstream::start(|_, _| Reply::default().reset()).await;
    let weir = Weir::run(to(&upstream.url())).await;
    let answer = client::post(weir.address, CHAT_PATH, CHAT).await;
    assert_eq!(answer.status, 502, "{}", answer.text());
    assert_eq!(upstream.seen().len(), 1);
}

/// Bytes behind a complete answer spoil the connection, not the next answer.
#[tokio::test]
async fn bytes_behind_an_answer_never_reach_the_next_one() {
    let upstream = Upstream::start(|_, number| {
        let reply = Reply::json(200, CHAT_ANSWER);
        if number == 1 { reply.raw("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nwrong") } else { reply }
    })
    .await;
    let weir = Weir::run(to(&upstream.url())).await;
    let mut client = Client::h1(weir.address).await;
    for _ in 0..3 {
        let answer = client.post(CHAT_PATH, CHAT).await;
        assert_eq!((answer.status.as_u16(), answer.text().as_str()), (200, CHAT_ANSWER));
    }
}

#[tokio::test]
async fn a_stream_that_ended_gives_its_connection_back() {
    let upstream = Upstream::start(|_, _| {
        Reply::sse().event(&chunk("a")).event(crate::policies::CHUNK_STOP).event("[DONE]").end()
    })
    .await;
    let weir = Weir::run(to(&upstream.url())).await;
    let mut client = Client::h1(weir.address).await;
    for _ in 0..4 {
        assert!(client.post(CHAT_PATH, CHAT_STREAM).await.complete);
    }
    assert!(upstream.connections() <= 3, "{}", upstream.connections());
}

/// What the vendor asks for is passed on, and the vendor's own headers about limits are not.
#[tokio::test]
async fn retry_after_is_told() {
    let upstream = Upstream::start(|_, _| {
        Reply::with_headers(429, &[("retry-after", "7")], r#"{"error":{"message":"slow","type":"rate_limit_error"}}"#)
    })
    .await;
    let weir = Weir::run(to(&upstream.url())).await;
    let answer = client::post(weir.address, CHAT_PATH, CHAT).await;
    assert_eq!((answer.status.as_u16(), answer.header("retry-after")), (429, Some("7")), "{}", answer.text());
}

/// A member that asked for patience is left alone while another can serve.
#[tokio::test]
async fn retry_after_is_obeyed() {
    let busy = Upstream::start(|_, _| {
        Reply::with_headers(
            429,
            &[("retry-after", "60")],
            r#"{"error":{"message":"slow","type":"rate_limit_error"}}"#,
        )
    })
    .await;
    let free = Upstream::start(|_, _| Reply::json(200, CHAT_ANSWER)).await;
    let weir = Weir::run(format!(
        "weir 1\nendpoint busy {{ provider compatible; url \"{}\" }}\nendpoint free {{ provider compatible; url \"{}\" }}\n\
         pool both {{\n  member busy tier 1\n  member free tier 2\n  retry 1 on [429]\n}}\n\
         policy main {{ default {{ route both }} }}\n",
        busy.url(),
        free.url()
    ))
    .await;
    for _ in 0..4 {
        let answer = client::post(weir.address, CHAT_PATH, CHAT).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    assert_eq!((busy.seen().len(), free.seen().len()), (1, 4));
}
