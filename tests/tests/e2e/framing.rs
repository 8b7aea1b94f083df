//! HTTP by the byte: what is ambiguous is refused and closed, what is legal works, and upstreams see only what was
//! admitted.

use weir_tests::client::raw;
use weir_tests::upstream::{Reply, Upstream};
use weir_tests::weir::{Start, Weir};

use crate::policies::{CHAT, CHAT_ANSWER, CHAT_PATH, to};

async fn stage() -> (Upstream, Weir) {
    let upstream = Upstream::start(|_, _| Reply::json(200, CHAT_ANSWER)).await;
    let weir = Weir::run(to(&upstream.url())).await;
    (upstream, weir)
}

fn post(headers: &str, body: &str) -> String {
    format!("POST {CHAT_PATH} HTTP/1.1\r\nhost: weir\r\ncontent-type: application/json\r\n{headers}\r\n{body}")
}

fn length() -> String {
    format!("content-length: {}\r\n", CHAT.len())
}

fn chunked() -> String {
    format!("{:x}\r\n{CHAT}\r\n0\r\n\r\n", CHAT.len())
}

#[tokio::test]
async fn ambiguous_framing_is_refused() {
    let (upstream, weir) = stage().await;
    let smuggled = "GET /smuggled HTTP/1.1\r\nhost: weir\r\n\r\n";
    let cases = [
        ("both lengths", post(&format!("{}transfer-encoding: chunked\r\n", length()), &chunked())),
        ("two lengths", post(&format!("{}content-length: 1\r\n", length()), CHAT)),
        ("unknown coding", post("transfer-encoding: xchunked\r\n", &chunked())),
        ("chunked, identity", post("transfer-encoding: chunked, identity\r\n", &chunked())),
        ("coding twice", post("transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n", &chunked())),
        ("negative length", post("content-length: -1\r\n", CHAT)),
        ("length with plus", post(&format!("content-length: +{}\r\n", CHAT.len()), CHAT)),
        ("space before the colon", post(&format!("content-length : {}\r\n", CHAT.len()), CHAT)),
        ("chunk size in words", post("transfer-encoding: chunked\r\n", &format!("zz\r\n{CHAT}\r\n0\r\n\r\n"))),
        ("chunked in HTTP/1.0", post("transfer-encoding: chunked\r\n", &chunked()).replace("HTTP/1.1", "HTTP/1.0")),
        ("no HTTP", "hello\r\n\r\n".to_owned()),
    ];
    for (what, request) in cases {
        let got = raw(weir.address, format!("{request}{smuggled}").as_bytes(), None).await;
        let answers = got.matches("HTTP/1.1 ").count() + got.matches("HTTP/1.0 ").count();
        assert!(answers <= 1, "{what}: what follows was taken for a request: {got}");
        // RFC 9112 §6.1 allows the chunks to count, if the connection ends with the answer.
        let served = what == "both lengths" && got.starts_with("HTTP/1.1 200");
        let refused = got.is_empty() || got.starts_with("HTTP/1.1 400") || got.starts_with("HTTP/1.0 400");
        assert!(served || refused, "{what}: {got}");
    }
    let seen = upstream.seen();
    assert!(seen.iter().all(|seen| seen.body == CHAT && seen.target == CHAT_PATH) && seen.len() <= 1, "{seen:?}");
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let (upstream, weir) = stage().await;
    let one = post(&length(), CHAT);
    let two = post("transfer-encoding: chunked\r\n", &chunked());
    let last = post(&format!("{}connection: close\r\n", length()), CHAT);
    let got = raw(weir.address, format!("{one}{two}{last}").as_bytes(), None).await;
    assert_eq!(got.matches("HTTP/1.1 200").count(), 3, "{got}");
    assert_eq!(upstream.seen().len(), 3);
    for seen in upstream.seen() {
        assert_eq!(seen.body, CHAT);
    }
}

/// `Upgrade` before a 101 leaves the connection HTTP: what follows is a request and is judged as one.
#[tokio::test]
async fn an_upgrade_that_nobody_granted_hides_nothing() {
    let (upstream, weir) = stage().await;
    let upgrade = post(&format!("{}connection: upgrade\r\nupgrade: foo\r\n", length()), CHAT);
    let hidden = "GET /v1/models HTTP/1.1\r\nhost: weir\r\nconnection: close\r\n\r\n";
    let got = raw(weir.address, format!("{upgrade}{hidden}").as_bytes(), None).await;
    assert!(!got.starts_with("HTTP/1.1 101"), "{got}");
    let seen = upstream.seen();
    assert!(seen.len() <= 1 && seen.iter().all(|seen| seen.target == CHAT_PATH), "{seen:?}");
    assert!(seen.iter().all(|seen| seen.header("upgrade").is_none()), "{seen:?}");
}

#[tokio::test]
async fn continue_is_said_before_the_body() {
    let (upstream, weir) = stage().await;
    let head = post(&format!("{}expect: 100-continue\r\nconnection: close\r\n", length()), "");
    let got = raw(weir.address, head.as_bytes(), Some("\r\n\r\n")).await;
    assert!(got.starts_with("HTTP/1.1 100"), "{got}");
    assert!(upstream.seen().is_empty());
    let whole = post(&format!("{}expect: 100-continue\r\nconnection: close\r\n", length()), CHAT);
    let got = raw(weir.address, whole.as_bytes(), None).await;
    assert!(got.contains("HTTP/1.1 200"), "{got}");
    assert!(upstream.seen()[0].header("expect").is_none());
}

/// A body that is refused by its length is refused before it is sent.
#[tokio::test]
async fn a_length_above_the_limit_is_refused_instead_of_continued() {
    let (upstream, weir) = stage().await;
    let head = post("content-length: 34603008\r\nexpect: 100-continue\r\n", "");
    let got = raw(weir.address, head.as_bytes(), Some("\r\n\r\n")).await;
    assert!(got.starts_with("HTTP/1.1 413"), "{got}");
    assert!(upstream.seen().is_empty());
}

/// A path means one thing to the policy and to the upstream.
#[tokio::test]
async fn paths_have_one_meaning() {
    let (upstream, weir) = stage().await;
    for path in [
        "//v1/chat/completions",
        "/v1/../v1/chat/completions",
        "/v1/chat/%2e%2e/admin",
        "/v1/chat%2fcompletions",
        "/v1/./chat/completions",
        "/v1/chat/completions;x=1",
        "/V1/chat/completions",
        "/v1/chat/completions/",
    ] {
        let before = upstream.seen().len();
        let request = post(&format!("{}connection: close\r\n", length()), CHAT).replacen(CHAT_PATH, path, 1);
        let got = raw(weir.address, request.as_bytes(), None).await;
        let seen = upstream.seen();
        match got.get(9..12) {
            Some("400" | "404") => assert_eq!(seen.len(), before, "{path}"),
            // Tunnelled: then byte for byte.
            // A path outside of `/v1` stands behind the endpoint's own.
            Some("200") => {
                let target = &seen.last().expect("a request").target;
                assert!(target == path || *target == format!("/v1{path}"), "{path} became {target}");
            }
            Some(_) | None => panic!("{path}: {got}"),
        }
    }
}

/// The destination is the policy's, whatever the client names.
#[tokio::test]
async fn the_client_cannot_choose_the_destination() {
    let (upstream, weir) = stage().await;
    let stranger = Upstream::start(|_, _| Reply::json(200, "{}")).await;
    let named = stranger.address.to_string();
    let requests = [
        post(&format!("{}connection: close\r\n", length()), CHAT).replacen(
            "host: weir",
            &format!("host: {named}"),
            1,
        ),
        post(&format!("{}connection: close\r\n", length()), CHAT).replacen(
            CHAT_PATH,
            &format!("http://{named}{CHAT_PATH}"),
            1,
        ),
        post(&format!("{}x-forwarded-host: {named}\r\nconnection: close\r\n", length()), CHAT),
    ];
    for request in requests {
        let got = raw(weir.address, request.as_bytes(), None).await;
        assert!(got.starts_with("HTTP/1.1 200") || got.starts_with("HTTP/1.1 400"), "{got}");
    }
    let connect = format!("CONNECT {named} HTTP/1.1\r\nhost: {named}\r\nconnection: close\r\n\r\n");
    let got = raw(weir.address, connect.as_bytes(), None).await;
    assert!(!got.starts_with("HTTP/1.1 200"), "{got}");
    assert_eq!(stranger.connections(), 0);
    for seen in upstream.seen() {
        assert_eq!(seen.header("host"), Some(upstream.address.to_string().as_str()));
    }
}

/// An answer without a body to `HEAD`, and none for paths that nobody serves.
#[tokio::test]
async fn heads_are_bounded() {
    let (_upstream, weir) = stage().await;
    let long = format!(
        "GET /v1/models HTTP/1.1\r\nhost: weir\r\nx-long: {}\r\nconnection: close\r\n\r\n",
        "a".repeat(300_000)
    );
    let got = raw(weir.address, long.as_bytes(), None).await;
    assert!(got.is_empty() || got.starts_with("HTTP/1.1 4"), "{got}");
    let many =
        format!("GET /v1/models HTTP/1.1\r\nhost: weir\r\nconnection: close\r\n{}\r\n", "x-a: b\r\n".repeat(2_000));
    let got = raw(weir.address, many.as_bytes(), None).await;
    assert!(got.is_empty() || got.starts_with("HTTP/1.1 4"), "{got}");
}

/// A head that does not come to its end in time is cut off; an answer that takes longer than that is not.
#[tokio::test]
async fn a_slow_head_is_cut_and_a_slow_answer_is_not() {
    let pause = std::time::Duration::from_millis(900);
    let upstream = Upstream::start(move |_, _| {
        let answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{CHAT_ANSWER}",
            CHAT_ANSWER.len()
        );
        Reply::default().wait(pause).raw(answer)
    })
    .await;
    let conf = "[limits]\nheader_read_ms = 300\nkeepalive_ms = 1000\n";
    let weir = Start::new(to(&upstream.url())).conf(conf).start().await;
    for (what, bytes) in
        [("a few bytes", "POST /v1"), ("half a head", "POST /v1/chat/completions HTTP/1.1\r\nhost: weir\r\nx-")]
    {
        // `raw` fails the test when weir neither answers nor closes.
        assert_eq!(raw(weir.address, bytes.as_bytes(), None).await, "", "{what}");
    }
    let answer = raw(weir.address, post(&length(), CHAT).as_bytes(), Some(CHAT_ANSWER)).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}
