//! Headers of an upstream's answer on its way to the client.

use http::{HeaderMap, HeaderName, HeaderValue};

/// Whose answer the client gets.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Origin {
    /// The first endpoint that was asked.
    First,
    /// Another one, after the first failed. Its rate limits say nothing about the next request, which goes to the
    /// first again, so they stay here.
    Failover,
}

/// The upstream's headers that the client may see. No framing, no cookies (they would bind one client's session to
/// a vendor account that all share), no names of servers; compressed bodies keep their `content-encoding`.
pub fn answer_headers(upstream: &HeaderMap, origin: Origin) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
    upstream.iter().filter(move |(name, _)| match class(name.as_str()) {
        Class::Passed => true,
        Class::RateLimit => origin == Origin::First,
        Class::Kept => false,
    })
}

enum Class {
    Passed,
    RateLimit,
    Kept,
}

fn class(name: &str) -> Class {
    match name {
        "apim-request-id"
        | "cache-control"
        | "content-disposition"
        | "content-encoding"
        | "content-language"
        | "content-range"
        | "content-type"
        | "request-id"
        | "retry-after"
        | "retry-after-ms"
        | "x-client-request-id"
        | "x-request-id"
        | "x-should-retry" => Class::Passed,
        _ if name.starts_with("x-ratelimit-") || name.starts_with("anthropic-ratelimit-") => Class::RateLimit,
        _ if name.starts_with("openai-") || name.starts_with("anthropic-") => Class::account(name),
        _ => Class::Kept,
    }
}

impl Class {
    /// Vendors' own headers pass, but for those that name the account behind the endpoint.
    fn account(name: &str) -> Self {
        match name {
            "openai-organization" | "openai-project" | "anthropic-organization-id" => Self::Kept,
            _ => Self::Passed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed(name: &'static str, origin: Origin) -> bool {
        let upstream = HeaderMap::from_iter([(HeaderName::from_static(name), HeaderValue::from_static("v"))]);
        answer_headers(&upstream, origin).count() == 1
    }

    #[test]
    fn what_clients_rely_on_passes() {
        for name in
            ["content-type", "x-request-id", "request-id", "openai-processing-ms", "retry-after", "retry-after-ms"]
        {
            assert!(passed(name, Origin::First) && passed(name, Origin::Failover), "{name}");
        }
    }

    #[test]
    fn the_vendors_side_stays_there() {
        let names = [
            "set-cookie",
            "server",
            "connection",
            "transfer-encoding",
            "content-length",
            "keep-alive",
            "trailer",
            "upgrade",
            "via",
            "cf-ray",
            "alt-svc",
            "strict-transport-security",
            "openai-organization",
            "openai-project",
            "anthropic-organization-id",
            "location",
            "x-weir-endpoint",
            "access-control-allow-origin",
        ];
        for name in names {
            assert!(!passed(name, Origin::First), "{name}");
        }
    }

    #[test]
    fn rate_limits_of_a_stand_in_are_not_the_clients() {
        for name in ["x-ratelimit-remaining-tokens", "anthropic-ratelimit-requests-remaining"] {
            assert!(passed(name, Origin::First), "{name}");
            assert!(!passed(name, Origin::Failover), "{name}");
        }
    }
}
