//! Who may import whom: ARCHITECTURE.md's table, as data.

use crate::paths::named;
use crate::source::{Source, Violation};

/// What files below `within` (but not below `except`) must not name.
struct Wall {
    within: &'static [&'static str],
    except: &'static [&'static str],
    /// Paths; `pingora*` stands for every crate whose name begins so.
    forbidden: &'static [&'static str],
    /// What to do instead.
    instead: &'static str,
}

const WALLS: &[Wall] = &[
    Wall {
        within: &["dsl/src"],
        except: &[],
        forbidden: &[
            "serde*",
            "http",
            "hyper*",
            "tokio*",
            "pingora*",
            "weir_filters",
            "log",
            "tracing",
            "prometheus",
        ],
        instead: "the language knows strings, types and spans only: let the proxy hand in facts",
    },
    Wall {
        within: &["filters/src"],
        except: &[],
        forbidden: &["http", "hyper*", "tokio*", "pingora*", "weir_dsl", "log", "tracing", "prometheus"],
        instead: "filters turn bytes into bytes: let the proxy carry out what needs I/O or the policy",
    },
    Wall {
        within: &["dsl/src", "filters/src"],
        except: &[],
        forbidden: &[
            "std::fs",
            "std::env",
            "std::net::TcpListener",
            "std::net::TcpStream",
            "std::net::ToSocketAddrs",
            "std::net::UdpSocket",
            "std::process",
            "std::thread",
            "std::time::Instant",
            "std::time::SystemTime",
        ],
        instead: "the pure crates do no I/O and read no clock: take the value as an argument",
    },
    Wall {
        within: &["filters/src/format"],
        except: &[],
        forbidden: &["crate::redact", "crate::classify"],
        instead: "a format knows bodies only: redaction and classification work on `chat::text`",
    },
    Wall {
        within: &["filters/src/redact"],
        except: &[],
        forbidden: &["crate::format"],
        instead: "redaction works on text runs: use `chat::text`",
    },
    Wall {
        within: &["proxy/src"],
        except: &["proxy/src/edge", "proxy/src/upstream"],
        forbidden: &["pingora*"],
        instead: "only `edge` and `upstream` name pingora: use the ports `Downstream` and `Dial`",
    },
    Wall {
        within: &["proxy/src/exchange"],
        except: &[],
        forbidden: &["prometheus", "log", "tracing"],
        instead: "a station reports an `observe::Event`; `observe` turns it into metrics and log lines",
    },
    Wall {
        within: &[
            "proxy/src/answer",
            "proxy/src/exchange",
            "proxy/src/pool",
            "proxy/src/provider",
            "proxy/src/sign",
            "proxy/src/upstream",
        ],
        except: &[],
        forbidden: &["std::fs", "std::env", "tokio::fs"],
        instead: "nothing on a request's path opens a file or reads the environment: load it into the snapshot",
    },
    Wall {
        within: &["proxy/src"],
        except: &["proxy/src/observe"],
        forbidden: &["prometheus"],
        instead: "metrics are registered and written by `observe` alone: emit an `observe::Event`",
    },
];

/// The folders below `filters/src/format` that are formats. None names another.
const FORMATS: &[&str] = &[
    "openai_chat",
    "openai_completions",
    "openai_embeddings",
    "openai_responses",
    "anthropic_messages",
    "google_gemini",
    "bedrock_converse",
];

/// The folders beside them that all formats share.
const SHARED_BY_FORMATS: &[&str] = &["body"];

pub fn crates(source: &Source) -> Vec<Violation> {
    if !source.is_rust() {
        return Vec::new();
    }
    let walls: Vec<&Wall> = WALLS
        .iter()
        .filter(|wall| wall.within.iter().any(|folder| source.lies_in(folder)))
        .filter(|wall| !wall.except.iter().any(|folder| source.lies_in(folder)))
        .collect();
    if walls.is_empty() {
        return Vec::new();
    }
    let mut found = Vec::new();
    for path in named(&source.text) {
        for wall in &walls {
            let hit = wall.forbidden.iter().any(|forbidden| match forbidden.strip_suffix('*') {
                Some(prefix) => path.root().starts_with(prefix),
                None => path.starts_with(forbidden),
            });
            if hit {
                let named = path.segments.join("::");
                found.push(source.violation(path.line, format!("names `{named}`; {}", wall.instead)));
            }
        }
    }
    found
}

/// A format never names another: what two formats share lies beside them, or in the pivot.
pub fn formats(source: &Source) -> Vec<Violation> {
    let below = source.path.strip_prefix("filters/src/format/").and_then(|below| below.split_once('/'));
    let Some((own, _)) = below else { return Vec::new() };
    if SHARED_BY_FORMATS.contains(&own) {
        return Vec::new();
    }
    if !FORMATS.contains(&own) {
        return vec![source.violation(1, format!("`{own}` is unknown; enter it in the tidy test's `FORMATS`"))];
    }
    let other = |segment: &String| segment != own && FORMATS.contains(&segment.as_str());
    named(&source.text)
        .iter()
        .filter(|path| path.segments.iter().any(other))
        .map(|path| {
            let named = path.segments.join("::");
            source.violation(path.line, format!("format `{own}` names `{named}`; move what both need beside them"))
        })
        .collect()
}

#[test]
fn walls_stop_what_they_name() {
    let bad = [
        ("dsl/src/check/mod.rs", "use serde_json::Value;"),
        ("dsl/src/lib.rs", "fn f() { std::fs::read(\"x\"); }"),
        ("filters/src/frame/sse.rs", "use std::{io, time::Instant};"),
        ("filters/src/lib.rs", "use weir_dsl::hir;"),
        ("filters/src/redact/mod.rs", "use crate::format::peek;"),
        ("proxy/src/exchange/read.rs", "use pingora_core::protocols::http::ServerSession;"),
        ("proxy/src/exchange.rs", "fn f() { log::warn!(\"x\"); }"),
        ("proxy/src/pool/mod.rs", "fn f(c: &prometheus::Counter) {}"),
        ("proxy/src/exchange/read.rs", "async fn f() { tokio::fs::read(\"x\").await; }"),
    ];
    for (path, text) in bad {
        assert_eq!(crates(&Source::new(path, text)).len(), 1, "{path}: {text}");
    }
}

#[test]
fn walls_let_the_rest_through() {
    let good = [
        ("dsl/src/lib.rs", "use std::time::Duration; // serde_json::Value"),
        ("proxy/src/edge/mod.rs", "use pingora::prelude::*;"),
        ("proxy/src/upstream.rs", "use pingora::prelude::*;"),
        ("proxy/src/observe/metrics.rs", "use prometheus::Registry;"),
        ("proxy/src/exchange/read.rs", "use http::Method; use crate::edge_of::x;"),
        ("README.md", "use pingora::prelude::*;"),
    ];
    for (path, text) in good {
        assert_eq!(crates(&Source::new(path, text)), [], "{path}: {text}");
    }
}

#[test]
fn a_format_does_not_name_another() {
    let text = "use super::openai_chat::Body;\nuse crate::format::{peek, openai_responses};\n";
    let bad = Source::new("filters/src/format/anthropic_messages/mod.rs", text);
    let lines: Vec<usize> = formats(&bad).iter().map(|violation| violation.line).collect();
    assert_eq!(lines, [1, 2]);
    assert_eq!(formats(&Source::new("filters/src/format/new_one/mod.rs", "")).len(), 1);
    let good = [
        (
            "filters/src/format/anthropic_messages/read.rs",
            "use crate::json::Value; use super::super::anthropic_messages::x;",
        ),
        ("filters/src/format/body/mod.rs", "use crate::format::openai_chat;"),
        ("filters/src/format/mod.rs", "mod openai_chat; use openai_chat::X;"),
    ];
    for (path, text) in good {
        assert_eq!(formats(&Source::new(path, text)), [], "{path}");
    }
}
