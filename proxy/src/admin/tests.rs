use http::{HeaderName, HeaderValue};

use super::*;
use crate::pool::MemberReport;

/// A process that remembers what it was told.
struct Fake {
    ready: Result<(), &'static str>,
    told: std::sync::mpsc::Sender<String>,
}

impl Control for Fake {
    fn ready(&self) -> Result<(), &'static str> {
        self.ready
    }

    fn policy(&self) -> PolicyReport {
        PolicyReport {
            hash: "abc".into(),
            files: vec!["main.weir".into()],
            sets: vec![SetReport { hash: "abc".into(), since: "2026-01-01T00:00:00.000Z".into() }],
            ..PolicyReport::default()
        }
    }

    fn reload(&self) -> Result<Arc<str>, String> {
        self.told.send("reload".into()).unwrap();
        Err("main.weir:1:1: broken".into())
    }

    fn rollback(&self) -> Result<Arc<str>, String> {
        self.told.send("rollback".into()).unwrap();
        Ok("old".into())
    }

    fn endpoints(&self) -> Vec<EndpointReport> {
        let place = MemberReport {
            pool: "p".into(),
            tier: 1,
            weight: 3,
            capacity: None,
            consecutive_failures: 5,
            ejected: Some(std::time::Duration::from_millis(1_500)),
            on_trial: false,
        };
        let endpoint = EndpointReport {
            name: "e".into(),
            up: false,
            drained: false,
            down: false,
            resting: None,
            in_flight: 2,
            latency_p50: std::time::Duration::from_micros(1_500),
            latency_p95: std::time::Duration::from_millis(20),
            error_rate: 12.5,
            pools: vec![place],
        };
        vec![endpoint]
    }

    fn set_drained(&self, endpoint: &str, drained: bool) -> Result<(), UnknownEndpoint> {
        if endpoint != "e" {
            return Err(UnknownEndpoint(endpoint.to_owned()));
        }
        self.told.send(format!("{endpoint} {drained}")).unwrap();
        Ok(())
    }
}

struct Site {
    state: AdminState,
    told: std::sync::mpsc::Receiver<String>,
}

fn site(own: &str, token: Option<&str>) -> Site {
    let (sender, told) = std::sync::mpsc::channel();
    let state = AdminState {
        own: own.parse().unwrap(),
        token: token.map(Secret::new),
        control: Arc::new(Fake { ready: Ok(()), told: sender }),
        metrics: Arc::new(Metrics::new().unwrap()),
    };
    Site { state, told }
}

fn ask(site: &Site, method: &Method, path: &str, headers: &[(&'static str, &'static str)]) -> (u16, String) {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    let answer = respond(&site.state, method, path, &map);
    (answer.status.as_u16(), String::from_utf8(answer.body.to_vec()).unwrap())
}

const LOCAL: &[(&str, &str)] = &[("host", "127.0.0.1:9090")];

fn local(path: &str) -> (u16, String) {
    ask(&site("127.0.0.1:9090", None), &Method::GET, path, LOCAL)
}

#[test]
fn pages_answer() {
    assert_eq!(local("/livez"), (200, "ok\n".to_owned()));
    assert_eq!(local("/readyz"), (200, "ok\n".to_owned()));
    let (status, body) = local("/policy");
    assert_eq!(status, 200);
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&body).unwrap(),
        serde_json::json!({
            "hash": "abc", "files": ["main.weir"], "warnings": [],
            "sets": [{ "hash": "abc", "since": "2026-01-01T00:00:00.000Z" }]
        })
    );
    let (_, body) = local("/endpoints");
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&body).unwrap(),
        serde_json::json!({ "endpoints": [{
            "name": "e", "up": false, "state": "ejected", "resting_ms": null, "in_flight": 2,
            "latency_p50_ms": 1.5, "latency_p95_ms": 20.0, "error_rate_percent": 12.5,
            "pools": [{ "pool": "p", "tier": 1, "weight": 3, "capacity": null, "consecutive_failures": 5,
                        "ejected_ms": 1500, "on_trial": false }]
        }] })
    );
    assert!(local("/metrics").1.contains("weir_endpoint_up{endpoint=\"e\"} 0"));
    assert_eq!(local("/limits").0, 200);
    assert_eq!(local("/decisions/123").0, 404);
    assert!(local("/").1.contains("POST /policy/reload"));
    for path in ["/nothing", "/endpoints/e", "/endpoints//drain", "/endpoints/a/b/drain", "//livez", "/livez/"] {
        assert_eq!(local(path).0, 404, "{path}");
    }
}

#[test]
fn changes_want_post_and_reach_the_process() {
    let site = site("127.0.0.1:9090", None);
    assert_eq!(ask(&site, &Method::GET, "/policy/reload", LOCAL).0, 405);
    assert_eq!(ask(&site, &Method::POST, "/policy", LOCAL).0, 405);
    assert!(site.told.try_recv().is_err());
    let (status, body) = ask(&site, &Method::POST, "/policy/reload", LOCAL);
    assert_eq!(status, 422);
    assert!(body.contains("main.weir:1:1: broken"), "{body}");
    assert_eq!(ask(&site, &Method::POST, "/policy/rollback", LOCAL).0, 200);
    assert_eq!(ask(&site, &Method::POST, "/endpoints/e/drain", LOCAL).0, 200);
    assert_eq!(ask(&site, &Method::POST, "/endpoints/e/resume", LOCAL).0, 200);
    assert_eq!(ask(&site, &Method::POST, "/endpoints/x/drain", LOCAL).0, 404);
    assert_eq!(site.told.try_iter().collect::<Vec<_>>(), ["reload", "rollback", "e true", "e false"]);
}

#[test]
fn browsers_cannot_be_used_against_it() {
    let refused: &[&[(&str, &str)]] = &[
        &[],
        &[("host", "evil.example")],
        &[("host", "evil.example:9090")],
        &[("host", "127.0.0.1.evil.example")],
        &[("host", "localhost.evil.example")],
        &[("host", "x@127.0.0.1")],
        &[("host", "127.0.0.1"), ("host", "evil.example")],
        &[("host", "127.0.0.1:9090"), ("origin", "http://evil.example")],
        &[("host", "127.0.0.1:9090"), ("origin", "null")],
        &[("host", "127.0.0.1:9090"), ("origin", "http://127.0.0.1:8080")],
        &[("host", "evil.example"), ("origin", "http://evil.example")],
        &[("host", "127.0.0.1:9090"), ("sec-fetch-site", "cross-site")],
        &[("host", "127.0.0.1:9090"), ("sec-fetch-site", "same-site")],
    ];
    let site = site("127.0.0.1:9090", None);
    for headers in refused {
        assert_eq!(ask(&site, &Method::POST, "/endpoints/e/drain", headers).0, 403, "{headers:?}");
        assert_eq!(ask(&site, &Method::GET, "/policy", headers).0, 403, "{headers:?}");
    }
    assert!(site.told.try_recv().is_err());
    let welcome: &[&[(&str, &str)]] = &[
        &[("host", "localhost:9090")],
        &[("host", "LOCALHOST")],
        &[("host", "[::1]:9090")],
        &[("host", "127.8.9.1")],
        &[("host", "localhost:9090"), ("origin", "http://localhost:9090"), ("sec-fetch-site", "same-origin")],
    ];
    for headers in welcome {
        assert_eq!(ask(&site, &Method::GET, "/policy", headers).0, 200, "{headers:?}");
    }
}

#[test]
fn a_token_is_wanted_where_one_is_set() {
    let site = site("10.0.0.1:9090", Some("canary-token"));
    let with = |value| ask(&site, &Method::GET, "/policy", &[("host", "weir-admin.svc"), ("authorization", value)]);
    assert_eq!(with("Bearer canary-token").0, 200);
    assert_eq!(with("bearer canary-token").0, 200);
    for wrong in ["Bearer canary-toke", "Bearer canary-tokenx", "Bearer ", "Basic canary-token", "canary-token", ""] {
        let (status, body) = with(wrong);
        assert_eq!(status, 401, "{wrong}");
        assert!(!body.contains("canary"), "{body}");
    }
    assert_eq!(ask(&site, &Method::GET, "/policy", LOCAL).0, 401);
    let foreign = [("authorization", "Bearer canary-token"), ("host", "h"), ("origin", "https://evil.example")];
    assert_eq!(ask(&site, &Method::GET, "/policy", &foreign).0, 403);
    assert_eq!(ask(&site, &Method::GET, "/livez", &[]).0, 200, "probes have no token");
    assert!(!format!("{:?}", site.state).contains("canary"));
}

#[test]
fn a_draining_process_is_alive_and_not_ready() {
    let (sender, _told) = std::sync::mpsc::channel();
    let mut site = site("127.0.0.1:9090", None);
    site.state.control = Arc::new(Fake { ready: Err("draining"), told: sender });
    assert_eq!(ask(&site, &Method::GET, "/readyz", &[]), (503, "draining\n".to_owned()));
    assert_eq!(ask(&site, &Method::GET, "/livez", &[]).0, 200);
}

#[test]
fn the_documentation_names_every_path() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/admin.md")).unwrap();
    for route in routes::ROUTES {
        let heading = format!("## `{} {}`", route.verb.word(), route.path.replace("{}", "NAME"));
        assert!(page.contains(&heading), "docs/admin.md has no section {heading}");
    }
}
