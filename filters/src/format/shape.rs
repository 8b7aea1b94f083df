//! What a policy may do to a request before it is sent: model, parameters, system text. All as [`Edits`]: bytes that
//! nobody asked to change stay.
//!
//! Stage 5 of the policy language. Actions come in the order: set, then cap, then inject.

use bytes::Bytes;

use super::Dialect;
use super::peek::{Member, Peek};
use super::splice::Edits;
use super::stream::UsageAsked;
use crate::json::scan::{Kind, Scanner, Value, inside};
use crate::json::text;
use crate::span::Span;

/// Where a dialect's requests keep what policies touch.
#[derive(Debug)]
pub(crate) struct Layout {
    /// The member that holds the turns: objects with `role` and `content`.
    pub(crate) turns: Option<&'static str>,
    /// The member that holds plain text, or a list of it, from the user.
    pub(crate) plain: Option<&'static str>,
    /// Where system text goes.
    pub(crate) system: System,
    /// The members that mean `param.max_tokens`; the first one is inserted where there is none.
    pub(crate) max_tokens: &'static [&'static str],
}

/// Where system text goes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum System {
    /// Into the first of the turns, which is made if it is not a system turn.
    FirstTurn,
    /// Into a member of the top level: text, or a list of blocks.
    Member(&'static str),
    /// The dialect has none.
    Nowhere,
}

/// Why a request cannot be shaped as the policy says.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ShapeError {
    /// The dialect has no place for system text.
    #[error("`{0}` requests have no place for system text")]
    NoSystem(&'static str),
    /// The member that should hold the turns or the system text is something else.
    #[error("`{0}` has not the shape that the API wants")]
    Unexpected(&'static str),
}

/// Names of members that clients use where `param.max_tokens` is meant, whatever the dialect.
const MAX_TOKENS: &str = "max_tokens";

/// Sets the model.
pub fn set_model(edits: &mut Edits, model: &str) {
    edits.set_member("model", text::quote(model));
}

/// Makes a stream tell its usage, if this dialect tells it only when asked, and says who asked: what
/// [`Dialect::stream_reader`] wants to know. Leaves requests alone that do not stream.
pub fn ask_usage(edits: &mut Edits, dialect: Dialect, seen: &Peek) -> UsageAsked {
    let tells_when_asked = matches!(dialect, Dialect::OpenAiChat | Dialect::OpenAiCompletions);
    if !tells_when_asked || !seen.stream() || seen.include_usage() {
        return UsageAsked::AsClientSaid;
    }
    let Some(options) = seen.stream_options() else {
        edits.set_member("stream_options", r#"{"include_usage":true}"#);
        return UsageAsked::ByUs;
    };
    match (options.value.kind, options.include_usage) {
        (Kind::Object, Some(value)) => edits.replace(value.span, "true"),
        (Kind::Object, None) => {
            let inside = options.value.span.start + 1;
            let with = if options.is_empty { r#""include_usage":true"# } else { r#""include_usage":true,"# };
            edits.replace(Span { start: inside, end: inside }, with);
        }
        (Kind::Null, _) => edits.set_member("stream_options", r#"{"include_usage":true}"#),
        // Not what the API knows: the vendor says so better than we could.
        (Kind::True | Kind::False | Kind::Number | Kind::Plain | Kind::Escaped | Kind::Array, _) => {
            return UsageAsked::AsClientSaid;
        }
    }
    UsageAsked::ByUs
}

/// Sets `param.NAME` to a JSON value. `max_tokens` means the dialect's own member for it: every spelling that the
/// request uses is set, or the newest one where it uses none.
pub fn set_param(edits: &mut Edits, dialect: Dialect, seen: &Peek, body: &[u8], name: &str, json: &str) {
    let names = spellings(dialect, name);
    let mut is_set = false;
    for spelling in names.as_slice() {
        if seen.member(body, spelling).is_some() {
            edits.set_member(spelling, json.to_owned());
            is_set = true;
        }
    }
    if let (false, Some(first)) = (is_set, names.as_slice().first()) {
        edits.set_member(first, json.to_owned());
    }
}

/// Caps `param.NAME`: lowers a greater value, and replaces one that is no number (some servers take `"100000"`). Where
/// `max_tokens` is absent, which means no limit, the cap is stated; other parameters that are absent stay so, as their
/// defaults are modest and some models refuse to be told. Looks at what an earlier [`set_param`] has set.
pub fn cap_param(edits: &mut Edits, dialect: Dialect, seen: &Peek, body: &[u8], name: &str, cap: f64) {
    let names = spellings(dialect, name);
    let mut is_present = false;
    for spelling in names.as_slice() {
        let value = match (edits.member_set(spelling), seen.member(body, spelling)) {
            (Some(set), _) => number(set),
            (None, Some(member)) if member.value.kind != Kind::Null => number(member.value.span.of(body)),
            (None, Some(_) | None) => continue,
        };
        is_present = true;
        if value.is_none_or(|value| value > cap) {
            edits.set_member(spelling, json_number(cap));
        }
    }
    if let (false, Spellings::Dialect([first, ..])) = (is_present, names) {
        edits.set_member(first, json_number(cap));
    }
}

/// Puts system text in front of whatever system text the request has. Several texts become one, in order.
pub fn inject_system(
    edits: &mut Edits,
    dialect: Dialect,
    seen: &Peek,
    body: &[u8],
    texts: &[&str],
) -> Result<(), ShapeError> {
    let joined = texts.join("\n\n");
    let layout = dialect.format().layout();
    match layout.system {
        System::Nowhere => Err(ShapeError::NoSystem(dialect.api())),
        System::Member(name) => into_member(edits, seen, body, name, &joined),
        System::FirstTurn => {
            let name = layout.turns.unwrap_or_default();
            let turns = seen.member(body, name).filter(|turns| turns.value.kind == Kind::Array);
            into_first_turn(edits, body, turns.ok_or(ShapeError::Unexpected(name))?, &joined)
                .ok_or(ShapeError::Unexpected(name))
        }
    }
}

// --- parameters -------------------------------------------------------------------------------------------------

/// The members that a parameter's name means.
pub(crate) enum Spellings<'a> {
    Dialect(&'static [&'static str]),
    Itself([&'a str; 1]),
}

impl<'a> Spellings<'a> {
    pub(crate) fn as_slice(&self) -> &[&'a str] {
        match self {
            Self::Dialect(names) => names,
            Self::Itself(name) => name,
        }
    }
}

pub(crate) fn spellings(dialect: Dialect, name: &str) -> Spellings<'_> {
    let names = dialect.format().layout().max_tokens;
    if name == MAX_TOKENS || names.contains(&name) { Spellings::Dialect(names) } else { Spellings::Itself([name]) }
}

fn number(json: &[u8]) -> Option<f64> {
    let mut scan = Scanner::new(json);
    let value = scan.skip().ok().filter(|value| value.kind == Kind::Number)?;
    std::str::from_utf8(value.span.of(json)).ok()?.parse().ok()
}

fn json_number(number: f64) -> String {
    // `Display` of a float never writes an exponent, and whole numbers without a point: valid JSON as it is.
    number.to_string()
}

// --- system text ------------------------------------------------------------------------------------------------

fn into_member(
    edits: &mut Edits,
    seen: &Peek,
    body: &[u8],
    name: &'static str,
    system: &str,
) -> Result<(), ShapeError> {
    match seen.member(body, name) {
        Some(member) if member.value.kind != Kind::Null => {
            put_in_front(edits, body, member.value, system).ok_or(ShapeError::Unexpected(name))
        }
        Some(_) | None => {
            edits.set_member(name, text::quote(system));
            Ok(())
        }
    }
}

/// In front of the text of a string, or as the first block of a list. `None` if it is neither.
fn put_in_front(edits: &mut Edits, body: &[u8], value: Value, system: &str) -> Option<()> {
    let at = value.span.start + 1;
    let mut new = String::with_capacity(system.len() + 32);
    match value.kind {
        Kind::Plain | Kind::Escaped => {
            text::escape_into(system, &mut new);
            if value.span.len() > 2 {
                new.push_str("\\n\\n");
            }
        }
        Kind::Array => {
            new.push_str("{\"type\":\"text\",\"text\":");
            text::quote_into(system, &mut new);
            new.push('}');
            if !inside(body, value).trim_ascii().is_empty() {
                new.push(',');
            }
        }
        Kind::Null | Kind::True | Kind::False | Kind::Number | Kind::Object => return None,
    }
    edits.replace(Span { start: at, end: at }, Bytes::from(new));
    Some(())
}

/// Into the first turn if it is a system turn, else as a new first turn: many chat templates refuse a second system
/// turn, and one that is not the first.
fn into_first_turn(edits: &mut Edits, body: &[u8], turns: &Member, system: &str) -> Option<()> {
    let mut scan = Scanner::within(body, turns.value.span);
    scan.enter_array().ok()?;
    let has_turns = scan.next_item(true).ok()?;
    if has_turns && scan.kind().ok()? == Kind::Object {
        let mut is_system = false;
        let mut content = None;
        scan.members(|scan, key| {
            let value = scan.skip()?;
            match key {
                b"role" => is_system = matches!(inside(body, value), b"system" | b"developer"),
                b"content" => content = Some(value),
                _other => {}
            }
            Ok(())
        })
        .ok()?;
        if let (true, Some(content)) = (is_system, content.filter(|content| content.kind != Kind::Null)) {
            return put_in_front(edits, body, content, system);
        }
    }
    let at = turns.value.span.start + 1;
    let mut turn = String::from("{\"role\":\"system\",\"content\":");
    text::quote_into(system, &mut turn);
    turn.push_str(if has_turns { "}," } else { "}" });
    edits.replace(Span { start: at, end: at }, turn);
    Some(())
}
