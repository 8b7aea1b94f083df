//! What weir says no to, in the client's own words.

use serde_json::Value;
use weir_tests::client::{self, Answer, Client, Sending};
use weir_tests::upstream::{Reply, Upstream};
use weir_tests::weir::{Start, Weir};

use crate::policies::{APIS, CHAT, CHAT_ANSWER, CHAT_PATH, to};

async fn stage() -> (Upstream, Weir) {
    let upstream = Upstream::start(|_, _| Reply::json(200, CHAT_ANSWER)).await;
    let weir = Weir::run(to(&upstream.url())).await;
    (upstream, weir)
}

/// The error has the shape that the SDKs of the path's vendor read.
fn shaped(answer: &Answer, path: &str, status: u16) -> Value {
    assert_eq!(answer.status, status, "{path}: {}", answer.text());
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let id = answer.header("x-weir-request-id").expect("every answer has an id");
    let body = answer.json();
    let error = &body["error"];
    assert!(error["message"].is_string() && error["type"].is_string(), "{path}: {body}");
    if path == "/v1/messages" {
        assert_eq!((&body["type"], &body["request_id"]), (&Value::from("error"), &Value::from(id)), "{body}");
    } else {
        assert!(error.get("param").is_some() && error["code"].is_string(), "{path}: {body}");
    }
    body
}

#[tokio::test]
async fn bodies_that_mean_two_things_are_refused() {
    let (upstream, weir) = stage().await;
    let deep = format!("{{\"model\":\"m\",\"messages\":{}{}}}", "[".repeat(129), "]".repeat(129));
    let cases: [(&str, Vec<u8>); 11] = [
        ("duplicate key", br#"{"model":"cheap","model":"dear","messages":[]}"#.to_vec()),
        ("duplicate key, escaped", br#"{"model":"cheap","mod\u0065l":"dear","messages":[]}"#.to_vec()),
        ("bad UTF-8", b"{\"model\":\"m\xff\",\"messages\":[]}".to_vec()),
        ("overlong UTF-8", b"{\"model\":\"m\xc0\xaf\",\"messages\":[]}".to_vec()),
        ("too deep", deep.into_bytes()),
        ("cut", br#"{"model":"m","messages":["#.to_vec()),
        ("two documents", br#"{"model":"m"}{"model":"n"}"#.to_vec()),
        ("a list", b"[]".to_vec()),
        ("nothing", Vec::new()),
        ("not a number", br#"{"model":"m","temperature":NaN}"#.to_vec()),
        ("a byte order mark", b"\xef\xbb\xbf{\"model\":\"m\"}".to_vec()),
    ];
    for api in APIS {
        for (what, body) in &cases {
            let answer = client::post(weir.address, api.path, body.clone()).await;
            assert_eq!(answer.status, 400, "{what}: {}", answer.text());
            shaped(&answer, api.path, 400);
            assert_eq!(answer.header("x-should-retry"), Some("false"), "{what}");
        }
    }
    assert!(upstream.seen().is_empty());
}

/// 128 levels are allowed, and a model's name may be written with escapes.
#[tokio::test]
async fn unusual_bodies_pass() {
    let (upstream, weir) = stage().await;
    let deep = format!("{{\"model\":\"m\",\"messages\":{}{}}}", "[".repeat(126), "]".repeat(126));
    for body in [deep.as_str(), r#"{"mod\u0065l":"m","messages":[]}"#, "{\"messages\":[],\"model\":\"\\u006d\"}"] {
        let answer = client::post(weir.address, CHAT_PATH, body.to_owned()).await;
        assert_eq!(answer.status, 200, "{body}: {}", answer.text());
        assert_eq!(upstream.seen().last().expect("a request").body, body.as_bytes());
    }
}

#[tokio::test]
async fn bodies_above_the_limit_are_refused() {
    let (upstream, weir) = stage().await;
    let large = format!("{{\"model\":\"m\",\"x\":\"{}\"}}", "a".repeat(33 << 20));
    let json = [("content-type", "application/json")];
    for h2 in [false, true] {
        for sending in [Sending::Whole, Sending::Pieces] {
            let mut client = if h2 { Client::h2c(weir.address).await } else { Client::h1(weir.address).await };
            // The answer comes while the client still sends.
            let answer = client.send("POST", CHAT_PATH, &json, large.clone(), sending).await;
            let body = shaped(&answer, CHAT_PATH, 413);
            assert!(body["error"]["message"].as_str().is_some_and(|text| text.contains("33554432")), "{body}");
        }
    }
    assert!(upstream.seen().is_empty());
}

#[tokio::test]
async fn policies_deny_in_the_clients_dialect() {
    let policy = "weir 1\nendpoint s { provider sim }\npolicy main {\n\
                  rule closed when model == \"closed\" { deny 403 \"not for you\" }\n\
                  rule strangers when header.x-stranger is present { deny 401 \"who are you\" }\n\
                  rule busy when model == \"busy\" { deny 429 \"later\" }\n\
                  rule fixed when path == \"/fixed\" { respond 200 text \"fixed\" }\n\
                  default { route s }\n}\n";
    let weir = Weir::run(policy).await;
    for api in APIS {
        for (model, status, message) in [("closed", 403, "not for you"), ("busy", 429, "later")] {
            let answer = client::post(weir.address, api.path, api.body(model, true)).await;
            let body = shaped(&answer, api.path, status);
            assert!(body["error"]["message"].as_str().is_some_and(|text| text.contains(message)), "{body}");
            assert_eq!(answer.header("x-weir-rule"), Some(model));
            assert_eq!(answer.header("retry-after").is_some(), status == 429);
        }
        let headers = [("content-type", "application/json"), ("x-stranger", "1")];
        let mut client = Client::h1(weir.address).await;
        let answer = client.send("POST", api.path, &headers, api.body("m", false), Sending::Whole).await;
        shaped(&answer, api.path, 401);
    }
    let fixed = client::get(weir.address, "/fixed").await;
    assert_eq!((fixed.status.as_u16(), fixed.text().as_str()), (200, "fixed"));
}

#[tokio::test]
async fn what_nobody_serves_is_not_found() {
    let weir = Weir::run("weir 1\nendpoint s { provider sim }\npolicy main { default { route s } }\n").await;
    for path in ["/v1/nothing", "/", "/v2/chat/completions", "/admin", "/metrics", "/livez"] {
        let answer = client::get(weir.address, path).await;
        shaped(&answer, path, 404);
    }
    let answer = client::post(weir.address, "/v1/nothing", CHAT).await;
    shaped(&answer, "/v1/nothing", 404);
}

#[tokio::test]
async fn models_are_those_of_the_policy() {
    let upstream = Upstream::start(|_, _| Reply::json(200, CHAT_ANSWER)).await;
    let policy = format!(
        "weir 1\nendpoint a {{ provider compatible; url \"{}\"; model \"small\"; model \"big\" as \"vendor-big\" }}\n\
         alias \"default\" = \"small\"\npolicy main {{ default {{ route a }} }}\n",
        upstream.url()
    );
    let weir = Weir::run(policy).await;
    let list = client::get(weir.address, "/v1/models").await;
    assert_eq!(list.status, 200, "{}", list.text());
    let json = list.json();
    assert_eq!(json["object"], "list");
    let names: Vec<&str> = json["data"].as_array().expect("a list").iter().filter_map(|m| m["id"].as_str()).collect();
    assert!(names.contains(&"small") && names.contains(&"big") && names.contains(&"default"), "{names:?}");
    assert!(!names.contains(&"vendor-big"), "{names:?}");
    let one = client::get(weir.address, "/v1/models/big").await;
    assert_eq!((one.status.as_u16(), &one.json()["id"]), (200, &Value::from("big")));
    shaped(&client::get(weir.address, "/v1/models/vendor-big").await, "/v1/models", 404);
    assert!(upstream.seen().is_empty());
    // An alias is resolved on the way.
    client::post(weir.address, CHAT_PATH, CHAT.replace("\"m\"", "\"default\"")).await;
    assert_eq!(upstream.seen()[0].json()["model"], "small");
}

/// A vendor's own 4xx about the request reaches the client as the vendor said it.
#[tokio::test]
async fn a_vendors_verdict_on_the_request_is_passed_on() {
    let said = r#"{"error":{"message":"bad `temperature`","type":"invalid_request_error","param":"temperature","code":"x"}}"#;
    let upstream = Upstream::start(move |_, _| Reply::json(400, said)).await;
    let weir = Weir::run(to(&upstream.url())).await;
    let answer = client::post(weir.address, CHAT_PATH, CHAT).await;
    assert_eq!(answer.status, 400);
    assert!(
        answer.json()["error"]["message"].as_str().is_some_and(|m| m.contains("bad `temperature`")),
        "{}",
        answer.text()
    );
    assert_eq!(upstream.seen().len(), 1);
}

/// Bodies held at one time are bounded for the whole process.
#[tokio::test]
async fn the_budget_for_bodies_is_the_processes() {
    let upstream = Upstream::start(|_, _| Reply::default().hang()).await;
    let weir = Start::new(to(&upstream.url()))
        .conf("[limits]\nbody_bytes_max = 2000000\nbody_bytes_inflight_max = 4000000\n")
        .start()
        .await;
    let large = format!("{{\"model\":\"m\",\"x\":\"{}\"}}", "a".repeat(1_500_000));
    let mut held = Vec::new();
    for count in 1..=2 {
        let (address, body) = (weir.address, large.clone());
        held.push(tokio::spawn(async move { client::post(address, CHAT_PATH, body).await }));
        upstream.saw(count).await;
    }
    let answer = client::post(weir.address, CHAT_PATH, large.clone()).await;
    assert!(matches!(answer.status.as_u16(), 429 | 503), "{}", answer.text());
    assert!(answer.header("retry-after").is_some());
    shaped(&answer, CHAT_PATH, answer.status.as_u16());
    // What a client held that left is free again.
    for task in held {
        task.abort();
    }
    upstream.left().await;
    let address = weir.address;
    let began = std::time::Instant::now();
    loop {
        let mut client = Client::h1(address).await;
        let asked = upstream.seen().len();
        tokio::select! {
            answer = client.post(CHAT_PATH, large.clone()) => assert_eq!(answer.status, 503, "{}", answer.text()),
            _ = upstream.saw(asked + 1) => break,
        }
        assert!(began.elapsed() < weir_tests::PATIENCE, "the budget is not given back");
    }
}
