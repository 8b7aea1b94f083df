//! What a policy may look at: one request, as it arrived.
//!
//! The head and the peeked members are at hand; the body is opened only when a rule that is really reached asks for
//! it ([`RequestFacts::open`]). This module refuses to know what the policy does with a value.

use std::borrow::Cow;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{HeaderMap, Method, header};
use smallvec::SmallVec;
use weir_dsl::facts::{Facts, Value};
use weir_dsl::hir::{BodyStep, Field, FieldId, FieldKind, Hir, Tier};
use weir_filters::format::Dialect;
use weir_filters::format::body::{Body, Found, PathStep, Scalar};
use weir_filters::format::peek::{Peek, PeekError};

use super::accept::{Accepted, Kind};
use crate::snapshot::Snapshot;

/// Bytes of the prompt that `prompt.prefix` gives where nothing says how many.
const PREFIX_BYTES: usize = 1024;

/// One request's facts.
pub(crate) struct RequestFacts<'r> {
    pub(crate) method: &'r Method,
    pub(crate) headers: &'r HeaderMap,
    pub(crate) accepted: &'r Accepted,
    pub(crate) snapshot: &'r Snapshot,
    pub(crate) now: SystemTime,
    /// `None` for requests that are judged by their head: every field of the body is absent.
    pub(crate) body: Option<BodyFacts<'r>>,
}

/// The body's part.
pub(crate) struct BodyFacts<'r> {
    dialect: Dialect,
    bytes: &'r Bytes,
    seen: &'r Peek,
    /// What the requested model stands for.
    alias: Option<&'r str>,
    opened: Option<Body>,
}

// === impl BodyFacts ===

impl<'r> BodyFacts<'r> {
    pub(crate) fn new(dialect: Dialect, bytes: &'r Bytes, seen: &'r Peek, alias: Option<&'r str>) -> Self {
        Self { dialect, bytes, seen, alias, opened: None }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "every other field of the body is read from the opened body")]
    fn read<'a>(&'a self, kind: &'a FieldKind) -> Value<'a> {
        match kind {
            FieldKind::Model => text(self.alias.or(self.seen.model())),
            FieldKind::ModelRequested => text(self.seen.model()),
            FieldKind::Stream => Value::Bool(self.seen.stream()),
            FieldKind::Api => Value::Text(Cow::Borrowed(self.dialect.api())),
            _ => self.opened.as_ref().map_or(Value::Absent, |body| opened(body, kind)),
        }
    }
}

// === impl RequestFacts ===

impl RequestFacts<'_> {
    /// Makes the fields of the body readable.
    ///
    /// # Errors
    /// When the body means different things to different readers.
    pub(crate) fn open(&mut self) -> Result<(), PeekError> {
        if let Some(body) = &mut self.body {
            body.opened = Some(Body::read(body.dialect, body.bytes.clone(), body.seen)?);
        }
        Ok(())
    }

    /// A field as text, for hashing and splitting; opens nothing.
    pub(crate) fn text_of(&self, hir: &Hir, id: FieldId) -> Option<String> {
        let field = hir.fields.get(usize::try_from(id.0).ok()?)?;
        match self.read(field) {
            Value::Text(text) => Some(text.into_owned()),
            Value::Int(n) => Some(n.to_string()),
            Value::Ip(ip) => Some(ip.to_string()),
            Value::Bool(b) => Some(b.to_string()),
            Value::Absent
            | Value::Float(_)
            | Value::TextList(_)
            | Value::Texts(_)
            | Value::Clock(_)
            | Value::Weekday(_) => None,
        }
    }

    /// The tier that a field costs.
    pub(crate) fn needs(hir: &Hir, id: FieldId) -> Tier {
        usize::try_from(id.0).ok().and_then(|at| hir.fields.get(at)).map_or(Tier::Head, |field| field.tier)
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "identity and later fields are refused by the checker")]
    fn head(&self, kind: &FieldKind) -> Value<'_> {
        match kind {
            FieldKind::Method => Value::Text(Cow::Borrowed(self.method.as_str())),
            FieldKind::Host => text(Some(self.host().unwrap_or(""))),
            FieldKind::Path => Value::Text(Cow::Borrowed(self.accepted.path())),
            FieldKind::Query(key) => query(self.accepted.query(), key),
            FieldKind::Header(name) => {
                text(self.headers.get(&**name).and_then(|v| std::str::from_utf8(v.as_bytes()).ok()))
            }
            FieldKind::ClientIp => self.accepted.client_ip.map_or(Value::Absent, Value::Ip),
            FieldKind::ClientAuthenticated => Value::Bool(false),
            FieldKind::TimeClock => Value::Clock(clock(self.now)),
            FieldKind::TimeWeekday => Value::Weekday(weekday(self.now)),
            FieldKind::Api => text(Some(self.api())),
            FieldKind::LivePool(pool, metric) => {
                self.snapshot.pools.live_pool(*pool, *metric, tokio::time::Instant::now())
            }
            FieldKind::LiveEndpoint(endpoint, metric) => {
                self.snapshot.pools.live_endpoint(*endpoint, *metric, tokio::time::Instant::now())
            }
            // No identity provider is part of this build; the checker says so for policies that need one.
            _ => Value::Absent,
        }
    }

    fn host(&self) -> Option<&str> {
        let host = self.headers.get(header::HOST)?.to_str().ok()?;
        // Without the port; an IPv6 literal keeps its brackets.
        Some(match host.rfind(':') {
            Some(colon) if !host.ends_with(']') => host.get(..colon).unwrap_or(host),
            Some(_) | None => host,
        })
    }

    /// The API of a path that has no body to tell.
    fn api(&self) -> &'static str {
        match self.accepted.kind {
            Kind::Model(dialect) => dialect.api(),
            Kind::Models => "models",
            Kind::Preflight => "other",
            Kind::Other => {
                let path = self.accepted.path();
                let starts = |prefix: &str| path.starts_with(prefix);
                match () {
                    () if starts("/v1/images/") => "images",
                    () if starts("/v1/audio/") => "audio",
                    () if starts("/v1/files") => "files",
                    () if starts("/v1/batches") => "batches",
                    () if starts("/v1/moderations") => "moderations",
                    () if starts("/v1/realtime") => "realtime",
                    () if starts("/v1/responses") => "responses",
                    () if path.contains(":generateContent") || path.contains(":streamGenerateContent") => "generate",
                    () => "other",
                }
            }
        }
    }
}

impl Facts for RequestFacts<'_> {
    fn ready(&self, tier: Tier) -> bool {
        match tier {
            Tier::Head | Tier::Peek => true,
            Tier::Body | Tier::Tokens => self.body.as_ref().is_none_or(|body| body.opened.is_some()),
            Tier::Classifier => false,
        }
    }

    fn read<'a>(&'a self, field: &'a Field) -> Value<'a> {
        match (&self.body, field.tier) {
            (_, Tier::Head) => self.head(&field.kind),
            (Some(body), _) => body.read(&field.kind),
            (None, _) => Value::Absent,
        }
    }
}

fn text(value: Option<&str>) -> Value<'_> {
    value.map_or(Value::Absent, |text| Value::Text(Cow::Borrowed(text)))
}

/// Fields of an opened body.
#[expect(clippy::wildcard_enum_match_arm, reason = "the other fields are those of the head")]
fn opened<'a>(body: &'a Body, kind: &'a FieldKind) -> Value<'a> {
    match kind {
        FieldKind::Param(name) => body.param(name).map_or(Value::Absent, scalar),
        FieldKind::PromptSystem => text(body.system()),
        FieldKind::PromptUser => text(body.user()),
        FieldKind::PromptLast => text(body.last()),
        FieldKind::PromptAll => text(body.all()),
        FieldKind::PromptPrefix => text(body.prefix(PREFIX_BYTES)),
        FieldKind::PromptTurns => int(body.turns()),
        FieldKind::PromptRoles => Value::TextList(body.roles()),
        FieldKind::UsesTools => Value::Bool(body.uses_tools()),
        FieldKind::UsesImages => Value::Bool(body.uses_images()),
        FieldKind::UsesAudio => Value::Bool(body.uses_audio()),
        FieldKind::UsesJsonSchema => Value::Bool(body.uses_json_schema()),
        FieldKind::ToolNames => {
            let names = body.tool_names();
            if names.is_empty() { Value::Absent } else { Value::TextList(names) }
        }
        FieldKind::Meta(key) => body.meta(key).map_or(Value::Absent, Value::Text),
        FieldKind::Body(path) => {
            let steps: SmallVec<[PathStep<'_>; 8]> = path.iter().map(step).collect();
            match body.lookup(&steps) {
                Found::Absent => Value::Absent,
                Found::One(value) => scalar(value),
                Found::Many(values) => Value::TextList(values.into_iter().filter_map(as_text).collect()),
            }
        }
        FieldKind::TokensInput => Value::Int(i64::try_from(body.tokens_input()).unwrap_or(i64::MAX)),
        FieldKind::TokensWanted => Value::Int(i64::try_from(body.tokens_wanted()).unwrap_or(i64::MAX)),
        _ => Value::Absent,
    }
}

fn step(step: &BodyStep) -> PathStep<'_> {
    match step {
        BodyStep::Key(key) => PathStep::Key(key),
        BodyStep::Index(index) => PathStep::Index(*index),
        BodyStep::Each => PathStep::Each,
    }
}

/// A JSON value; containers are there, but nothing can be compared with them.
fn scalar(value: Scalar<'_>) -> Value<'_> {
    match value {
        Scalar::Null => Value::Absent,
        Scalar::Bool(b) => Value::Bool(b),
        Scalar::Int(n) => Value::Int(n),
        Scalar::Float(n) => Value::Float(n),
        Scalar::Text(text) => Value::Text(text),
        Scalar::Container => Value::TextList(Vec::new()),
    }
}

fn as_text(value: Scalar<'_>) -> Option<Cow<'_, str>> {
    match value {
        Scalar::Text(text) => Some(text),
        Scalar::Int(n) => Some(Cow::Owned(n.to_string())),
        Scalar::Bool(b) => Some(Cow::Borrowed(if b { "true" } else { "false" })),
        Scalar::Float(n) => Some(Cow::Owned(n.to_string())),
        Scalar::Null | Scalar::Container => None,
    }
}

fn int(n: usize) -> Value<'static> {
    Value::Int(i64::try_from(n).unwrap_or(i64::MAX))
}

/// The first value of a query key, percent-decoded (WHATWG URL, `application/x-www-form-urlencoded`).
fn query<'q>(query: &'q str, key: &str) -> Value<'q> {
    let decode = |part: &'q str| -> Option<Cow<'q, str>> {
        if !part.contains(['%', '+']) {
            return Some(Cow::Borrowed(part));
        }
        let mut out = Vec::with_capacity(part.len());
        let mut bytes = part.bytes();
        while let Some(b) = bytes.next() {
            out.push(match b {
                b'+' => b' ',
                b'%' => {
                    let high = char::from(bytes.next()?).to_digit(16)?;
                    let low = char::from(bytes.next()?).to_digit(16)?;
                    u8::try_from(high * 16 + low).ok()?
                }
                other => other,
            });
        }
        String::from_utf8(out).ok().map(Cow::Owned)
    };
    let found = query.split('&').find_map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(name)? == key).then(|| decode(value)).flatten()
    });
    found.map_or(Value::Absent, Value::Text)
}

fn unix_seconds(now: SystemTime) -> u64 {
    now.duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs())
}

/// Minutes of the day, UTC.
fn clock(now: SystemTime) -> u16 {
    u16::try_from(unix_seconds(now) % 86_400 / 60).unwrap_or(0)
}

/// 0 is Monday, UTC. 1970-01-01 was a Thursday.
fn weekday(now: SystemTime) -> u8 {
    u8::try_from((unix_seconds(now) / 86_400 + 3) % 7).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn query_values_are_decoded_and_absent_when_broken() {
        let read = |q: &'static str, k: &str| query(q, k);
        assert_eq!(read("a=1&b=x%20y+z", "b"), Value::Text("x y z".into()));
        assert_eq!(read("a=1", "c"), Value::Absent);
        assert_eq!(read("flag", "flag"), Value::Text("".into()));
        assert_eq!(read("a=%zz", "a"), Value::Absent);
        assert_eq!(read("a=%ff", "a"), Value::Absent);
        assert_eq!(read("%61=1", "a"), Value::Text("1".into()));
    }

    #[test]
    fn weekdays_and_minutes_of_known_instants() {
        // 2026-11-23 14:05:00 UTC was a Monday.
        let at = UNIX_EPOCH + Duration::from_secs(1_795_442_700);
        assert_eq!((weekday(at), clock(at)), (0, 14 * 60 + 5));
        assert_eq!((weekday(UNIX_EPOCH), clock(UNIX_EPOCH)), (3, 0));
    }
}
