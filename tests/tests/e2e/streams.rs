//! Streams as they pass: event by event, with the right headers, and no more than the client asked for.

use serde_json::Value;
use weir_filters::format::StreamEnd;
use weir_tests::client::{self, Client};
use weir_tests::upstream::{Reply, Upstream};
use weir_tests::weir::{Sim, Weir};

use crate::policies::{APIS, CHAT_PATH, CHAT_STREAM, CHUNK_STOP, chunk, hear, to};

/// An upstream that sends one token and then nothing: only who flushes shows it.
#[tokio::test]
async fn events_are_flushed_one_by_one() {
    for count in [1, 2, 5] {
        let upstream = Upstream::start(move |_, _| {
            (1..=count).fold(Reply::sse(), |reply, n| reply.event(&chunk(&format!("token-{n}")))).hang()
        })
        .await;
        let weir = Weir::run(to(&upstream.url())).await;
        for client in [Client::h1(weir.address).await, Client::h2c(weir.address).await] {
            let mut stream = client::stream(client, CHAT_PATH, CHAT_STREAM).await;
            stream.until(&format!("token-{count}")).await;
        }
    }
}

#[tokio::test]
async fn a_stream_has_the_headers_of_a_stream() {
    let upstream = Upstream::start(|_, _| {
        Reply::default()
            .raw(
                "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\nx-request-id: req_vendor\r\n\
                 openai-processing-ms: 12\r\nconnection: keep-alive\r\ntransfer-encoding: chunked\r\n\r\n",
            )
            .event(&chunk("a"))
            .event(CHUNK_STOP)
            .event("[DONE]")
            .end()
    })
    .await;
    let weir = Weir::run(to(&upstream.url())).await;
    let answer = client::post(weir.address, CHAT_PATH, CHAT_STREAM).await;
    assert!(answer.complete);
    let header = |name| answer.header(name);
    assert!(header("content-type").is_some_and(|kind| kind.starts_with("text/event-stream")), "{:?}", answer.headers);
    assert_eq!(answer.headers.get_all("content-type").iter().count(), 1);
    assert!(header("cache-control").is_some_and(|value| value.contains("no-cache")), "{:?}", answer.headers);
    assert_eq!(header("x-accel-buffering"), Some("no"));
    assert_eq!(header("content-length"), None);
    assert_eq!(header("x-request-id"), Some("req_vendor"));
    for name in ["x-weir-request-id", "x-weir-policy", "x-weir-rule", "x-weir-endpoint", "x-weir-attempts"] {
        assert!(header(name).is_some(), "{name} is missing: {:?}", answer.headers);
    }
    assert_eq!((header("x-weir-endpoint"), header("x-weir-attempts")), (Some("a"), Some("1")));
}

/// On a listener for strangers only the id is told.
#[tokio::test]
async fn headers_can_be_minimal() {
    let sim = Sim::run("").await;
    let weir = weir_tests::weir::Start::new(to(&sim.url()))
        .conf("[[listener]]\naddr = \"127.0.0.1:0\"\nheaders = \"minimal\"\n")
        .start()
        .await;
    let answer = client::post(weir.address, CHAT_PATH, CHAT_STREAM).await;
    let ours: Vec<_> = answer.headers.keys().filter(|name| name.as_str().starts_with("x-weir-")).collect();
    assert_eq!(ours, ["x-weir-request-id"]);
}

/// A request asks for `identity`, so that every byte can be judged.
#[tokio::test]
async fn upstreams_are_asked_for_plain_bytes() {
    let upstream = Upstream::start(|_, _| Reply::json(200, crate::policies::CHAT_ANSWER)).await;
    let weir = Weir::run(to(&upstream.url())).await;
    let headers = [("content-type", "application/json"), ("accept-encoding", "gzip, br")];
    let mut client = Client::h1(weir.address).await;
    client.send("POST", CHAT_PATH, &headers, CHAT_STREAM, client::Sending::Whole).await;
    let seen = &upstream.seen()[0];
    assert!(seen.header("accept-encoding").is_none_or(|value| value == "identity"), "{seen:?}");
}

/// Whether usage is told is the client's choice, whatever weir asks for its accounts.
#[tokio::test]
async fn usage_is_told_to_who_asked() {
    let sim = Sim::run("[[rule]]\nanswer = { pieces = [\"a\"], usage = { input = 11, output = 22 } }\n").await;
    let weir = Weir::run(to(&sim.url())).await;
    let plain = client::post(weir.address, CHAT_PATH, CHAT_STREAM).await.text();
    assert!(!plain.contains("usage"), "{plain}");
    assert_eq!(hear(APIS[0].dialect, plain.as_bytes()).end, StreamEnd::Complete);
    let asking = CHAT_STREAM.replacen('{', r#"{"stream_options":{"include_usage":true},"#, 1);
    let told = client::post(weir.address, CHAT_PATH, asking).await.text();
    assert!(told.contains("\"prompt_tokens\":11") && told.contains("\"choices\":[]"), "{told}");
    let metrics = client::get(weir.admin, "/metrics").await.text();
    let tokens = metrics.lines().filter(|line| line.starts_with("weir_tokens_total")).collect::<Vec<_>>();
    let sum = |value: &str| tokens.iter().filter(|line| line.ends_with(value)).count();
    assert!(sum(" 22") + sum(" 44") > 0, "both streams are counted: {tokens:?}");
}

#[tokio::test]
async fn usage_may_stand_anywhere() {
    for shape in ["as_asked", "always", "on_finish", "absent"] {
        let sim = Sim::run(&format!(
            "[[rule]]\nanswer = {{ pieces = [\"a\"], usage = {{ input = 11, output = 22 }}, usage_shape = \"{shape}\" }}\n"
        ))
        .await;
        let weir = Weir::run(to(&sim.url())).await;
        for body in
            [CHAT_STREAM.to_owned(), CHAT_STREAM.replacen('{', r#"{"stream_options":{"include_usage":true},"#, 1)]
        {
            let answer = client::post(weir.address, CHAT_PATH, body).await;
            let heard = hear(APIS[0].dialect, answer.text().as_bytes());
            assert!(answer.complete && heard.end == StreamEnd::Complete, "{shape}: {}", answer.text());
        }
    }
}

/// Every API, whole and streamed, through the built-in vendor and through one on a socket.
#[tokio::test]
async fn every_api_answers() {
    let sim = Sim::run("").await;
    let inside = "weir 1\nendpoint s { provider sim }\npolicy main { default { route s } }\n".to_owned();
    for policy in [inside, to(&sim.url())] {
        let weir = Weir::run(policy).await;
        for api in APIS {
            let whole = client::post(weir.address, api.path, api.body("m", false)).await;
            assert_eq!(whole.status, 200, "{}: {}", api.path, whole.text());
            api.dialect.read_whole(&whole.body).unwrap_or_else(|error| panic!("{}: {error:?}", api.path));
            let stream = client::post(weir.address, api.path, api.body("m", true)).await;
            let heard = hear(api.dialect, &stream.body);
            assert_eq!((heard.end, heard.errors), (StreamEnd::Complete, 0), "{}: {}", api.path, stream.text());
        }
        let embedding = r#"{"model":"m","input":["a","b"]}"#;
        let answer = client::post(weir.address, "/v1/embeddings", embedding).await;
        assert_eq!(answer.json()["data"].as_array().map(Vec::len), Some(2), "{}", answer.text());
        let answer = client::post(weir.address, "/v1/completions", r#"{"model":"m","prompt":"a"}"#).await;
        assert!(answer.json()["choices"][0]["text"].is_string(), "{}", answer.text());
    }
}

/// A tool call's arguments pass in the pieces in which they came.
#[tokio::test]
async fn tool_calls_pass() {
    let sim = Sim::run(
        "[[rule]]\nanswer = { tools = [{ name = \"weather\", arguments = '{\"city\":\"Paris\"}' }, { name = \"now\" }] }\n",
    )
    .await;
    let weir = Weir::run(to(&sim.url())).await;
    let answer = client::post(weir.address, CHAT_PATH, CHAT_STREAM).await.text();
    let mut calls = vec![(String::new(), String::new()); 2];
    for line in answer.lines().filter_map(|line| line.strip_prefix("data: {")) {
        let chunk: Value = serde_json::from_str(&format!("{{{line}")).expect("a chunk");
        for call in chunk["choices"][0]["delta"]["tool_calls"].as_array().into_iter().flatten() {
            let index = call["index"].as_u64().and_then(|index| usize::try_from(index).ok()).expect("an index");
            calls[index].0.push_str(call["function"]["name"].as_str().unwrap_or_default());
            calls[index].1.push_str(call["function"]["arguments"].as_str().unwrap_or_default());
        }
    }
    let want = [("weather", r#"{"city":"Paris"}"#), ("now", "{}")].map(|(a, b)| (a.to_owned(), b.to_owned()));
    assert_eq!(calls, want);
}

/// An event larger than the limit is refused, not buffered without end.
#[tokio::test]
async fn an_endless_event_is_cut() {
    let upstream = Upstream::start(|_, _| {
        let reply = Reply::sse().event(&chunk("one"));
        (0..64).fold(reply.chunk(b"data: "), |reply, _| reply.chunk(&[b'x'; 65_536])).hang()
    })
    .await;
    let weir =
        weir_tests::weir::Start::new(to(&upstream.url())).conf("[limits]\nevent_bytes_max = 1000000\n").start().await;
    let answer = client::post(weir.address, CHAT_PATH, CHAT_STREAM).await;
    let text = answer.text();
    let heard = hear(APIS[0].dialect, text.get(..text.len().min(10_000)).unwrap_or(&text).as_bytes());
    assert!(heard.contents == 1 && !text.contains("[DONE]"), "{}", text.len());
    assert!(!answer.complete || text.contains("\"error\""), "it looks whole");
    assert!(answer.body.len() < 1_200_000, "{}", answer.body.len());
}
