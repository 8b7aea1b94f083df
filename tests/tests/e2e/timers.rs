//! The four timers, each alone and real.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use weir_tests::client::{self, Answer};
use weir_tests::upstream::{Reply, Upstream};
use weir_tests::weir::Weir;

use crate::policies::{CHAT, CHAT_PATH, CHAT_STREAM, chunk};

const SLACK: Duration = Duration::from_millis(2_500);

fn policy(url: &str, timers: &str) -> String {
    format!(
        "weir 1\nendpoint a {{ provider compatible; url \"{url}\" }}\n\
         policy main {{ default {{ route a {{ timeout {timers} }} }} }}\n"
    )
}

async fn timed(weir: &Weir, body: &'static str) -> (Answer, Duration) {
    let began = Instant::now();
    let answer = client::post(weir.address, CHAT_PATH, body).await;
    (answer, began.elapsed())
}

fn fired(answer: &Answer, took: Duration, timer: Duration, name: &str) {
    assert_eq!(answer.status, 504, "{}", answer.text());
    let code = answer.json()["error"]["code"].clone();
    assert_eq!(code, format!("upstream.timeout.{name}"), "{}", answer.text());
    assert!(took >= timer && took < timer + SLACK, "{name} fired after {took:?}, not {timer:?}");
}

/// A socket whose queue of connections is full: it answers no `SYN`.
struct Full {
    address: SocketAddr,
    _listener: TcpListener,
    _queued: Vec<TcpStream>,
}

impl Full {
    async fn new() -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind("127.0.0.1:0".parse().expect("an address")).expect("a free port");
        let listener = socket.listen(1).expect("a listener");
        let address = listener.local_addr().expect("a bound socket");
        let mut queued = Vec::new();
        while let Ok(Ok(stream)) = tokio::time::timeout(Duration::from_millis(300), TcpStream::connect(address)).await
        {
            queued.push(stream);
        }
        Self { address, _listener: listener, _queued: queued }
    }
}

#[tokio::test]
async fn connect() {
    let full = Full::new().await;
    let weir = Weir::run(policy(&format!("http://{}/v1", full.address), "connect 400ms total 30s")).await;
    let (answer, took) = timed(&weir, CHAT).await;
    fired(&answer, took, Duration::from_millis(400), "connect");
}

#[tokio::test]
async fn first_byte() {
    let upstream = Upstream::start(|_, _| Reply::default().hang()).await;
    let weir = Weir::run(policy(&upstream.url(), "first_byte 400ms total 30s")).await;
    for body in [CHAT, CHAT_STREAM] {
        let (answer, took) = timed(&weir, body).await;
        fired(&answer, took, Duration::from_millis(400), "first_byte");
    }
}

/// Head and role have come, a token has not: that is not a first byte.
#[tokio::test]
async fn first_byte_counts_until_the_first_token() {
    let role = r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}"#;
    let upstream = Upstream::start(move |_, _| Reply::sse().event(role).chunk(b": ping\n\n").hang()).await;
    let weir = Weir::run(policy(&upstream.url(), "first_byte 400ms idle 20s total 30s")).await;
    let (answer, took) = timed(&weir, CHAT_STREAM).await;
    fired(&answer, took, Duration::from_millis(400), "first_byte");
}

#[tokio::test]
async fn idle() {
    let upstream = Upstream::start(|_, _| Reply::sse().event(&chunk("one")).hang()).await;
    let weir = Weir::run(policy(&upstream.url(), "first_byte 20s idle 400ms total 30s")).await;
    let (answer, took) = timed(&weir, CHAT_STREAM).await;
    let text = answer.text();
    assert!(answer.status == 200 && text.contains("upstream.timeout.idle"), "{text}");
    assert!(took >= Duration::from_millis(400) && took < SLACK, "{took:?}");
}

/// Bytes that come keep the idle timer from firing.
#[tokio::test]
async fn idle_starts_again_with_each_event() {
    let upstream = Upstream::start(|_, _| {
        let slow = (0..6).fold(Reply::sse(), |reply, _| reply.event(&chunk("x")).wait(Duration::from_millis(200)));
        slow.event(crate::policies::CHUNK_STOP).event("[DONE]").end()
    })
    .await;
    let weir = Weir::run(policy(&upstream.url(), "first_byte 20s idle 900ms total 30s")).await;
    let (answer, took) = timed(&weir, CHAT_STREAM).await;
    assert!(answer.complete && answer.text().ends_with("data: [DONE]\n\n"), "{}", answer.text());
    assert!(took >= Duration::from_millis(1_200), "{took:?}");
}

#[tokio::test]
async fn total() {
    let upstream = Upstream::start(|_, _| {
        (0..1_000).fold(Reply::sse(), |reply, _| reply.event(&chunk("x")).wait(Duration::from_millis(50)))
    })
    .await;
    let weir = Weir::run(policy(&upstream.url(), "first_byte 20s idle 20s total 700ms")).await;
    let (answer, took) = timed(&weir, CHAT_STREAM).await;
    let text = answer.text();
    assert!(text.contains("upstream.timeout.total") && !text.contains("[DONE]"), "{text}");
    assert!(took >= Duration::from_millis(700) && took < Duration::from_millis(700) + SLACK, "{took:?}");
}

/// The total holds over all attempts together.
#[tokio::test]
async fn total_holds_over_attempts() {
    let upstream = Upstream::start(|_, _| Reply::default().hang()).await;
    let members: String =
        (0..6).map(|n| format!("endpoint e{n} {{ provider compatible; url \"{}\" }}\n", upstream.url())).collect();
    let names: String = (0..6).map(|n| format!("  member e{n}\n")).collect();
    let weir = Weir::run(format!(
        "weir 1\n{members}pool every {{\n{names}  retry 5 on [timeout]\n}}\n\
         policy main {{ default {{ route every {{ timeout first_byte 400ms total 1s }} }} }}\n"
    ))
    .await;
    let (answer, took) = timed(&weir, CHAT).await;
    assert_eq!(answer.status, 504, "{}", answer.text());
    assert!(took >= Duration::from_millis(900) && took < Duration::from_secs(1) + SLACK, "{took:?}");
    assert!(upstream.seen().len() >= 2, "{}", upstream.seen().len());
}
