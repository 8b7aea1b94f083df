//! One line for one exchange: names, numbers and times; no prompt, no answer, no secret, no query.

use std::fmt::Write;
use std::net::IpAddr;
use std::time::Duration;

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::event::{Exchange, Tokens};
use super::metrics::outcome;

/// Longest text of a client's making in one field; the rest is cut off.
const CLIENT_TEXT_BYTES_MAX: usize = 256;

/// How a line looks.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum LineFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// The members of a JSON line, in order; absent ones are left out.
#[derive(Serialize)]
struct Members<'a> {
    time: &'a str,
    kind: &'static str,
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_ip: Option<IpAddr>,
    method: &'a str,
    path: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    api: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<&'a str>,
    policy: &'a str,
    rule: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pool: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoint: Option<&'a str>,
    attempts: u32,
    stream: bool,
    status: u16,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'a str>,
    bytes_in: u64,
    bytes_out: u64,
    ms: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_byte_ms: Option<f64>,
    overhead_ms: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    tokens: Option<Count>,
    #[serde(skip_serializing_if = "Tags::is_empty")]
    tags: Tags<'a>,
}

#[derive(Serialize)]
struct Count {
    input: u64,
    output: u64,
    cached: u64,
    reasoning: u64,
}

struct Tags<'a>(&'a [(std::sync::Arc<str>, std::sync::Arc<str>)]);

impl LineFormat {
    /// The line of an exchange, with its line feed.
    pub(super) fn line(self, time: &str, exchange: &Exchange<'_>) -> String {
        match self {
            Self::Text => text(time, exchange),
            Self::Json => json(time, exchange),
        }
    }
}

fn json(time: &str, exchange: &Exchange<'_>) -> String {
    let members = Members {
        time,
        kind: "access",
        id: exchange.id,
        client_id: exchange.client_id.map(cut),
        client_ip: exchange.client_ip,
        method: exchange.method,
        path: cut(without_query(exchange.path)),
        api: exchange.api,
        model: exchange.model.map(cut),
        policy: exchange.policy,
        rule: exchange.rule,
        pool: exchange.pool.map(|pool| &**pool),
        endpoint: exchange.endpoint.map(|endpoint| &**endpoint),
        attempts: exchange.attempts,
        stream: exchange.stream,
        status: exchange.status,
        outcome: outcome(exchange.end),
        code: exchange.code,
        bytes_in: exchange.bytes_in,
        bytes_out: exchange.bytes_out,
        ms: millis(exchange.took),
        first_byte_ms: exchange.first_byte.map(millis),
        overhead_ms: millis(exchange.overhead),
        tokens: exchange.tokens.map(Count::from),
        tags: Tags(exchange.tags),
    };
    // Texts and numbers only: serialising them into memory cannot fail.
    let mut line = serde_json::to_string(&members).unwrap_or_default();
    line.push('\n');
    line
}

fn text(time: &str, exchange: &Exchange<'_>) -> String {
    let mut line = format!(
        "{time} {} {} {} rule={} status={} outcome={} ms={} overhead_ms={} attempts={}",
        exchange.id,
        exchange.method,
        Plain(cut(without_query(exchange.path))),
        Plain(exchange.rule),
        exchange.status,
        outcome(exchange.end),
        millis(exchange.took),
        millis(exchange.overhead),
        exchange.attempts,
    );
    let mut add = |name: &str, value: Option<&str>| {
        if let Some(value) = value {
            // Writing into a text cannot fail.
            let _ = write!(line, " {name}={}", Plain(value));
        }
    };
    add("model", exchange.model.map(cut));
    add("endpoint", exchange.endpoint.map(|endpoint| &**endpoint));
    add("code", exchange.code);
    add("client_id", exchange.client_id.map(cut));
    for (key, value) in exchange.tags {
        add(key, Some(value));
    }
    if let Some(tokens) = exchange.tokens {
        let _ = write!(line, " tokens={}+{}", tokens.input, tokens.output);
    }
    line.push('\n');
    line
}

/// A text on one line and in one word: control characters and spaces are escaped, so that nobody can forge a line.
struct Plain<'a>(&'a str);

impl std::fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for c in self.0.chars() {
            if c.is_control() || c.is_whitespace() || c == '\\' {
                write!(f, "{}", c.escape_unicode())?;
            } else {
                f.write_char(c)?;
            }
        }
        Ok(())
    }
}

fn cut(text: &str) -> &str {
    text.get(..text.floor_char_boundary(CLIENT_TEXT_BYTES_MAX)).unwrap_or(text)
}

/// Belt and braces: a key may stand in a query.
fn without_query(path: &str) -> &str {
    path.split_once('?').map_or(path, |(path, _)| path)
}

/// Milliseconds with microseconds as their fraction.
fn millis(span: Duration) -> f64 {
    f64::from(u32::try_from(span.as_micros()).unwrap_or(u32::MAX)) / 1_000.0
}

impl From<Tokens> for Count {
    fn from(Tokens { input, output, cached, reasoning }: Tokens) -> Self {
        Self { input, output, cached, reasoning }
    }
}

impl Tags<'_> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Tags<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in self.0 {
            map.serialize_entry(&**key, &**value)?;
        }
        map.end()
    }
}
