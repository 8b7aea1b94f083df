use std::net::IpAddr;

use weir_dsl::hir::{FailureClass, LogLevel};

use super::*;
use crate::observe::{LineFormat, Observers, Recorder};

/// An exchange to change in tests.
pub(crate) fn exchange<'a>(endpoint: &'a Arc<str>, pool: &'a Arc<str>) -> Exchange<'a> {
    Exchange {
        id: "req-1",
        client_id: None,
        client_ip: Some(IpAddr::from([10, 0, 0, 1])),
        method: "POST",
        path: "/v1/chat/completions",
        api: "chat",
        model: Some("gpt-4o"),
        policy: "abc",
        rule: "large",
        pool: Some(pool),
        endpoint: Some(endpoint),
        attempts: 2,
        stream: true,
        status: 200,
        end: End::Complete,
        code: None,
        bytes_in: 10,
        bytes_out: 20,
        took: Duration::from_millis(1_500),
        first_byte: Some(Duration::from_millis(200)),
        overhead: Duration::from_micros(80),
        tokens: Some(Tokens { input: 100, output: 30, cached: 60, reasoning: 10 }),
        tags: &[],
        log: LogLevel::Meta,
    }
}

fn page(metrics: &Metrics) -> String {
    String::from_utf8(metrics.render(&[])).unwrap()
}

fn has(metrics: &Metrics, line: &str) {
    let page = page(metrics);
    assert!(page.lines().any(|l| l == line), "no `{line}` in\n{page}");
}

#[test]
fn a_finished_exchange_is_counted_once_everywhere() {
    let metrics = Metrics::new().unwrap();
    let (endpoint, pool): (Arc<str>, Arc<str>) = ("eu".into(), "cloud".into());
    for _ in 0..3 {
        metrics.on(&Event::Began);
    }
    has(&metrics, "weir_inflight 3");
    metrics.on(&Event::Ended(&exchange(&endpoint, &pool)));
    metrics.on(&Event::Ended(&Exchange { status: 499, end: End::ClientGone, ..exchange(&endpoint, &pool) }));
    has(&metrics, "weir_inflight 1");
    has(
        &metrics,
        r#"weir_requests_total{api="chat",endpoint="eu",outcome="complete",pool="cloud",rule="large",status_class="2xx"} 1"#,
    );
    has(
        &metrics,
        r#"weir_requests_total{api="chat",endpoint="eu",outcome="client_gone",pool="cloud",rule="large",status_class="4xx"} 1"#,
    );
    has(&metrics, r#"weir_request_seconds_sum{api="chat"} 3"#);
    has(&metrics, r#"weir_first_token_seconds_count{endpoint="eu"} 2"#);
    has(&metrics, r#"weir_overhead_seconds_bucket{stage="all",le="0.0001"} 2"#);
    for (direction, class, count) in
        [("input", "fresh", 80), ("input", "cached", 120), ("output", "answer", 40), ("output", "reasoning", 20)]
    {
        has(&metrics, &format!(r#"weir_tokens_total{{class="{class}",direction="{direction}"}} {count}"#));
    }
}

#[test]
fn attempts_ejections_and_policies_are_counted() {
    let metrics = Metrics::new().unwrap();
    let endpoint: Arc<str> = "eu".into();
    let attempt =
        |failure| Event::Attempt(Attempt { endpoint: &endpoint, failure, took: Duration::ZERO, reused: false });
    metrics.on(&attempt(None));
    metrics.on(&attempt(Some(FailureClass::ServerError)));
    metrics.on(&attempt(Some(FailureClass::ServerError)));
    has(&metrics, r#"weir_attempts_total{endpoint="eu",failure="none"} 1"#);
    has(&metrics, r#"weir_attempts_total{endpoint="eu",failure="5xx"} 2"#);
    for (up, reason) in [(false, "ejected"), (false, "breaker_open"), (true, "recovered"), (false, "resting")] {
        metrics.on(&Event::Endpoint { endpoint: "eu", up, reason });
    }
    has(&metrics, r#"weir_ejections_total{endpoint="eu"} 2"#);
    metrics.set_policy("one");
    metrics.on(&Event::Reload { ok: false, policy: "one", message: Some("broken") });
    metrics.on(&Event::Reload { ok: true, policy: "two", message: None });
    has(&metrics, r#"weir_policy_reloads_total{result="failed"} 1"#);
    has(&metrics, r#"weir_policy_info{hash="two"} 1"#);
    assert!(!page(&metrics).contains(r#"hash="one""#), "only the set in force has a 1");
}

#[test]
fn every_metric_of_the_table_and_no_other_is_registered() {
    let metrics = Metrics::new().unwrap();
    let (endpoint, pool): (Arc<str>, Arc<str>) = ("eu".into(), "cloud".into());
    metrics.on(&Event::Began);
    metrics.on(&Event::Ended(&exchange(&endpoint, &pool)));
    metrics.on(&Event::Attempt(Attempt { endpoint: &endpoint, failure: None, took: Duration::ZERO, reused: true }));
    metrics.on(&Event::Endpoint { endpoint: "eu", up: false, reason: "ejected" });
    metrics.set_policy("one");
    let report = EndpointReport {
        name: endpoint,
        up: true,
        drained: false,
        down: false,
        resting: None,
        in_flight: 3,
        latency_p50: Duration::ZERO,
        latency_p95: Duration::ZERO,
        error_rate: 0.0,
        pools: Vec::new(),
    };
    let shown = String::from_utf8(metrics.render(&[report])).unwrap();
    let mut found: Vec<&str> =
        shown.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    let mut table: Vec<&str> = table::METRICS.iter().map(|row| row.name).collect();
    found.sort_unstable();
    table.sort_unstable();
    assert_eq!(found, table);
    assert!(shown.contains("weir_endpoint_inflight{endpoint=\"eu\"} 3"));
    assert!(!page(&metrics).contains("weir_endpoint_up{"), "the gone are not shown");
}

#[test]
fn lines_say_all_and_leak_nothing() {
    let (endpoint, pool): (Arc<str>, Arc<str>) = ("eu".into(), "cloud".into());
    let tags: [(Arc<str>, Arc<str>); 1] = [("team".into(), "red \"1\"".into())];
    let long = "x".repeat(1_000);
    let hostile = Exchange {
        client_id: Some("a\nrule=forged \u{1b}[31m"),
        path: "/v1/models?key=canary",
        model: Some(&long),
        tags: &tags,
        code: Some("upstream.timeout"),
        ..exchange(&endpoint, &pool)
    };
    let json = LineFormat::Json.line("T", &hostile);
    assert_eq!(json.matches('\n').count(), 1);
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    let expected = serde_json::json!({
        "time": "T", "kind": "access", "id": "req-1", "client_id": "a\nrule=forged \u{1b}[31m", "client_ip": "10.0.0.1",
        "method": "POST", "path": "/v1/models", "api": "chat", "model": "x".repeat(256), "policy": "abc",
        "rule": "large", "pool": "cloud", "endpoint": "eu", "attempts": 2, "stream": true, "status": 200,
        "outcome": "complete", "code": "upstream.timeout", "bytes_in": 10, "bytes_out": 20, "ms": 1500.0,
        "first_byte_ms": 200.0, "overhead_ms": 0.08,
        "tokens": { "input": 100, "output": 30, "cached": 60, "reasoning": 10 }, "tags": { "team": "red \"1\"" }
    });
    assert_eq!(value, expected);
    let text = LineFormat::Text.line("T", &hostile);
    assert_eq!(text.matches('\n').count(), 1);
    assert!(!text.contains(" rule=forged") && !text.contains('\u{1b}') && !text.contains("canary"), "{text}");
    assert!(text.contains("client_id=a\\u{a}rule=forged\\u{20}\\u{1b}[31m"), "{text}");
}

#[test]
fn observers_hear_what_they_are_there_for() {
    let (recorder, recording) = Recorder::new();
    let metrics = Arc::new(Metrics::new().unwrap());
    let all = Observers { metrics: Some(Arc::clone(&metrics)), access: None, recorder: Some(recorder) };
    all.on(&Event::Began);
    assert_eq!(recording.take(), [crate::observe::Seen::Began]);
    has(&metrics, "weir_inflight 1");
    Observers::default().on(&Event::Began);
}
