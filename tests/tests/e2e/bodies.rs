//! Large bodies, sent again: after a refused connection and after a 503, over every version of HTTP.

use http::Response;
use weir_tests::client::{Client, Sending};
use weir_tests::sha256;
use weir_tests::tls::Authority;
use weir_tests::upstream::{Reply, Upstream};
use weir_tests::upstream_h2::UpstreamH2;
use weir_tests::weir::{Sim, Start, Weir};

use crate::policies::{CHAT_ANSWER, CHAT_PATH, dead};

const LARGE: usize = 20_000_000;

fn content() -> String {
    "weir ".repeat(LARGE / 5)
}

fn body(content: &str) -> String {
    format!(r#"{{"model":"m","messages":[{{"role":"user","content":"{content}"}}]}}"#)
}

/// `dead` refuses, `busy` answers 503, `good` gets the request under another model name.
fn chain(dead: &str, busy: &str, good: &str, tls: &str) -> String {
    let classes = "[connect, timeout, 5xx, overloaded]";
    format!(
        "weir 1\n\
         endpoint dead {{ provider compatible; url \"{dead}\" }}\n\
         endpoint busy {{ provider compatible; url \"{busy}\" }}\n\
         endpoint good {{ provider compatible; url \"{good}\"; model \"m\" as \"m-good\"{tls} }}\n\
         policy main {{ default {{ route dead {{\n  fallback busy on {classes}\n  fallback good on {classes}\n}} }} }}\n"
    )
}

/// What `good` got is what the client sent, but for the model.
fn unharmed(seen: &[u8], content: &str) {
    let json: serde_json::Value = serde_json::from_slice(seen).expect("the upstream got JSON");
    assert_eq!(json["model"], "m-good");
    let got = json["messages"][0]["content"].as_str().expect("a text");
    assert_eq!(sha256(got.as_bytes()), sha256(content.as_bytes()));
    assert_eq!(seen.len(), body(content).len() + "-good".len());
}

async fn busy() -> Upstream {
    Upstream::start(|_, _| Reply::json(503, r#"{"error":{"message":"down"}}"#)).await
}

async fn good() -> Upstream {
    Upstream::start(|_, _| Reply::json(200, CHAT_ANSWER)).await
}

/// Sends the body once more for each way of sending.
async fn send(mut client: Client, content: &str, sending: Sending) {
    let json = [("content-type", "application/json")];
    let answer = client.send("POST", CHAT_PATH, &json, body(content), sending).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("x-weir-attempts"), Some("3"));
    assert!(answer.complete && answer.text() == CHAT_ANSWER, "{}", answer.text());
}

#[tokio::test]
async fn twenty_megabytes_survive_a_refusal_and_a_503_over_http1() {
    let (busy, good) = (busy().await, good().await);
    let dead = format!("http://{}/v1", dead().await);
    let weir = Weir::run(chain(&dead, &busy.url(), &good.url(), "")).await;
    let content = content();
    for sending in [Sending::Whole, Sending::Pieces] {
        send(Client::h1(weir.address).await, &content, sending).await;
    }
    assert_eq!(busy.seen().len(), 2);
    for seen in good.seen() {
        unharmed(&seen.body, &content);
    }
    assert_eq!(good.seen().len(), 2);
}

#[tokio::test]
async fn twenty_megabytes_survive_over_http2_in_clear_text() {
    let busy = busy().await;
    let good = UpstreamH2::clear(|_, _| Response::new(CHAT_ANSWER.to_owned())).await;
    let dead = format!("http://{}/v1", dead().await);
    let weir = Weir::run(chain(&dead, &busy.url(), &format!("h2c://{}/v1", good.address), "")).await;
    let content = content();
    for sending in [Sending::Whole, Sending::Pieces] {
        send(Client::h2c(weir.address).await, &content, sending).await;
    }
    assert_eq!(good.seen().len(), 2);
    for seen in good.seen() {
        unharmed(&seen.body, &content);
    }
}

#[tokio::test]
async fn twenty_megabytes_survive_over_http2_with_tls() {
    let authority = Authority::new();
    let busy = busy().await;
    let good = UpstreamH2::tls(&authority, |_, _| Response::new(CHAT_ANSWER.to_owned())).await;
    let dead = format!("http://{}/v1", dead().await);
    let url = format!("https://localhost:{}/v1", good.address.port());
    let weir = Start::new(chain(&dead, &busy.url(), &url, "; tls ca \"{dir}/ca.pem\""))
        .file("ca.pem", &authority.ca_pem)
        .file("server.pem", &authority.cert_pem)
        .file("server.key", &authority.key_pem)
        .conf("[[listener]]\naddr = \"127.0.0.1:0\"\n[listener.tls]\ncert = \"server.pem\"\nkey = \"server.key\"\n")
        .start()
        .await;
    let content = content();
    for (alpn, sending) in [("h2", Sending::Whole), ("h2", Sending::Pieces), ("http/1.1", Sending::Pieces)] {
        let client = Client::tls(weir.address, authority.client(&[alpn])).await;
        assert_eq!(matches!(client, Client::H2(_)), alpn == "h2");
        send(client, &content, sending).await;
    }
    assert_eq!(good.seen().len(), 3);
    for seen in good.seen() {
        unharmed(&seen.body, &content);
    }
}

/// A vendor that says 503 before it has read the body, and closes.
#[tokio::test]
async fn an_answer_during_the_upload_is_heard() {
    let busy = Sim::run("[[rule]]\nanswer = { status = 503 }\nconnection = { early = true }\n").await;
    let good = good().await;
    let dead = format!("http://{}/v1", dead().await);
    let weir = Weir::run(chain(&dead, &busy.url(), &good.url(), "")).await;
    let content = content();
    send(Client::h1(weir.address).await, &content, Sending::Whole).await;
    unharmed(&good.seen()[0].body, &content);
}

#[tokio::test]
async fn nothing_but_the_declared_spans_changes() {
    let good = good().await;
    let policy = format!(
        "weir 1\nendpoint a {{ provider compatible; url \"{}\"; model \"m\" as \"vendor-m\" }}\n\
         policy main {{ default {{ route a }} }}\n",
        good.url()
    );
    let weir = Weir::run(policy).await;
    let sent =
        "{ \"x_unknown\" : [1.50, 1e2, {\"b\":1,\"a\":\"\\u00e9\\/\"}],\n  \"model\":  \"m\" , \"messages\":[] }";
    let answer = weir_tests::client::post(weir.address, CHAT_PATH, sent).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let seen = &good.seen()[0];
    assert_eq!(String::from_utf8_lossy(&seen.body), sent.replace("\"m\"", "\"vendor-m\""));
    assert_eq!(seen.header("content-length"), Some(seen.body.len().to_string().as_str()));
}
