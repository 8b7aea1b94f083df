//! Station 1: what kind of request this is, and whether its head can be trusted.
//!
//! The path is taken as it came and never rewritten: what the policy judges is byte for byte what an upstream
//! gets. Paths that mean something else to another parser (dot segments, escaped slashes, backslashes) are refused
//! for that reason. This station refuses to look at the body.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use http::{HeaderMap, Method, header};
use weir_filters::format::Dialect;

use super::port::{Downstream, Protocol};
use crate::answer::Refusal;
use crate::conf::Limits;

/// A request whose head is understood.
#[derive(Clone, Debug)]
pub(crate) struct Accepted {
    /// What is asked for.
    pub(crate) kind: Kind,
    /// Path and query, as received.
    pub(crate) target: Arc<str>,
    /// Bytes of `target` that are the path.
    pub(crate) path_len: usize,
    /// The client's address.
    pub(crate) client_ip: Option<IpAddr>,
}

/// What a request is to us.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    /// A model request that the engine terminates.
    Model(Dialect),
    /// `GET /v1/models`, answered from the policy.
    Models,
    /// A CORS preflight.
    Preflight,
    /// Anything else: refused, or tunnelled where the policy routes it.
    Other,
}

// === impl Accepted ===

impl Accepted {
    /// The path without the query.
    pub(crate) fn path(&self) -> &str {
        self.target.get(..self.path_len).unwrap_or(&self.target)
    }

    /// The query without `?`; empty when there is none.
    pub(crate) fn query(&self) -> &str {
        self.target.get(self.path_len + 1..).unwrap_or("")
    }
}

// === impl Kind ===

impl Kind {
    fn of(method: &Method, path: &str, headers: &HeaderMap) -> Self {
        if *method == Method::POST {
            return match path {
                "/v1/chat/completions" => Self::Model(Dialect::OpenAiChat),
                "/v1/completions" => Self::Model(Dialect::OpenAiCompletions),
                "/v1/embeddings" => Self::Model(Dialect::OpenAiEmbeddings),
                "/v1/responses" => Self::Model(Dialect::OpenAiResponses),
                "/v1/messages" => Self::Model(Dialect::AnthropicMessages),
                _ => Self::Other,
            };
        }
        if *method == Method::OPTIONS && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD) {
            return Self::Preflight;
        }
        if *method == Method::GET && (path == "/v1/models" || path.starts_with("/v1/models/")) {
            return Self::Models;
        }
        Self::Other
    }
}

/// The dialect in which a client of this path expects its errors.
pub(crate) fn error_dialect(path: &str, headers: &HeaderMap) -> Dialect {
    if path.starts_with("/v1/messages") || headers.contains_key("anthropic-version") {
        Dialect::AnthropicMessages
    } else if path.starts_with("/v1/responses") {
        Dialect::OpenAiResponses
    } else {
        Dialect::OpenAiChat
    }
}

/// Judges the head.
///
/// # Errors
/// A [`Refusal`] with status 400 when the head is ambiguous or too large.
pub(crate) fn accept<D: Downstream>(down: &D, limits: &Limits) -> Result<Accepted, Refusal> {
    let headers = down.headers();
    check_size(down.target(), headers, limits)?;
    check_host(down.protocol(), headers)?;
    let target = down.target();
    let path_len = target.find('?').unwrap_or(target.len());
    let path = target.get(..path_len).unwrap_or(target);
    check_path(path)?;
    Ok(Accepted {
        kind: Kind::of(down.method(), path, headers),
        target: Arc::from(target),
        path_len,
        client_ip: down.peer().map(|peer| peer.ip().to_canonical()),
    })
}

/// Counts what the headers cost: name, value and 32 bytes each, as HTTP/2 does (RFC 9113 §6.5.2).
fn check_size(target: &str, headers: &HeaderMap, limits: &Limits) -> Result<(), Refusal> {
    const EACH: usize = 32;
    let bytes: usize = headers.iter().map(|(n, v)| n.as_str().len() + v.len() + EACH).sum();
    if bytes + target.len() > limits.header_bytes_max {
        return Err(bad("the request head is larger than `limits.header_bytes_max`"));
    }
    if headers.len() > limits.header_count_max {
        return Err(bad("the request has more headers than `limits.header_count_max`"));
    }
    Ok(())
}

/// Exactly one host, without characters that make another parser see another path (CVE-2026-48746 and its kind).
fn check_host(protocol: Protocol, headers: &HeaderMap) -> Result<(), Refusal> {
    let mut hosts = headers.get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) if protocol == Protocol::Http2 => Ok(()),
        (None, _) => Err(bad("the `host` header is missing")),
        (Some(_), Some(_)) => Err(bad("there is more than one `host` header")),
        (Some(host), None) => {
            let good =
                |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':' | b'[' | b']' | b'~');
            if host.as_bytes().iter().all(good) { Ok(()) } else { Err(bad("the `host` header is not a host")) }
        }
    }
}

fn check_path(path: &str) -> Result<(), Refusal> {
    if is_plain(path) { Ok(()) } else { check_every_trick(path) }
}

/// The usual path: letters, digits, `-`, `_`, `:` and single slashes. One look at each byte settles it.
fn is_plain(path: &str) -> bool {
    let mut before = b'.';
    path.starts_with('/')
        && path.bytes().all(|b| {
            let doubled = b == b'/' && before == b'/';
            before = b;
            !doubled && (b.is_ascii_alphanumeric() || matches!(b, b'/' | b'-' | b'_' | b':'))
        })
}

fn check_every_trick(path: &str) -> Result<(), Refusal> {
    if path == "*" || !path.starts_with('/') {
        return Err(bad("the request target is not a path"));
    }
    if path.bytes().any(|b| b == b'\\' || b == b';' || b.is_ascii_control()) {
        return Err(bad("the path holds a backslash, a semicolon or a control character"));
    }
    if path.contains("//") {
        return Err(bad("the path holds an empty segment"));
    }
    let lower = if path.contains('%') { Cow::Owned(path.to_ascii_lowercase()) } else { Cow::Borrowed(path) };
    if ["%2f", "%5c", "%00", "%25"].iter().any(|escape| lower.contains(escape)) {
        return Err(bad("the path hides a separator behind an escape"));
    }
    let dots = lower.split('/').any(|segment| {
        let plain = segment.replace("%2e", ".");
        plain == "." || plain == ".."
    });
    if dots { Err(bad("the path holds a dot segment")) } else { Ok(()) }
}

fn bad(message: &'static str) -> Refusal {
    Refusal::BadHead(Cow::Borrowed(message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_another_parser_reads_differently_are_refused() {
        for path in ["/", "/v1/chat/completions", "/v1/files/a%20b", "/v1beta/models/m:generateContent", "/a.b/..c"] {
            assert_eq!(check_path(path), Ok(()), "{path}");
        }
        let wrong = [
            "",
            "*",
            "v1",
            "//v1/chat",
            "/v1//chat",
            "/v1/../admin",
            "/v1/%2e%2e/admin",
            "/v1/%2E./x",
            "/v1/./x",
            "/v1/..",
            "/a\\b",
            "/v1/chat;x=1",
            "/v1%2fchat",
            "/v1/%5c",
            "/%00",
            "/%252e",
            "/a\u{7f}",
        ];
        for path in wrong {
            assert!(check_path(path).is_err(), "{path}");
        }
    }

    #[test]
    fn kinds_follow_method_and_path() {
        let none = HeaderMap::new();
        let of = |method: Method, path: &str| Kind::of(&method, path, &none);
        assert_eq!(of(Method::POST, "/v1/messages"), Kind::Model(Dialect::AnthropicMessages));
        assert_eq!(of(Method::GET, "/v1/chat/completions"), Kind::Other);
        assert_eq!(of(Method::GET, "/v1/models"), Kind::Models);
        assert_eq!(of(Method::GET, "/v1/models/m"), Kind::Models);
        assert_eq!(of(Method::POST, "/v1/messages/count_tokens"), Kind::Other);
        assert_eq!(of(Method::OPTIONS, "/v1/models"), Kind::Other);
        let mut cors = HeaderMap::new();
        cors.insert(header::ACCESS_CONTROL_REQUEST_METHOD, http::HeaderValue::from_static("POST"));
        assert_eq!(Kind::of(&Method::OPTIONS, "/v1/models", &cors), Kind::Preflight);
    }

    #[test]
    fn one_host_that_is_a_host() {
        let with = |hosts: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for host in hosts {
                headers.append(header::HOST, http::HeaderValue::from_static(host));
            }
            headers
        };
        assert!(check_host(Protocol::Http1, &with(&["a.example:8080"])).is_ok());
        assert!(check_host(Protocol::Http1, &with(&["[::1]:80"])).is_ok());
        assert!(check_host(Protocol::Http2, &with(&[])).is_ok());
        for wrong in [&[][..], &["a", "a"], &["a/v1/x?"], &["a b"], &["u@a"], &["a#"]] {
            assert!(check_host(Protocol::Http1, &with(wrong)).is_err(), "{wrong:?}");
        }
    }
}
