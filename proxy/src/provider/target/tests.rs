use std::time::Duration;

use http::HeaderMap;
use weir_dsl::hir::{Timeouts, Tls};
use weir_dsl::span::Span;

use super::*;

fn endpoint(provider: &str, url: Option<&str>) -> Endpoint {
    Endpoint {
        name: "e".into(),
        span: Span::default(),
        provider: provider.into(),
        url: url.map(Into::into),
        key: None,
        models: Vec::new(),
        region: None,
        zone: None,
        weight: 1,
        capacity: None,
        timeouts: Timeouts { total: Some(Duration::from_secs(1)), ..Timeouts::default() },
        headers: Vec::new(),
        tls: Tls::default(),
        health: None,
    }
}

fn keyed(provider: &str, url: Option<&str>) -> Endpoint {
    Endpoint { key: Some(SecretRef::Env("KEY".into())), ..endpoint(provider, url) }
}

fn resolve(reference: &SecretRef) -> Result<Secret, SecretError> {
    match reference {
        SecretRef::Env(name) if &**name == "KEY" => Ok(Secret::new("sk-canary")),
        SecretRef::Env(name) if &**name == "EVIL" => Ok(Secret::new("a\r\nx-injected: 1")),
        SecretRef::Env(name) if &**name == "PEM" => Ok(Secret::new("no certificate")),
        SecretRef::Env(name) | SecretRef::File(name) | SecretRef::Vault(name) => {
            Err(SecretError::Unset(name.clone()))
        }
    }
}

fn build(endpoint: &Endpoint) -> Target {
    Target::build(endpoint, &resolve).unwrap()
}

fn refused(endpoint: &Endpoint) -> String {
    Target::build(endpoint, &resolve).unwrap_err().to_string()
}

fn headers(target: &Target, client: &[(&'static str, &'static str)]) -> Vec<(String, String)> {
    let client: HeaderMap =
        client.iter().map(|(n, v)| (HeaderName::from_static(n), HeaderValue::from_static(v))).collect();
    let forwarded: Vec<(HeaderName, HeaderValue)> =
        sign::forward_headers(&client).map(|(n, v)| (n.clone(), v.clone())).collect();
    let out = sign::request_headers(target, &forwarded);
    let mut out: Vec<(String, String)> =
        out.iter().map(|(n, v)| (n.to_string(), v.to_str().unwrap().to_owned())).collect();
    out.sort();
    out
}

fn pairs(rows: &[(&str, &str)]) -> Vec<(String, String)> {
    rows.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect()
}

#[test]
fn paths_follow_the_base_as_the_sdk_writes_it() {
    let rows = [
        ("openai", None, "/v1/chat/completions", "/v1/chat/completions"),
        ("openai", None, "/v1/files?limit=2", "/v1/files?limit=2"),
        ("groq", None, "/v1/chat/completions", "/openai/v1/chat/completions"),
        ("perplexity", None, "/v1/chat/completions", "/chat/completions"),
        ("anthropic", None, "/v1/messages", "/v1/messages"),
        ("anthropic", None, "/v1/messages/count_tokens?beta=true", "/v1/messages/count_tokens?beta=true"),
        ("anthropic", Some("https://a.example/v1/"), "/v1/messages", "/v1/messages"),
        ("anthropic", Some("https://a.example/anthropic"), "/v1/messages", "/anthropic/v1/messages"),
        ("compatible", Some("http://127.0.0.1:4010"), "/v1/chat/completions", "/chat/completions"),
        ("compatible", Some("http://127.0.0.1:4010/v1"), "/v1/chat/completions", "/v1/chat/completions"),
        ("compatible", Some("http://127.0.0.1:4010/v1"), "/v1/messages", "/v1/messages"),
        ("compatible", Some("http://127.0.0.1:4010"), "/v1/messages", "/v1/messages"),
        ("compatible", Some("http://h/v1"), "/v1", "/v1"),
        ("compatible", Some("http://h"), "/v1", "/"),
        ("compatible", Some("http://h/v1"), "/v1x/y", "/v1/v1x/y"),
        ("compatible", Some("http://h"), "/metrics", "/metrics"),
        ("azure-openai", Some("https://r.openai.azure.com"), "/v1/responses", "/openai/v1/responses"),
        ("azure-openai", Some("https://r.openai.azure.com/x"), "/v1/responses", "/x/responses"),
        ("sim", None, "/v1/chat/completions", "/v1/chat/completions"),
        (
            "compatible",
            Some("http://h/v1beta"),
            "/v1beta/models/m:generateContent",
            "/v1beta/models/m:generateContent",
        ),
    ];
    for (provider, url, client, upstream) in rows {
        assert_eq!(build(&endpoint(provider, url)).path(client), upstream, "{provider} {url:?} {client}");
    }
}

#[test]
fn a_key_in_the_query_stays_behind() {
    let target = build(&endpoint("compatible", Some("http://h/v1")));
    assert_eq!(target.path("/v1/models?key=canary"), "/v1/models");
    assert_eq!(target.path("/v1/models?a=1&api_key=canary&b=%20"), "/v1/models?a=1&b=%20");
}

#[test]
fn each_vendor_gets_its_own_credential_and_nobody_elses() {
    let client = [
        ("authorization", "Bearer client-canary"),
        ("x-api-key", "client-canary"),
        ("content-type", "application/json"),
        ("host", "weir"),
    ];
    type Row = (&'static str, Option<&'static str>, &'static [(&'static str, &'static str)]);
    let rows: [Row; 3] = [
        (
            "openai",
            None,
            &[
                ("accept-encoding", "identity"),
                ("authorization", "Bearer sk-canary"),
                ("content-type", "application/json"),
                ("host", "api.openai.com"),
            ],
        ),
        (
            "anthropic",
            None,
            &[
                ("accept-encoding", "identity"),
                ("anthropic-version", "2023-06-01"),
                ("content-type", "application/json"),
                ("host", "api.anthropic.com"),
                ("x-api-key", "sk-canary"),
            ],
        ),
        (
            "azure-openai",
            Some("https://r.openai.azure.com:8443"),
            &[
                ("accept-encoding", "identity"),
                ("api-key", "sk-canary"),
                ("content-type", "application/json"),
                ("host", "r.openai.azure.com:8443"),
            ],
        ),
    ];
    for (provider, url, expected) in rows {
        assert_eq!(headers(&build(&keyed(provider, url)), &client), pairs(expected), "{provider}");
    }
}

#[test]
fn the_endpoints_own_headers_win() {
    let mut endpoint = keyed("anthropic", None);
    endpoint.headers = vec![
        ("Anthropic-Version".into(), hir::HeaderValue::Text("2099-01-01".into())),
        ("X-Api-Key".into(), hir::HeaderValue::Secret(SecretRef::Env("KEY".into()))),
        ("host".into(), hir::HeaderValue::Text("inside".into())),
    ];
    let target = build(&endpoint);
    let got = headers(&target, &[("anthropic-version", "2023-06-01"), ("anthropic-beta", "b")]);
    let expected = [
        ("accept-encoding", "identity"),
        ("anthropic-beta", "b"),
        ("anthropic-version", "2099-01-01"),
        ("host", "inside"),
        ("x-api-key", "sk-canary"),
    ];
    assert_eq!(got, pairs(&expected));
}

#[test]
fn a_client_may_choose_the_version_of_the_api() {
    let got = headers(&build(&endpoint("anthropic", None)), &[("anthropic-version", "2024-02-02")]);
    assert!(got.contains(&("anthropic-version".to_owned(), "2024-02-02".to_owned())), "{got:?}");
    assert_eq!(got.iter().filter(|(name, _)| name == "anthropic-version").count(), 1);
}

#[test]
fn secrets_are_never_shown() {
    let target = build(&keyed("openai", None));
    assert!(!format!("{target:?}").contains("canary"));
    let mut evil = endpoint("openai", None);
    evil.key = Some(SecretRef::Env("EVIL".into()));
    let message = refused(&evil);
    assert_eq!(message, "endpoint `e`: the value of `key` cannot be sent in a header: it holds control characters");
    let url = refused(&endpoint("compatible", Some("https://user:canary@h/")));
    assert!(!url.contains("canary") && url.contains("`h/`"), "{url}");
}

#[test]
fn what_cannot_be_called_is_refused_with_its_name() {
    let with = |change: fn(&mut Endpoint)| {
        let mut made = endpoint("openai", None);
        change(&mut made);
        refused(&made)
    };
    assert_eq!(refused(&endpoint("compatible", None)), "endpoint `e`: provider `compatible` needs a `url`");
    assert!(
        refused(&endpoint("bedrock", None)).starts_with("endpoint `e`: provider `bedrock` is not in this build yet")
    );
    assert!(refused(&endpoint("acme", None)).contains("unknown provider `acme`: use `compatible` with a `url`"));
    assert!(refused(&endpoint("openai", Some("api.openai.com"))).contains("`api.openai.com` is not a URL"));
    assert!(with(|e| e.key = Some(SecretRef::Env("GONE".into()))).contains("`key`: environment variable `GONE`"));
    assert!(
        with(|e| e.headers = vec![("Content-Length".into(), hir::HeaderValue::Text("1".into()))])
            .contains("`Content-Length`")
    );
    assert!(with(|e| e.headers = vec![("b ad".into(), hir::HeaderValue::Text("1".into()))]).contains("`b ad`"));
    assert!(with(|e| e.tls.ca = Some(SecretRef::Env("PEM".into()))).contains("`tls ca` holds no usable PEM block"));
    let mut clear = endpoint("compatible", Some("http://h"));
    clear.tls.server_name = Some("x".into());
    assert!(refused(&clear).contains("`tls` is set but the `url` is clear text"));
}

#[test]
fn peers_are_the_same_as_long_as_they_are_reached_the_same_way() {
    let key = |url: &str| build(&endpoint("compatible", Some(url))).peer.key;
    assert_eq!(key("http://h/v1"), key("http://h:80/v2"), "the path is no part of a connection");
    assert_ne!(key("http://h/v1"), key("https://h/v1"));
    assert_ne!(key("http://h/v1"), key("h2c://h/v1"));
    assert_ne!(key("http://h/v1"), key("http://h:81/v1"));
    let peer = build(&endpoint("compatible", Some("h2c://[::1]:9/"))).peer;
    assert_eq!((&*peer.host, peer.port, peer.h2c, peer.tls.is_none(), peer.sim), ("::1", 9, true, true, false));
    assert!(build(&endpoint("sim", None)).peer.sim);
    assert!(!build(&endpoint("sim", Some("http://127.0.0.1:1/v1"))).peer.sim);
}

#[test]
fn every_row_of_the_table_can_be_built() {
    for provider in crate::provider::PROVIDERS {
        let url = provider.url.is_none().then_some("https://h/v1");
        let target = build(&keyed(provider.name, url.filter(|_| provider.name != "sim")));
        assert!(!target.provider.dialects.is_empty(), "{}", provider.name);
        assert!(find(provider.name).is_some() && !LATER.contains(&provider.name));
    }
    assert!(build(&endpoint("openai", None)).serves(Dialect::OpenAiResponses));
    assert!(!build(&endpoint("openai", None)).serves(Dialect::AnthropicMessages));
}

#[test]
fn a_policy_cannot_double_or_replace_what_the_endpoint_needs() {
    let target = build(&keyed("openai", None));
    let header = |name: &'static str| (HeaderName::from_static(name), HeaderValue::from_static("policy"));
    let set =
        [header("authorization"), header("host"), header("content-length"), header("accept-encoding"), header("x-a")];
    let mut out: Vec<(String, String)> = sign::request_headers(&target, &set)
        .iter()
        .map(|(n, v)| (n.to_string(), v.to_str().unwrap().to_owned()))
        .collect();
    out.sort();
    let expected = [
        ("accept-encoding", "identity"),
        ("authorization", "Bearer sk-canary"),
        ("host", "api.openai.com"),
        ("x-a", "policy"),
    ];
    assert_eq!(out, pairs(&expected));
}

#[test]
fn the_language_knows_the_same_providers() {
    use weir_dsl::words::{Availability, kinds};

    let (now, later): (Vec<&kinds::Provider>, Vec<&kinds::Provider>) =
        kinds::PROVIDERS.iter().partition(|known| known.kind.availability == Availability::Now);
    let of_language: Vec<_> = now.iter().map(|known| (known.kind.name, known.url)).collect();
    let ours: Vec<_> = crate::provider::PROVIDERS.iter().map(|known| (known.name, known.url)).collect();
    assert_eq!(of_language, ours);
    assert_eq!(later.iter().map(|known| known.kind.name).collect::<Vec<_>>(), LATER);
}
