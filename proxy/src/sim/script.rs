//! A checked script: what to answer to which request.
//!
//! Rules are read from the top; the first whose conditions hold decides. Counting (`nth`) is the only state. A
//! script that parses cannot fail while it plays.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::{HeaderName, HeaderValue, Method, StatusCode};

use super::asked::Asked;
pub(super) use super::script_file::{After, FaultKind, FileTool, FileUsage, UsageShape};
use super::script_file::{File, FileAnswer, FileFault, FileRule, FileWhen, Nth};

/// Longest script file, in bytes.
pub const SCRIPT_BYTES_MAX: usize = 1 << 20;
/// Most rules in a script.
pub const RULES_MAX: usize = 1_000;
/// Longest wait that a script may ask for, in milliseconds.
pub const WAIT_MS_MAX: u64 = 3_600_000;

/// What to answer to which request.
#[derive(Debug)]
pub struct Script {
    pub(super) models: Vec<String>,
    pub(super) rules: Vec<Rule>,
}

/// Why a script cannot be played.
#[derive(Debug, thiserror::Error)]
pub enum ScriptError {
    /// Larger than [`SCRIPT_BYTES_MAX`].
    #[error("the script has {bytes} bytes; at most {SCRIPT_BYTES_MAX} are read")]
    TooLarge {
        /// Its length.
        bytes: usize,
    },
    /// More than [`RULES_MAX`] rules.
    #[error("the script has {rules} rules; at most {RULES_MAX} are allowed")]
    TooManyRules {
        /// How many.
        rules: usize,
    },
    /// Not TOML, or a member that scripts do not have.
    #[error("the script does not parse: {0}")]
    Syntax(#[from] toml::de::Error),
    /// A rule that makes no sense.
    #[error("rule `{rule}`: {flaw}")]
    Rule {
        /// Its name, or its number from 1.
        rule: String,
        /// What is wrong with it.
        flaw: Flaw,
    },
}

/// What is wrong with a rule.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Flaw {
    /// Not a status of an answer.
    #[error("`{0}` is not an answer's status: use 200 to 599")]
    Status(u16),
    /// Not a header.
    #[error("`{0}` is not a header name, or its value has characters that headers may not have")]
    Header(String),
    /// Not a method.
    #[error("`{0}` is not a method")]
    Method(String),
    /// `nth` that no count satisfies.
    #[error("`nth` counts from 1 and its range must not be empty")]
    Nth,
    /// Two places for one fault.
    #[error("a fault has one place: keep one of `after_bytes`, `after_events`, `after_tokens`")]
    TwoPlaces,
    /// A fault that needs an answer which has begun.
    #[error("this fault happens inside an answer: add `after_bytes`, `after_events` or `after_tokens`")]
    NoPlace,
    /// A fault that needs event boundaries.
    #[error("this fault happens between events: use `after_events` or `after_tokens`, not `after_bytes`")]
    NotBytes,
    /// A refused connection has no answer in which something could happen later.
    #[error("a refused connection has no answer: remove the fault's place")]
    RefusedPlace,
    /// Several bodies.
    #[error("an answer has one content: keep one of `error`, `body`, `text`, `pieces`")]
    TwoContents,
    /// An answer before the body that depends on the body.
    #[error("an early answer is given before the body is read: it cannot depend on `model` or `stream`")]
    EarlyBody,
    /// Waiting for too long.
    #[error("`{0}` ms is longer than {WAIT_MS_MAX} ms")]
    Wait(u64),
    /// Pieces of no bytes.
    #[error("`chunk_bytes` must be at least 1")]
    EmptyChunks,
    /// Arguments that are not JSON.
    #[error("the arguments of tool `{0}` are not JSON")]
    Arguments(String),
}

/// One rule, with its own counter.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) name: String,
    when: When,
    /// Requests that satisfied everything but `nth`.
    seen: AtomicU64,
    /// Requests that this rule answered.
    pub(super) hits: AtomicU64,
    pub(super) answer: Answer,
}

#[derive(Debug)]
struct When {
    path: Option<String>,
    method: Option<Method>,
    model: Option<String>,
    endpoint: Option<String>,
    stream: Option<bool>,
    headers: Vec<(HeaderName, Option<String>)>,
    nth: Option<Nth>,
}

/// How a request is answered.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) content: Content,
    pub(super) tools: Vec<FileTool>,
    pub(super) usage: Option<FileUsage>,
    pub(super) usage_shape: UsageShape,
    pub(super) max_tokens_reached: bool,
    pub(super) pace: Pace,
    pub(super) fault: Option<Fault>,
    pub(super) early: bool,
    pub(super) after: After,
}

/// What the body says.
#[derive(Debug, Default)]
pub(super) enum Content {
    /// A friendly text about the request; an error in the vendor's shape when the status is one.
    #[default]
    Default,
    /// These bytes.
    Raw(String),
    /// An error with this message.
    Error(String),
    /// Text in these pieces.
    Pieces(Vec<String>),
}

/// How fast and in what pieces.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pace {
    pub(super) head: Duration,
    pub(super) body: Duration,
    pub(super) event: Duration,
    pub(super) chunk_bytes: Option<usize>,
}

/// What goes wrong, and where.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Fault {
    pub(super) kind: FaultKind,
    pub(super) place: Place,
    /// Between what was sent and the fault.
    pub(super) wait: Duration,
}

/// Where a fault happens.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Place {
    /// Before the head.
    Head,
    /// After so many body bytes.
    Bytes(usize),
    /// After so many events.
    Events(usize),
    /// After so many events that carry text or arguments.
    Tokens(usize),
}

// === impl Script ===

impl Script {
    /// Reads a script from TOML.
    ///
    /// # Errors
    /// When it is too large, is not TOML, has unknown members, or a rule contradicts itself.
    pub fn parse(text: &str) -> Result<Self, ScriptError> {
        if text.len() > SCRIPT_BYTES_MAX {
            return Err(ScriptError::TooLarge { bytes: text.len() });
        }
        let file: File = toml::from_str(text)?;
        if file.rules.len() > RULES_MAX {
            return Err(ScriptError::TooManyRules { rules: file.rules.len() });
        }
        let rules =
            file.rules.into_iter().enumerate().map(|(i, rule)| Rule::check(i, rule)).collect::<Result<_, _>>()?;
        Ok(Self { models: file.models.unwrap_or_else(default_models), rules })
    }

    /// The rule that decides, with its counters moved on; none when the default answer is due. Rules that answer
    /// before the body is read are asked apart from the others, and before them.
    pub(super) fn find(&self, asked: &Asked<'_>, early: bool) -> Option<&Rule> {
        let rule = self.rules.iter().find(|rule| rule.answer.early == early && rule.holds(asked))?;
        rule.hits.fetch_add(1, Ordering::Relaxed);
        Some(rule)
    }
}

impl Default for Script {
    fn default() -> Self {
        Self { models: default_models(), rules: Vec::new() }
    }
}

fn default_models() -> Vec<String> {
    vec!["sim".to_owned()]
}

// === impl Rule ===

impl Rule {
    fn check(index: usize, rule: FileRule) -> Result<Self, ScriptError> {
        let name = rule.name.unwrap_or_else(|| (index + 1).to_string());
        if rule.connection.early && (rule.when.model.is_some() || rule.when.stream.is_some()) {
            return Err(ScriptError::Rule { rule: name, flaw: Flaw::EarlyBody });
        }
        match (When::check(rule.when), Answer::check(rule.answer, &rule.pace, rule.fault, rule.connection)) {
            (Ok(when), Ok(answer)) => {
                Ok(Self { name, when, seen: AtomicU64::new(0), hits: AtomicU64::new(0), answer })
            }
            (Err(flaw), _) | (_, Err(flaw)) => Err(ScriptError::Rule { rule: name, flaw }),
        }
    }

    fn holds(&self, asked: &Asked<'_>) -> bool {
        if !self.when.holds(asked) {
            return false;
        }
        let count = self.seen.fetch_add(1, Ordering::Relaxed) + 1;
        self.when.nth.is_none_or(|nth| nth.holds(count))
    }
}

// === impl When ===

impl When {
    fn check(when: FileWhen) -> Result<Self, Flaw> {
        if when.nth.is_some_and(|nth| nth.from == 0 || nth.to.is_some_and(|to| to < nth.from)) {
            return Err(Flaw::Nth);
        }
        let method = match when.method {
            Some(name) => Some(Method::from_bytes(name.as_bytes()).map_err(|_| Flaw::Method(name))?),
            None => None,
        };
        let mut headers = Vec::with_capacity(when.header.len());
        for (name, value) in when.header {
            let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| Flaw::Header(name))?;
            headers.push((key, (value != "*").then_some(value)));
        }
        Ok(Self {
            path: when.path,
            method,
            model: when.model,
            endpoint: when.endpoint,
            stream: when.stream,
            headers,
            nth: when.nth,
        })
    }

    fn holds(&self, asked: &Asked<'_>) -> bool {
        self.path.as_deref().is_none_or(|want| path_matches(want, asked.path()))
            && self.method.as_ref().is_none_or(|want| want == asked.method)
            && self.model.as_deref().is_none_or(|want| asked.model.as_deref() == Some(want))
            && self.endpoint.as_deref().is_none_or(|want| asked.endpoint == Some(want))
            && self.stream.is_none_or(|want| want == asked.stream)
            && self.headers.iter().all(|(name, want)| match want {
                None => asked.headers.contains_key(name),
                Some(want) => asked.headers.get_all(name).iter().any(|got| got.as_bytes() == want.as_bytes()),
            })
    }
}

fn path_matches(want: &str, path: &str) -> bool {
    match want.strip_suffix('*') {
        Some(prefix) => path.starts_with(prefix),
        None => path == want,
    }
}

// === impl Answer ===

impl Answer {
    fn check(
        answer: FileAnswer,
        pace: &super::script_file::FilePace,
        fault: Option<FileFault>,
        connection: super::script_file::FileConnection,
    ) -> Result<Self, Flaw> {
        let status = answer.status.unwrap_or(200);
        let code = StatusCode::from_u16(status).ok().filter(|s| (200..=599).contains(&s.as_u16()));
        if let Some(tool) = answer.tools.iter().find(|tool| !is_json(&tool.arguments)) {
            return Err(Flaw::Arguments(tool.name.clone()));
        }
        Ok(Self {
            status: code.ok_or(Flaw::Status(status))?,
            headers: headers(&answer)?,
            content: Content::check(&answer)?,
            tools: answer.tools,
            usage: answer.usage,
            usage_shape: answer.usage_shape,
            max_tokens_reached: answer.max_tokens_reached,
            pace: Pace::check(pace)?,
            fault: fault.map(Fault::check).transpose()?,
            early: connection.early,
            after: connection.after,
        })
    }
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

fn headers(answer: &FileAnswer) -> Result<Vec<(HeaderName, HeaderValue)>, Flaw> {
    let retry_after = answer.retry_after.iter().map(|value| ("retry-after", value.as_str()));
    let written = answer.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    written
        .chain(retry_after)
        .map(|(name, value)| {
            let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| Flaw::Header(name.to_owned()))?;
            let value = HeaderValue::from_str(value).map_err(|_| Flaw::Header(name.to_owned()))?;
            Ok((key, value))
        })
        .collect()
}

impl Content {
    fn check(answer: &FileAnswer) -> Result<Self, Flaw> {
        match (&answer.error, &answer.body, &answer.text, &answer.pieces) {
            (None, None, None, None) if answer.tools.is_empty() => Ok(Self::Default),
            (None, None, None, None) => Ok(Self::Pieces(Vec::new())),
            (Some(message), None, None, None) => Ok(Self::Error(message.clone())),
            (None, Some(body), None, None) => Ok(Self::Raw(body.clone())),
            (None, None, Some(text), None) => Ok(Self::Pieces(words(text))),
            (None, None, None, Some(pieces)) => Ok(Self::Pieces(pieces.clone())),
            (_, _, _, _) => Err(Flaw::TwoContents),
        }
    }
}

/// A text cut behind its spaces: joined, the pieces are the text.
pub(super) fn words(text: &str) -> Vec<String> {
    text.split_inclusive(' ').map(str::to_owned).collect()
}

fn wait(ms: u64) -> Result<Duration, Flaw> {
    if ms > WAIT_MS_MAX { Err(Flaw::Wait(ms)) } else { Ok(Duration::from_millis(ms)) }
}

impl Pace {
    fn check(pace: &super::script_file::FilePace) -> Result<Self, Flaw> {
        if pace.chunk_bytes == Some(0) {
            return Err(Flaw::EmptyChunks);
        }
        Ok(Self {
            head: wait(pace.head_ms)?,
            body: wait(pace.body_ms)?,
            event: wait(pace.event_ms)?,
            chunk_bytes: pace.chunk_bytes,
        })
    }
}

impl Fault {
    fn check(fault: FileFault) -> Result<Self, Flaw> {
        let place = match (fault.after_bytes, fault.after_events, fault.after_tokens) {
            (None, None, None) => Place::Head,
            (Some(n), None, None) => Place::Bytes(n),
            (None, Some(n), None) => Place::Events(n),
            (None, None, Some(n)) => Place::Tokens(n),
            (_, _, _) => return Err(Flaw::TwoPlaces),
        };
        match (fault.kind, place) {
            (FaultKind::Refuse, Place::Bytes(_) | Place::Events(_) | Place::Tokens(_)) => Err(Flaw::RefusedPlace),
            (FaultKind::InvalidJson | FaultKind::ErrorEvent, Place::Bytes(_)) => Err(Flaw::NotBytes),
            (
                FaultKind::MalformedChunk | FaultKind::InvalidJson | FaultKind::ErrorEvent | FaultKind::Eof,
                Place::Head,
            ) => Err(Flaw::NoPlace),
            (kind, place) => Ok(Self { kind, place, wait: wait(fault.wait_ms)? }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_with_everything_parses() {
        let script = Script::parse(
            r#"
            models = ["a", "b"]
            [[rule]]
            name = "busy"
            when = { path = "/v1/*", method = "POST", model = "a", stream = true, endpoint = "e", nth = "1..2", header = { x-a = "*" } }
            answer = { status = 429, retry_after = "2", error = "too fast", headers = { x-b = "1" } }
            [[rule]]
            answer = { text = "one two", tools = [{ name = "f", arguments = '{"a":1}' }], usage_shape = "on_finish" }
            pace = { head_ms = 1, body_ms = 1, event_ms = 5, chunk_bytes = 3 }
            fault = { kind = "reset", after_tokens = 1, wait_ms = 4 }
            connection = { early = true, after = "dead" }
            "#,
        )
        .unwrap();
        assert_eq!(script.models, ["a", "b"]);
        assert_eq!(script.rules[0].name, "busy");
        assert_eq!(script.rules[1].name, "2");
        let fault = script.rules[1].answer.fault.unwrap();
        let wait = Duration::from_millis(4);
        assert_eq!(fault, Fault { kind: FaultKind::Reset, place: Place::Tokens(1), wait });
    }

    /// The annotated script is right, and names every key: whoever adds one documents it.
    #[test]
    fn the_annotated_script_names_every_key() {
        let annotated = include_str!("../../../conf/sim.toml");
        assert_eq!(Script::parse(annotated).unwrap().rules.len(), 4);
        let mirror = include_str!("script_file.rs");
        let keys = mirror.lines().filter_map(|line| line.trim().strip_prefix("pub(super) "));
        let keys: Vec<&str> =
            keys.filter_map(|line| Some(line.split_once(": ")?.0)).filter(|key| !key.contains(' ')).collect();
        assert!(keys.len() > 30, "{keys:?}");
        for key in keys.iter().filter(|key| !["from", "to", "rules"].contains(*key)) {
            let ways = [format!("{key} ="), format!("rule.{key}]"), format!("`{key}`")];
            assert!(ways.iter().any(|way| annotated.contains(way)), "`{key}` is missing in conf/sim.toml");
        }
    }

    #[test]
    fn flaws_are_named() {
        let cases = [
            ("answer = { status = 99 }", "`99` is not an answer's status"),
            ("answer = { headers = { \"a b\" = \"1\" } }", "`a b` is not a header name"),
            ("when = { method = \"G T\" }", "`G T` is not a method"),
            ("when = { nth = \"3..2\" }", "`nth` counts from 1"),
            ("when = { nth = 0 }", "`nth` counts from 1"),
            ("fault = { kind = \"reset\", after_bytes = 1, after_events = 1 }", "a fault has one place"),
            ("fault = { kind = \"eof\" }", "happens inside an answer"),
            ("fault = { kind = \"error_event\", after_bytes = 1 }", "between events"),
            ("fault = { kind = \"refuse\", after_bytes = 1 }", "refused connection has no answer"),
            ("when = { model = \"m\" }\nconnection = { early = true }", "before the body is read"),
            ("answer = { text = \"a\", body = \"b\" }", "one content"),
            ("pace = { head_ms = 3600001 }", "longer than"),
            ("pace = { chunk_bytes = 0 }", "at least 1"),
            ("answer = { tools = [{ name = \"f\", arguments = \"{\" }] }", "tool `f` are not JSON"),
        ];
        for (line, message) in cases {
            let error = Script::parse(&format!("[[rule]]\n{line}\n")).unwrap_err().to_string();
            assert!(error.starts_with("rule `1`: ") && error.contains(message), "{line}: {error}");
        }
    }

    #[test]
    fn unknown_members_are_refused_with_their_place() {
        let error = Script::parse("[[rule]]\nanswer = { statsu = 200 }\n").unwrap_err().to_string();
        assert!(error.contains("statsu") && error.contains("line 2"), "{error}");
    }

    #[test]
    fn limits_hold() {
        assert!(matches!(Script::parse(&"#".repeat(SCRIPT_BYTES_MAX + 1)), Err(ScriptError::TooLarge { .. })));
        assert!(matches!(
            Script::parse(&"[[rule]]\n".repeat(RULES_MAX + 1)),
            Err(ScriptError::TooManyRules { rules }) if rules == RULES_MAX + 1
        ));
    }

    #[test]
    fn pieces_of_a_text_are_the_text() {
        for text in ["", "one", "one two  three ", " "] {
            assert_eq!(words(text).concat(), text);
        }
    }
}
