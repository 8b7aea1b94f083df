//! Keys go where they belong: an upstream sees its own and nobody else's.

use weir_tests::client::{Client, Sending};
use weir_tests::upstream::{Reply, Seen, Upstream};
use weir_tests::weir::{Start, Weir};

use crate::policies::{CHAT, CHAT_ANSWER, CHAT_PATH};

const CLIENT: &str = "canary-of-the-client";
const KEY_A: &str = "canary-of-endpoint-a";
const KEY_B: &str = "canary-of-endpoint-b";

const CREDENTIALS: [&str; 8] = [
    "authorization",
    "x-api-key",
    "api-key",
    "x-goog-api-key",
    "proxy-authorization",
    "cookie",
    "x-amz-security-token",
    "openai-organization-key",
];

/// Everything of a request in one text.
fn everything(seen: &Seen) -> String {
    format!("{} {} {:?} {}", seen.method, seen.target, seen.headers, String::from_utf8_lossy(&seen.body))
}

async fn stage() -> (Upstream, Upstream, Weir) {
    let a = Upstream::start(|_, _| Reply::json(503, r#"{"error":{"message":"down"}}"#)).await;
    let b = Upstream::start(|_, _| Reply::json(200, CHAT_ANSWER)).await;
    let policy = format!(
        "weir 1\nendpoint a {{ provider compatible; url \"{}\"; key secret(\"env:TEST_KEY_A\") }}\n\
         endpoint b {{ provider anthropic; url \"http://{}\"; key secret(\"env:TEST_KEY_B\") }}\n\
         endpoint c {{ provider compatible; url \"{}\"; key secret(\"env:TEST_KEY_B\") }}\n\
         policy main {{\n  rule claude when path == \"/v1/messages\" {{ route b }}\n  \
         default {{ route a {{ fallback c on [5xx, overloaded] }} }}\n}}\n",
        a.url(),
        b.address,
        b.url()
    );
    let weir = Start::new(policy).env("TEST_KEY_A", KEY_A).env("TEST_KEY_B", KEY_B).start().await;
    (a, b, weir)
}

/// Sends a request with the client's key wherever a client may put one.
async fn send(weir: &Weir, method: &str, path: &str, body: &'static str) -> u16 {
    let bearer = format!("Bearer {CLIENT}");
    let mut headers = vec![("content-type", "application/json"), ("x-client-request-id", "kept")];
    headers.extend(CREDENTIALS[..7].iter().map(|name| (*name, bearer.as_str())));
    let mut client = Client::h1(weir.address).await;
    let answer = client.send(method, path, &headers, body, Sending::Whole).await;
    let log = weir.log();
    for secret in [CLIENT, KEY_A, KEY_B] {
        assert!(!answer.text().contains(secret) && !format!("{:?}", answer.headers).contains(secret));
        assert!(!log.contains(secret), "the log holds a secret: {log}");
    }
    answer.status.as_u16()
}

#[tokio::test]
async fn an_upstream_sees_its_own_key_only() {
    let (a, b, weir) = stage().await;
    let path = format!("{CHAT_PATH}?key={CLIENT}");
    assert_eq!(send(&weir, "POST", &path, CHAT).await, 200);
    let (first, second) = (&a.seen()[0], &b.seen()[0]);
    assert_eq!(first.header("authorization"), Some(format!("Bearer {KEY_A}").as_str()));
    assert_eq!(second.header("authorization"), Some(format!("Bearer {KEY_B}").as_str()));
    assert!(!everything(first).contains(CLIENT) && !everything(first).contains(KEY_B), "{first:?}");
    assert!(!everything(second).contains(CLIENT) && !everything(second).contains(KEY_A), "{second:?}");
    assert_eq!(second.header("x-client-request-id"), Some("kept"));
}

#[tokio::test]
async fn a_vendor_gets_its_key_where_it_looks_for_it() {
    let (_a, b, weir) = stage().await;
    send(&weir, "POST", "/v1/messages", r#"{"model":"m","max_tokens":8,"messages":[]}"#).await;
    let seen = &b.seen()[0];
    assert_eq!(seen.header("x-api-key"), Some(KEY_B));
    assert!(seen.header("authorization").is_none() && seen.header("anthropic-version").is_some(), "{seen:?}");
    assert!(!everything(seen).contains(CLIENT), "{seen:?}");
}

#[tokio::test]
async fn a_tunnel_carries_no_key_of_the_client() {
    let (a, _b, weir) = stage().await;
    send(&weir, "GET", &format!("/v1/files?after=x&key={CLIENT}"), "").await;
    let seen = &a.seen()[0];
    assert_eq!(seen.header("authorization"), Some(format!("Bearer {KEY_A}").as_str()));
    assert!(!everything(seen).contains(CLIENT), "{seen:?}");
    assert!(seen.target.starts_with("/v1/files?") && seen.target.contains("after=x"), "{seen:?}");
}

/// `Connection` cannot be used to strip a header that weir sets.
#[tokio::test]
async fn hop_by_hop_tricks_do_nothing() {
    let (a, _b, weir) = stage().await;
    let request = format!(
        "POST {CHAT_PATH} HTTP/1.1\r\nhost: weir\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
         connection: close, authorization, x-hop\r\nx-hop: 1\r\nkeep-alive: timeout=5\r\nte: trailers\r\n\r\n{CHAT}",
        CHAT.len()
    );
    weir_tests::client::raw(weir.address, request.as_bytes(), None).await;
    let seen = &a.seen()[0];
    assert_eq!(seen.header("authorization"), Some(format!("Bearer {KEY_A}").as_str()));
    for name in ["x-hop", "keep-alive", "te"] {
        assert!(seen.header(name).is_none(), "{name} went on: {seen:?}");
    }
}
