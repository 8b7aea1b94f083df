//! Headers of a request on its way to an upstream.

use http::header::{ACCEPT_ENCODING, CONNECTION, CONTENT_TYPE, HOST, SEC_WEBSOCKET_PROTOCOL};
use http::{HeaderMap, HeaderName, HeaderValue};
use smallvec::SmallVec;

use crate::provider::Target;

/// Headers as the transport takes them.
pub type RequestHeaders = SmallVec<[(HeaderName, HeaderValue); 12]>;

/// The headers of a model request to `target`: `host`, what goes on of the client's and the policy's, the provider's
/// defaults, the endpoint's own headers and its credential. One of a name: the endpoint's headers replace those that
/// go on, and its credential stands alone. No framing; bodies are asked for uncompressed, because answers are read
/// on their way.
#[must_use]
pub fn request_headers(target: &Target, forwarded: &[(HeaderName, HeaderValue)]) -> RequestHeaders {
    let own = |name: &HeaderName| target.extra.iter().chain(&target.credentials).any(|(own, _)| own == name);
    let mut out = RequestHeaders::new();
    out.push((HOST, target.host.clone()));
    let ends = |name: &HeaderName| *name == HOST || *name == ACCEPT_ENCODING || is_framing(name);
    out.extend(forwarded.iter().filter(|(name, _)| !own(name) && !ends(name)).cloned());
    let brought = |name: &HeaderName| own(name) || forwarded.iter().any(|(known, _)| known == name);
    out.extend(target.defaults.iter().filter(|(name, _)| !brought(name)).cloned());
    out.extend(target.extra.iter().chain(&target.credentials).cloned());
    if !own(&ACCEPT_ENCODING) {
        out.push((ACCEPT_ENCODING, HeaderValue::from_static("identity")));
    }
    out
}

/// The client's headers that may go to an upstream. Of `content-type` only the first: two break signatures.
pub fn forward_headers(client: &HeaderMap) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
    let first_type = client.get(CONTENT_TYPE);
    client.iter().filter(move |(name, value)| {
        is_forwarded(name) && (*name != CONTENT_TYPE || first_type.is_some_and(|first| std::ptr::eq(first, *value)))
    })
}

/// What an SDK says to the vendor rather than to us. Not here on purpose: credentials, `openai-organization` and
/// `openai-project` (they choose an account, and the account is the endpoint's), `x-stainless-*` (the client's
/// machine is nobody's business), `accept-encoding` (answers are read on their way).
fn is_forwarded(name: &HeaderName) -> bool {
    matches!(
        name.as_str(),
        "accept"
            | "accept-language"
            | "anthropic-beta"
            | "anthropic-version"
            | "content-type"
            | "idempotency-key"
            | "openai-beta"
            | "traceparent"
            | "tracestate"
            | "user-agent"
            | "x-client-request-id"
            | "x-request-id"
    )
}

/// Begins the subprotocol in which OpenAI's realtime clients send their key from a browser.
const KEY_PROTOCOL: &[u8] = b"api-key.";

fn has(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window.eq_ignore_ascii_case(part))
}

/// Whether a header is a credential: it names who may, so it stays with whom it was given.
#[must_use]
pub fn is_credential(name: &HeaderName) -> bool {
    matches!(
        name.as_str(),
        "authorization"
            | "api-key"
            | "cookie"
            | "ocp-apim-subscription-key"
            | "proxy-authenticate"
            | "proxy-authorization"
            | "x-amz-security-token"
            | "x-api-key"
            | "x-auth-token"
            | "x-goog-api-key"
    )
}

/// Whether one `NAME=VALUE` of a query is a credential, as Google's and some compatible servers' clients send it.
#[must_use]
pub fn is_credential_pair(pair: &str) -> bool {
    let name = pair.split_once('=').map_or(pair, |(name, _)| name);
    ["key", "api_key", "api-key", "apikey", "access_token"].iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// Whether a header belongs to one connection or to its framing (RFC 9110 §7.6.1, RFC 9112 §6): the transport's own.
#[must_use]
pub fn is_framing(name: &HeaderName) -> bool {
    matches!(
        name.as_str(),
        "connection"
            | "content-length"
            | "expect"
            | "http2-settings"
            | "keep-alive"
            | "proxy-connection"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
    )
}

/// Whether a tunnelled request may keep a header: no credential, no framing, nothing that `connection` names, and
/// nothing that says where the request came from or that only the proxy may say. Browsers put OpenAI's key among
/// the WebSocket subprotocols; then that header goes as a whole.
#[must_use]
pub fn may_tunnel(client: &HeaderMap, name: &HeaderName) -> bool {
    let ours = |text: &str| {
        text.starts_with("x-weir-")
            || text.starts_with("x-forwarded-")
            || matches!(text, "forwarded" | "x-real-ip" | "host" | "via")
    };
    let listed = |value: &HeaderValue| {
        value.to_str().is_ok_and(|list| list.split(',').any(|one| one.trim().eq_ignore_ascii_case(name.as_str())))
    };
    let holds_key = || {
        let protocols = client.get_all(SEC_WEBSOCKET_PROTOCOL).iter();
        *name == SEC_WEBSOCKET_PROTOCOL && protocols.map(HeaderValue::as_bytes).any(|list| has(list, KEY_PROTOCOL))
    };
    !is_credential(name)
        && !is_framing(name)
        && !holds_key()
        && !ours(name.as_str())
        && !client.get_all(CONNECTION).iter().any(listed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(rows: &[(&'static str, &'static str)]) -> HeaderMap {
        rows.iter().map(|(n, v)| (HeaderName::from_static(n), HeaderValue::from_static(v))).collect()
    }

    fn appended(rows: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in rows {
            map.append(*name, HeaderValue::from_static(value));
        }
        map
    }

    /// Every credential, origin, connection and proxy header that has hurt a gateway somewhere.
    const NEVER: &[&str] = &[
        "authorization",
        "x-api-key",
        "api-key",
        "x-goog-api-key",
        "x-amz-security-token",
        "ocp-apim-subscription-key",
        "cookie",
        "proxy-authorization",
        "connection",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "content-length",
        "upgrade",
        "proxy-connection",
        "expect",
        "host",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
        "forwarded",
        "x-real-ip",
        "via",
        "x-weir-trace",
    ];

    #[test]
    fn nothing_private_is_forwarded_or_tunnelled() {
        for name in NEVER {
            let client = map(&[(name, "canary")]);
            assert_eq!(forward_headers(&client).count(), 0, "{name} forwarded");
            assert!(!may_tunnel(&client, &HeaderName::from_static(name)), "{name} tunnelled");
        }
        for name in ["openai-organization", "x-stainless-os", "origin", "referer", "accept-encoding", "x-anything"] {
            assert_eq!(forward_headers(&map(&[(name, "v")])).count(), 0, "{name} forwarded");
        }
    }

    #[test]
    fn what_the_sdk_tells_the_vendor_is_forwarded_once() {
        let client = appended(&[
            ("content-type", "application/json"),
            ("content-type", "text/plain"),
            ("anthropic-beta", "a"),
            ("anthropic-beta", "b"),
            ("idempotency-key", "k"),
        ]);
        let got: Vec<(&str, &str)> =
            forward_headers(&client).map(|(n, v)| (n.as_str(), v.to_str().unwrap())).collect();
        assert_eq!(
            got,
            [
                ("content-type", "application/json"),
                ("anthropic-beta", "a"),
                ("anthropic-beta", "b"),
                ("idempotency-key", "k"),
            ]
        );
    }

    #[test]
    fn a_tunnel_drops_what_connection_names() {
        let client = map(&[("connection", "close, X-Secret"), ("x-secret", "1"), ("x-plain", "2")]);
        assert!(!may_tunnel(&client, &HeaderName::from_static("x-secret")));
        assert!(may_tunnel(&client, &HeaderName::from_static("x-plain")));
    }

    #[test]
    fn a_tunnel_drops_a_key_among_the_subprotocols() {
        let name = HeaderName::from_static("sec-websocket-protocol");
        let client = map(&[("sec-websocket-protocol", "realtime, openai-insecure-api-key.sk-canary")]);
        assert!(!may_tunnel(&client, &name));
        assert!(may_tunnel(&map(&[("sec-websocket-protocol", "realtime")]), &name));
    }

    #[test]
    fn credentials_in_queries_are_known() {
        for pair in ["key=AIza", "api_key=x", "API-KEY=x", "access_token=1", "key"] {
            assert!(is_credential_pair(pair), "{pair}");
        }
        for pair in ["limit=1", "monkey=1", "keys=1", ""] {
            assert!(!is_credential_pair(pair), "{pair}");
        }
    }
}
