//! `endpoint` lines and their settings.

use std::sync::Arc;

use super::Checker;
use super::statements::{Entry, Opened};
use crate::diag::{Code, Diagnostic};
use crate::hir::{Endpoint, EndpointId, HeaderValue, Model, SecretRef, Timeouts, Tls};
use crate::resolve::args::{Args, Val};
use crate::span::Span;
use crate::words::{Availability, Place, kinds};

// === impl Checker ===

impl<'a> Checker<'a, '_, '_> {
    pub(super) fn endpoint_lines(&mut self, top: &Opened<'a>) {
        for entry in top.of("endpoint") {
            let before = self.problems.len();
            let endpoint = self.endpoint(entry);
            let id = EndpointId(u32::try_from(self.hir.endpoints.len()).unwrap_or(u32::MAX));
            self.hir.endpoints.push(endpoint);
            if !entry.sound || self.problems.len() > before {
                self.broken_endpoints.insert(id);
            }
        }
    }

    fn endpoint(&mut self, entry: &Entry<'a>) -> Endpoint {
        let opened = self.open(entry.stmts(), Place::Endpoint, entry.node.block.is_some().then_some(entry.node));
        let text = |word: &'static str| opened.one(word).and_then(|e| e.args.at(0)).and_then(Val::text);
        let number = |word: &'static str| opened.one(word).and_then(|e| e.args.at(0)).and_then(Val::int);
        let provider = opened.one("provider").and_then(|e| e.args.at(0)).and_then(Val::choice);
        let mut endpoint = Endpoint {
            name: entry.name().unwrap_or_default().into(),
            span: entry.name_span(),
            provider: provider.unwrap_or_default().into(),
            url: text("url"),
            key: opened.one("key").and_then(|e| e.args.at(0)).and_then(Val::secret),
            models: Vec::new(),
            region: text("region"),
            zone: text("zone"),
            weight: number("weight").map_or(1, small),
            capacity: number("capacity").map(small),
            timeouts: opened.one("timeout").map(|e| timeouts(&e.args)).unwrap_or_default(),
            headers: Vec::new(),
            tls: opened.one("tls").map(|e| self.tls(e)).unwrap_or_default(),
            health: None,
        };
        for line in opened.of("model").filter(|e| e.sound) {
            self.model_line(&mut endpoint, line);
        }
        for line in opened.of("header").filter(|e| e.sound) {
            self.header_line(&mut endpoint, line);
        }
        for word in ["weight", "capacity"] {
            self.above_zero(&opened, word);
        }
        if let Some(timeout) = opened.one("timeout").filter(|e| e.sound) {
            self.some_timer(timeout);
        }
        self.provider_needs(&endpoint, &opened, entry);
        endpoint
    }

    /// `weight 0` and the like say something that is better said otherwise.
    pub(super) fn above_zero(&mut self, opened: &Opened<'a>, word: &'static str) {
        for entry in opened.of(word) {
            if let (Some(0), Some(span)) = (entry.args.at(0).and_then(Val::int), entry.args.span_at(0)) {
                self.problems.push(
                    Diagnostic::new(Code::E0301, span, format!("`{word}` must be above zero"))
                        .help("take the line out to switch it off"),
                );
            }
        }
    }

    /// `timeout` without a timer.
    pub(super) fn some_timer(&mut self, entry: &Entry<'a>) {
        if timeouts(&entry.args) == Timeouts::default() {
            self.problems.push(
                Diagnostic::new(Code::E0208, entry.node.word.span, "`timeout` says no time")
                    .help(format!("for example `{}`", entry.word.example)),
            );
        }
    }

    /// What the provider kind asks for.
    fn provider_needs(&mut self, endpoint: &Endpoint, opened: &Opened<'a>, entry: &Entry<'a>) {
        let Some(line) = opened.one("provider").filter(|e| e.sound) else { return };
        let Some(kind) = kinds::provider_of(&endpoint.provider) else { return };
        let span = line.name_span();
        if kind.kind.availability == Availability::Later {
            self.refuse(kind.kind.name, span);
            return;
        }
        if !opened.sound {
            return;
        }
        let (name, provider) = (&endpoint.name, kind.kind.name);
        if let Some((url, at)) = endpoint.url.as_ref().zip(opened.one("url").map(Entry::name_span)) {
            self.url(url, at);
        }
        if kind.url.is_none() && !kind.in_process && endpoint.url.is_none() && opened.one("url").is_none() {
            self.problems.push(
                Diagnostic::new(Code::E0208, entry.node.span_of_head(), format!("endpoint `{name}` lacks `url`"))
                    .also(span, format!("provider `{provider}` has no address of its own"))
                    .help("write for example `url \"http://127.0.0.1:8000/v1\"`"),
            );
        }
        if kind.url.is_some()
            && !kind.keyless
            && endpoint.url.is_none()
            && opened.one("key").is_none()
            && opened.one("header").is_none()
        {
            let variable = provider.to_uppercase().replace('-', "_");
            self.problems.push(
                Diagnostic::new(Code::E0208, entry.node.span_of_head(), format!("endpoint `{name}` lacks `key`"))
                    .also(span, format!("provider `{provider}` asks for a credential"))
                    .help(format!("write `key secret(\"env:{variable}_API_KEY\")`")),
            );
        }
    }

    /// A base URL: scheme, host, perhaps a path; nothing else.
    fn url(&mut self, url: &str, span: Span) {
        // `h2c` is HTTP/2 in clear text with prior knowledge.
        let rest = ["https://", "http://", "h2c://"].into_iter().find_map(|scheme| url.strip_prefix(scheme));
        let authority = rest.and_then(|r| r.split('/').next()).unwrap_or_default();
        let why = if rest.is_none() {
            "it must begin with `https://`, `http://`, or `h2c://` for HTTP/2 in clear text"
        } else if authority.is_empty() {
            "there is no host"
        } else if authority.contains('@') {
            "credentials belong into `key secret(\"…\")`"
        } else if url.contains(['?', '#']) {
            "a base URL has no `?` and no `#`"
        } else if !url.bytes().all(|b| b.is_ascii_graphic()) {
            "there is a space or a letter that no URL has"
        } else if !port_is_right(authority) {
            "the port is a number from 1 to 65535"
        } else {
            return;
        };
        let code = if authority.contains('@') { Code::E0601 } else { Code::E0301 };
        self.problems.push(
            Diagnostic::new(code, span, format!("this is no base URL: {why}"))
                .help("for example `url \"https://api.openai.com/v1\"`"),
        );
    }

    fn model_line(&mut self, endpoint: &mut Endpoint, line: &Entry<'a>) {
        let Some(public) = line.args.at(0).and_then(Val::text) else { return };
        if let Some(target) = self.aliases.get(&public) {
            let problem =
                Diagnostic::new(Code::E0202, line.name_span(), format!("\"{public}\" is an alias of \"{target}\""))
                    .label("requests never ask for it: aliases are resolved first")
                    .help(format!("write `model \"{target}\" as \"…\"`, or drop the alias"));
            self.problems.push(problem);
        }
        if endpoint.models.iter().any(|m| m.public == public) {
            self.problems.push(
                Diagnostic::new(
                    Code::E0202,
                    line.name_span(),
                    format!("endpoint `{}` has model \"{public}\" twice", endpoint.name),
                )
                .help("keep one of them"),
            );
            return;
        }
        let opened = self.open(line.stmts(), Place::Model, None);
        let number = |word: &'static str| {
            let int = opened.one(word).and_then(|e| e.args.at(0)).and_then(Val::int);
            int.and_then(|n| u64::try_from(n).ok())
        };
        let price = |key: &str| opened.one("price").and_then(|e| e.args.of(key)).and_then(Val::int);
        let supports = match opened.one("supports").and_then(|e| e.args.at(0)) {
            Some(Val::Words(words)) => words.clone(),
            Some(_) | None => Vec::new(),
        };
        endpoint.models.push(Model {
            upstream: line.args.of("as").and_then(Val::text).unwrap_or_else(|| Arc::clone(&public)),
            public,
            context: number("context"),
            max_output: number("max_output"),
            price_input: price("input"),
            price_output: price("output"),
            supports,
        });
        for word in ["context", "max_output"] {
            self.above_zero(&opened, word);
        }
    }

    fn header_line(&mut self, endpoint: &mut Endpoint, line: &Entry<'a>) {
        let Some(name) = line.args.at(0).and_then(Val::text) else { return };
        let span = line.args.span_at(1).unwrap_or(line.node.word.span);
        let value = match line.args.at(1) {
            Some(Val::Secret(secret)) => HeaderValue::Secret(secret.clone()),
            Some(Val::Text(text)) => {
                self.header_value(text, span);
                HeaderValue::Text(Arc::clone(text))
            }
            Some(_) | None => return,
        };
        self.header_may_be_set(&name, line.name_span());
        endpoint.headers.push((name, value));
    }

    /// RFC 9110 §5.5 and `E0601`: a value that can be sent and is no credential.
    pub(super) fn header_value(&mut self, text: &str, span: Span) {
        if !text.bytes().all(|b| b == b'\t' || (b' '..=b'~').contains(&b)) {
            self.problems.push(
                Diagnostic::new(Code::E0301, span, "a header's value has plain characters only")
                    .help("letters, digits, spaces and punctuation of ASCII"),
            );
        } else if looks_secret(text) {
            self.problems.push(
                Diagnostic::new(Code::E0601, span, "this looks like a credential")
                    .label("policies are read by many and kept for long")
                    .help("on an endpoint write `header NAME secret(\"env:NAME\")` or `key secret(\"env:NAME\")`"),
            );
        }
    }

    /// Headers that belong to the connection are the proxy's (RFC 9110 §7.6.1).
    pub(super) fn header_may_be_set(&mut self, name: &str, span: Span) {
        const OF_THE_PROXY: &[&str] = &[
            "connection",
            "content-length",
            "host",
            "keep-alive",
            "proxy-connection",
            "te",
            "trailer",
            "transfer-encoding",
            "upgrade",
        ];
        if OF_THE_PROXY.contains(&name) {
            self.problems.push(
                Diagnostic::new(
                    Code::E0308,
                    span,
                    format!("the header `{name}` belongs to the connection, not to the policy"),
                )
                .help("weir sets it from the endpoint's `url` and the body"),
            );
        }
    }

    fn tls(&mut self, entry: &Entry<'a>) -> Tls {
        let file = |key: &str| entry.args.of(key).and_then(Val::text).map(SecretRef::File);
        let (cert, key) = (file("cert"), file("key"));
        if entry.sound && cert.is_some() != key.is_some() {
            self.problems.push(
                Diagnostic::new(Code::E0208, entry.node.word.span, "a client certificate needs `cert` and `key`")
                    .help("for example `tls cert \"client.pem\" key \"client.key\"`"),
            );
        }
        Tls {
            ca: file("ca"),
            client_cert: cert.zip(key),
            server_name: entry.args.of("server_name").and_then(Val::text),
        }
    }
}

/// A positive number that fits; larger ones count as the largest.
pub(super) fn small(n: i64) -> u32 {
    u32::try_from(n.max(0)).unwrap_or(u32::MAX)
}

/// The timers of a `timeout` line.
pub(super) fn timeouts(args: &Args<'_>) -> Timeouts {
    let timer = |key: &str| args.of(key).and_then(Val::duration);
    Timeouts {
        connect: timer("connect"),
        first_byte: timer("first_byte"),
        idle: timer("idle"),
        total: timer("total"),
    }
}

fn port_is_right(authority: &str) -> bool {
    let behind = authority.rsplit_once(']').map_or(authority, |(_, rest)| rest);
    match behind.rsplit_once(':') {
        Some((_, port)) => port.parse::<u16>().is_ok_and(|p| p > 0),
        None => true,
    }
}

/// Known prefixes of vendors' keys, or a long run without spaces that is too random for a word.
pub(super) fn looks_secret(text: &str) -> bool {
    const PREFIXES: &[&str] =
        &["sk-", "sk_", "gsk_", "xai-", "AIza", "AKIA", "ghp_", "glpat-", "hf_", "xoxb-", "eyJ"];
    text.split_whitespace().any(|word| {
        (word.len() >= 12 && PREFIXES.iter().any(|p| word.starts_with(p)))
            || (word.len() >= 20 && entropy_bits(word) > 3.8)
    })
}

/// Shannon entropy in bits a character.
fn entropy_bits(word: &str) -> f64 {
    let mut counts = std::collections::BTreeMap::new();
    let mut total = 0.0_f64;
    for c in word.chars() {
        *counts.entry(c).or_insert(0.0_f64) += 1.0;
        total += 1.0;
    }
    let digits = word.chars().any(|c| c.is_ascii_digit());
    let letters = word.chars().any(|c| c.is_ascii_alphabetic());
    if !(digits && letters) || word.contains(['/', '.']) {
        return 0.0;
    }
    counts.values().map(|n| -(n / total) * (n / total).log2()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_seen_and_words_are_not() {
        assert!(looks_secret("Bearer sk-abcdefghijklmnop"));
        assert!(looks_secret("q8Zr2LmX0vB7nT5kWc1YdF"));
        assert!(!looks_secret("the quick brown fox"));
        assert!(!looks_secret("https://example.com/v1/chat/completions"));
        assert!(!looks_secret("netops-production-europe"));
    }

    #[test]
    fn ports() {
        assert!(port_is_right("a"));
        assert!(port_is_right("[::1]"));
        assert!(port_is_right("[::1]:80"));
        assert!(!port_is_right("a:0"));
        assert!(!port_is_right("a:http"));
    }
}
