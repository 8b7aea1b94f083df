//! A simulated vendor that fails in every way, before and after the first token, in every dialect: a fallback is
//! used or the client is told in band, and no broken answer looks complete.

use weir_filters::format::StreamEnd;
use weir_tests::client::{self, Answer};
use weir_tests::weir::{Sim, Weir};

use crate::policies::{APIS, Api};

const CLASSES: &str = "[connect, timeout, 5xx, 429, overloaded, bad_response, stream_broken]";

/// Kinds of faults that are told by the model's name, and where they can stand.
const INSIDE: [&str; 7] = ["reset", "close", "stall", "malformed_chunk", "invalid_json", "error_event", "eof"];
const HEAD: [&str; 4] = ["refuse", "reset", "close", "stall"];
const STATUS: [u16; 5] = [429, 500, 502, 503, 529];

/// The vendor of endpoint `a`: fails as the model says.
fn script() -> String {
    let mut script = String::new();
    let mut rule = |model: String, rest: String| {
        script.push_str(&format!("[[rule]]\nname = \"{model}\"\nwhen = {{ model = \"{model}\" }}\n{rest}\n"));
    };
    let talk = "answer = { pieces = [\"from-a \", \"more \", \"end\"] }";
    for kind in INSIDE {
        for (place, after) in [("early", 0), ("late", 1)] {
            rule(
                format!("{place}-{kind}"),
                format!("{talk}\nfault = {{ kind = \"{kind}\", after_tokens = {after} }}"),
            );
        }
    }
    for kind in HEAD {
        rule(format!("head-{kind}"), format!("fault = {{ kind = \"{kind}\" }}"));
    }
    for kind in ["reset", "close", "malformed_chunk", "stall"] {
        rule(format!("byte-{kind}"), format!("{talk}\nfault = {{ kind = \"{kind}\", after_bytes = 40 }}"));
    }
    for status in STATUS {
        rule(format!("status-{status}"), format!("answer = {{ status = {status} }}"));
    }
    rule(
        "error-in-200".to_owned(),
        "answer = { body = '{\"error\":{\"message\":\"boom\",\"type\":\"server_error\"}}' }".to_owned(),
    );
    rule("html-in-200".to_owned(), "answer = { body = '<html>gateway</html>' }".to_owned());
    script
}

struct Stage {
    policy: String,
    a: Sim,
    _b: Sim,
}

/// Two vendors and a chain `a` → `b` for one API.
async fn stage(api: &Api) -> Stage {
    let a = Sim::run(&script()).await;
    let b = Sim::run("[[rule]]\nanswer = { pieces = [\"from-b \", \"all\"] }\n").await;
    let policy = format!(
        "weir 1\n{}{}policy main {{ default {{ route a {{\n  timeout connect 1s first_byte 700ms idle 700ms total 20s\n  \
         fallback b on {CLASSES}\n}} }} }}\n",
        api.endpoint("a", a.address, ""),
        api.endpoint("b", b.address, ""),
    );
    Stage { policy, a, _b: b }
}

/// Asks a fresh weir: one that has seen `a` fail before may rightly avoid it.
async fn ask(stage: &Stage, api: &Api, model: &str, stream: bool) -> Answer {
    let weir = Weir::run(stage.policy.as_str()).await;
    client::post(weir.address, api.path, api.body(model, stream)).await
}

/// The answer is `b`'s, whole, after one failed attempt.
fn from_b(answer: &Answer, api: &Api, model: &str, stream: bool) {
    let text = answer.text();
    assert_eq!(answer.status, 200, "{model}: {text}");
    assert!(answer.complete && text.contains("from-b") && !text.contains("from-a"), "{model}: {text}");
    assert_eq!(answer.header("x-weir-attempts"), Some("2"), "{model}");
    if stream {
        assert_eq!(crate::policies::hear(api.dialect, text.as_bytes()).end, StreamEnd::Complete, "{model}: {text}");
    } else {
        api.dialect.read_whole(text.as_bytes()).unwrap_or_else(|error| panic!("{model}: {error:?}"));
    }
}

async fn before_the_first_token(api: Api) {
    let stage = stage(&api).await;
    for kind in INSIDE {
        let model = format!("early-{kind}");
        from_b(&ask(&stage, &api, &model, true).await, &api, &model, true);
    }
    for stream in [true, false] {
        for kind in HEAD {
            let model = format!("head-{kind}");
            from_b(&ask(&stage, &api, &model, stream).await, &api, &model, stream);
        }
        for status in STATUS {
            let model = format!("status-{status}");
            from_b(&ask(&stage, &api, &model, stream).await, &api, &model, stream);
        }
    }
    for model in ["error-in-200", "html-in-200"] {
        from_b(&ask(&stage, &api, model, false).await, &api, model, false);
    }
    let hits = stage.a.stats().await["requests"].as_u64();
    let asked = INSIDE.len() + 2 * (HEAD.len() + STATUS.len()) + 2;
    // The count of statistics is a request too.
    assert_eq!(hits, u64::try_from(asked + 1).ok(), "each request is tried at `a` exactly once");
}

async fn after_the_first_token(api: Api) {
    let stage = stage(&api).await;
    for kind in INSIDE {
        let model = format!("late-{kind}");
        let answer = ask(&stage, &api, &model, true).await;
        let text = answer.text();
        assert_eq!(answer.status, 200, "{model}: {text}");
        assert!(text.contains("from-a") && !text.contains("from-b"), "{model}: {text}");
        let heard = crate::policies::hear(api.dialect, text.as_bytes());
        assert_eq!((heard.end, heard.errors), (StreamEnd::Failed, 1), "{model}: {text}");
        assert_eq!(heard.contents, 1, "{model}: {text}");
    }
}

/// A whole answer that breaks: nothing of it may look like the whole.
async fn inside_a_whole_answer(api: Api) {
    let stage = stage(&api).await;
    for kind in ["reset", "close", "malformed_chunk", "stall"] {
        let model = format!("byte-{kind}");
        let answer = ask(&stage, &api, &model, false).await;
        let text = answer.text();
        assert!(!answer.complete || !text.contains("from-a"), "{model}: {text}");
        if answer.complete {
            from_b(&answer, &api, &model, false);
        }
    }
}

#[tokio::test]
async fn chat_falls_back_before_the_first_token() {
    before_the_first_token(APIS[0]).await;
}

#[tokio::test]
async fn responses_fall_back_before_the_first_token() {
    before_the_first_token(APIS[1]).await;
}

#[tokio::test]
async fn messages_fall_back_before_the_first_token() {
    before_the_first_token(APIS[2]).await;
}

#[tokio::test]
async fn chat_breaks_in_band_after_the_first_token() {
    after_the_first_token(APIS[0]).await;
}

#[tokio::test]
async fn responses_break_in_band_after_the_first_token() {
    after_the_first_token(APIS[1]).await;
}

#[tokio::test]
async fn messages_break_in_band_after_the_first_token() {
    after_the_first_token(APIS[2]).await;
}

#[tokio::test]
async fn whole_answers_never_come_in_part() {
    for api in APIS {
        inside_a_whole_answer(api).await;
    }
}

/// When every endpoint fails, the client is told in its own dialect, with the status of the first failure's class.
#[tokio::test]
async fn with_no_endpoint_left_the_client_is_told() {
    for api in APIS {
        let a = Sim::run(&script()).await;
        let policy = format!(
            "weir 1\n{}policy main {{ default {{ route a {{ timeout first_byte 300ms idle 300ms total 5s }} }} }}\n",
            api.endpoint("a", a.address, "")
        );
        let weir = Weir::run(policy).await;
        for (model, status) in [
            ("head-refuse", 502),
            ("head-reset", 502),
            ("head-stall", 504),
            ("status-500", 500),
            ("status-503", 503),
            ("status-429", 429),
            ("html-in-200", 502),
            ("error-in-200", 502),
        ] {
            let answer = client::post(weir.address, api.path, api.body(model, false)).await;
            let text = answer.text();
            let served = answer.status.as_u16();
            // Which 5xx stands for a vendor's own is told by its class; that it is one is what clients act on.
            if status == 429 || status == 503 || status == 504 {
                assert_eq!(served, status, "{} {model}: {text}", api.path);
            } else {
                assert!((500..=599).contains(&served), "{} {model}: {served} {text}", api.path);
            }
            let body = answer.json();
            assert!(body["error"]["message"].is_string(), "{} {model}: {text}", api.path);
            assert_eq!(body["type"] == "error", api.path == "/v1/messages", "{} {model}: {text}", api.path);
            if status == 429 || status == 503 {
                assert!(answer.header("retry-after").is_some(), "{} {model}", api.path);
            }
            assert!(answer.header("x-weir-request-id").is_some(), "{} {model}", api.path);
            assert!(!text.contains("127.0.0.1"), "an upstream's address is not for clients: {text}");
        }
    }
}
