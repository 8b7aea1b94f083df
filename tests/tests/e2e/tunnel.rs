//! Paths that weir does not model go where the policy routes them, byte for byte, and WebSockets with them.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use weir_tests::PATIENCE;
use weir_tests::client::{Client, Sending, raw};
use weir_tests::upstream::{Reply, Upstream};
use weir_tests::weir::{Sim, Weir};
use weir_tests::{sha256, upstream};

use crate::policies::{CHAT, CHAT_ANSWER, CHAT_PATH, to};

#[tokio::test]
async fn an_unknown_path_is_carried_unchanged() {
    let sim = Sim::run("").await;
    let weir = Weir::run(to(&sim.url())).await;
    let blob: Vec<u8> = (0..3_000_000_u32).map(|n| n.to_le_bytes()[usize::try_from(n % 3).unwrap_or(0)]).collect();
    for (method, body) in [("POST", blob.as_slice()), ("PUT", b"x"), ("DELETE", b""), ("GET", b""), ("PATCH", b"{")] {
        for h2 in [false, true] {
            let mut client = if h2 { Client::h2c(weir.address).await } else { Client::h1(weir.address).await };
            for sending in [Sending::Whole, Sending::Pieces] {
                let headers = [("content-type", "application/octet-stream"), ("x-mine", "1")];
                let target = "/v1/files/a%20b?after=%2Fx&limit=2";
                let answer = client.send(method, target, &headers, body.to_vec(), sending).await;
                assert_eq!(answer.status, 200, "{method}: {}", answer.text());
                let seen = answer.json();
                assert_eq!((&seen["method"], &seen["path"]), (&method.into(), &target.into()), "{seen}");
                assert_eq!(seen["body_sha256"], sha256(body), "{method} {sending:?} h2={h2}");
                assert!(answer.header("x-weir-request-id").is_some());
            }
        }
    }
}

/// A rule decides which unknown paths go where.
#[tokio::test]
async fn the_policy_says_which_paths_pass() {
    let upstream = Upstream::start(|_, _| Reply::json(200, CHAT_ANSWER)).await;
    let weir = Weir::run(format!(
        "weir 1\nendpoint a {{ provider compatible; url \"{}\" }}\npolicy main {{\n  \
         rule chat when api == \"chat\" {{ route a }}\n  \
         rule files when path starts_with \"/v1/files\" {{ route a }}\n  \
         default {{ deny 404 \"nothing here\" }}\n}}\n",
        upstream.url()
    ))
    .await;
    let mut client = Client::h1(weir.address).await;
    assert_eq!(client.post(CHAT_PATH, CHAT).await.status, 200);
    assert_eq!(client.send("GET", "/v1/files", &[], "", Sending::Whole).await.status, 200);
    assert_eq!(client.send("GET", "/v1/batches", &[], "", Sending::Whole).await.status, 404);
    let targets: Vec<String> = upstream.seen().into_iter().map(|seen| seen.target).collect();
    assert_eq!(targets, [CHAT_PATH, "/v1/files"]);
}

fn upgrade() -> String {
    "GET /v1/realtime?model=m HTTP/1.1\r\nhost: weir\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
     sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        .to_owned()
}

#[tokio::test]
async fn a_websocket_is_tunnelled() {
    let upstream = Upstream::start(|_, _| {
        Reply::default()
            .raw(
                "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
                 sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
            )
            .echo()
    })
    .await;
    let weir = Weir::run(to(&upstream.url())).await;
    let mut stream = TcpStream::connect(weir.address).await.expect("weir accepts");
    stream.write_all(upgrade().as_bytes()).await.expect("weir reads");
    let mut got = Vec::new();
    let mut said = false;
    while !got.ends_with(b"hello over there") {
        let read = timeout(PATIENCE, stream.read_buf(&mut got)).await.expect("weir goes on").expect("weir stays");
        assert!(read > 0, "{}", String::from_utf8_lossy(&got));
        if !said && got.windows(4).any(|bytes| bytes == b"\r\n\r\n") {
            said = true;
            stream.write_all(b"hello over there").await.expect("weir reads");
        }
    }
    assert!(got.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&got));
    let seen: &upstream::Seen = &upstream.seen()[0];
    assert_eq!((seen.target.as_str(), seen.header("upgrade")), ("/v1/realtime?model=m", Some("websocket")));
    drop(stream);
    upstream.left().await;
}

/// Without a 101 there is no tunnel: what follows is HTTP again.
#[tokio::test]
async fn there_is_no_tunnel_without_a_101() {
    let upstream = Upstream::start(|_, _| Reply::json(200, CHAT_ANSWER)).await;
    let weir = Weir::run(to(&upstream.url())).await;
    let hidden = "GET /hidden HTTP/1.1\r\nhost: upstream\r\nconnection: close\r\n\r\n";
    let got = raw(weir.address, format!("{}{hidden}", upgrade()).as_bytes(), None).await;
    assert!(got.starts_with("HTTP/1.1 200"), "{got}");
    // A request of its own, on a route of its own: if it was served, weir judged it and set the upstream's host.
    for seen in upstream.seen().iter().filter(|seen| seen.target == "/hidden") {
        assert_eq!(seen.header("host"), Some(upstream.address.to_string().as_str()), "{seen:?}");
    }
}
