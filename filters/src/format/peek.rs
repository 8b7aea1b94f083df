//! One pass over a request body: is it JSON that only one reading fits, and where are its members?
//!
//! What comes out is spans, so that [`super::splice`] can change a member and leave every other byte alone. What is
//! refused is everything on which two parsers could disagree about a member that a policy judged: duplicate
//! keys (also `"mod\u0065l"`), look-alikes of judged keys in another case (Go's `encoding/json` takes `"Model"` for
//! `model`), a byte order mark, bytes that are not UTF-8, trailing data. Values deeper down are validated, not
//! judged: [`super::body`] looks there when a policy asks.

use smallvec::SmallVec;

use crate::json::scan::{JsonError, JsonErrorKind, Kind, Scanner, Value, inside};
use crate::json::text;
use crate::span::Span;

/// Most members that a body may have at its top level; model APIs know some forty.
pub const MEMBERS_MAX: usize = 128;

/// Longest key at the top level, in bytes as written with its quotes.
pub const KEY_BYTES_MAX: usize = 256;

/// Keys that policies or the gateway itself read or write at the top level, in the spelling of the vendors.
const JUDGED_KEYS: &[&str] = &[
    "model",
    "stream",
    "stream_options",
    "messages",
    "input",
    "prompt",
    "system",
    "instructions",
    "tools",
    "max_tokens",
    "max_completion_tokens",
    "max_output_tokens",
    "temperature",
    "top_p",
    "n",
    "metadata",
    "response_format",
    "text",
    "functions",
];

/// Why a body is refused. All of them are the client's fault: 400.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PeekError {
    /// Not JSON.
    #[error("the body is not valid JSON: {0}")]
    Json(#[from] JsonError),
    /// JSON, but not an object.
    #[error("the body must be a JSON object (byte {offset})")]
    NotAnObject {
        /// Where something else begins.
        offset: u32,
    },
    /// A byte order mark in front.
    #[error("the body begins with a byte order mark; send plain UTF-8")]
    ByteOrderMark,
    /// A key stands twice in one object, perhaps in other case or with escapes.
    #[error("a key stands twice in one object, again at byte {offset}; send it once")]
    DuplicateKey {
        /// The second one's opening quote.
        offset: u32,
    },
    /// A key differs only by case from one that policies judge.
    #[error("the key at byte {offset} differs only by case from one the API knows; spell it in lower case")]
    LookalikeKey {
        /// Its opening quote.
        offset: u32,
    },
    /// A key at the top level longer than [`KEY_BYTES_MAX`].
    #[error("the key at byte {offset} is longer than {KEY_BYTES_MAX} bytes")]
    KeyTooLong {
        /// Its opening quote.
        offset: u32,
    },
    /// More than [`MEMBERS_MAX`] members.
    #[error("the body has more than {MEMBERS_MAX} members at its top level (byte {offset})")]
    TooManyMembers {
        /// The first one too many.
        offset: u32,
    },
}

impl PeekError {
    /// The first byte that is wrong.
    pub fn offset(&self) -> u32 {
        match *self {
            Self::Json(JsonError { offset, .. })
            | Self::NotAnObject { offset }
            | Self::DuplicateKey { offset }
            | Self::LookalikeKey { offset }
            | Self::KeyTooLong { offset }
            | Self::TooManyMembers { offset } => offset,
            Self::ByteOrderMark => 0,
        }
    }
}

/// A member of the body's top level.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Member {
    /// Its key, quotes included.
    pub key: Value,
    /// Its value.
    pub value: Value,
}

/// `stream_options`, as far as the gateway cares.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct StreamOptions {
    /// Its value in the body.
    pub value: Value,
    /// Whether it has no member (or is not an object).
    pub is_empty: bool,
    /// Its `include_usage`.
    pub include_usage: Option<Value>,
}

/// What one pass over a request body found. Its spans count from the start of that body.
#[derive(Clone, Debug)]
pub struct Peek {
    object: Span,
    members: SmallVec<[Member; 16]>,
    model: Option<Box<str>>,
    stream: bool,
    stream_options: Option<StreamOptions>,
}

/// Looks over a request body. Time is linear in its length, memory bounded by [`MEMBERS_MAX`] and the model's name.
pub fn peek(body: &[u8]) -> Result<Peek, PeekError> {
    if body.starts_with(BYTE_ORDER_MARK) {
        return Err(PeekError::ByteOrderMark);
    }
    let mut scan = Scanner::new(body);
    if u32::try_from(body.len()).is_err() {
        return Err(scan.error(JsonErrorKind::Length).into());
    }
    if scan.kind()? != Kind::Object {
        let offset = Span::new(scan.offset(), 0).start;
        scan.skip()?;
        scan.end()?;
        return Err(PeekError::NotAnObject { offset });
    }
    let mut seen = Peek::default();
    let open = scan.enter_object()?;
    // A body that is not JSON is told so, whatever its keys are: a bad key is kept until the end.
    let mut bad_key = None;
    let mut first = true;
    while let Some(key) = scan.next_key(first)? {
        first = false;
        let member = Member { key, value: scan.skip()? };
        if bad_key.is_none() {
            bad_key = seen.take(body, member).err();
        }
    }
    seen.object = Span::new(open, scan.offset());
    scan.end()?;
    match bad_key {
        Some(error) => Err(error),
        None => seen.look_inside(body),
    }
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

// === impl Peek ===

impl Peek {
    /// The model asked for, escapes decoded; `None` if there is none or it is not a string.
    pub fn model(&self) -> Option<&str> {
        self.model.as_deref()
    }

    /// Whether `stream` is `true`.
    pub fn stream(&self) -> bool {
        self.stream
    }

    /// `stream_options`, if the body has it.
    pub fn stream_options(&self) -> Option<&StreamOptions> {
        self.stream_options.as_ref()
    }

    /// Whether the client asked for a usage chunk: `stream_options.include_usage` is `true`.
    pub fn include_usage(&self) -> bool {
        self.stream_options.and_then(|options| options.include_usage).is_some_and(|value| value.kind == Kind::True)
    }

    /// All members in their order.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// The member of this name, in `body`, the body that was peeked at.
    pub fn member(&self, body: &[u8], name: &str) -> Option<&Member> {
        self.members.iter().find(|member| key_is(body, member.key, name))
    }

    /// The body's object, braces included.
    pub fn object(&self) -> Span {
        self.object
    }

    fn take(&mut self, body: &[u8], member: Member) -> Result<(), PeekError> {
        let offset = member.key.span.start;
        if self.members.len() >= MEMBERS_MAX {
            return Err(PeekError::TooManyMembers { offset });
        }
        if member.key.span.len() > KEY_BYTES_MAX {
            return Err(PeekError::KeyTooLong { offset });
        }
        if self.members.iter().any(|other| same_folded(body, other.key, member.key)) {
            return Err(PeekError::DuplicateKey { offset });
        }
        if is_lookalike(body, member.key, JUDGED_KEYS) {
            return Err(PeekError::LookalikeKey { offset });
        }
        self.members.push(member);
        Ok(())
    }

    /// Reads the members that the gateway itself needs. The body is known to be good JSON by now.
    fn look_inside(mut self, body: &[u8]) -> Result<Self, PeekError> {
        self.model =
            self.member(body, "model").and_then(|model| text::decode(body, model.value)).map(|text| text.into());
        self.stream = self.member(body, "stream").is_some_and(|stream| stream.value.kind == Kind::True);
        if let Some(&Member { value, .. }) = self.member(body, "stream_options") {
            self.stream_options = Some(StreamOptions::read(body, value)?);
        }
        Ok(self)
    }
}

impl Default for Peek {
    fn default() -> Self {
        Self { object: Span::default(), members: SmallVec::new(), model: None, stream: false, stream_options: None }
    }
}

// === impl StreamOptions ===

impl StreamOptions {
    fn read(body: &[u8], value: Value) -> Result<Self, PeekError> {
        let mut options = Self { value, is_empty: true, include_usage: None };
        if value.kind != Kind::Object {
            return Ok(options);
        }
        let mut scan = Scanner::within(body, value.span);
        scan.enter_object()?;
        while let Some(key) = scan.next_key(options.is_empty)? {
            options.is_empty = false;
            let member = scan.skip()?;
            if same_folded_as(body, key, "include_usage") {
                let offset = key.span.start;
                if options.include_usage.is_some() {
                    return Err(PeekError::DuplicateKey { offset });
                }
                if !key_is(body, key, "include_usage") {
                    return Err(PeekError::LookalikeKey { offset });
                }
                options.include_usage = Some(member);
            }
        }
        Ok(options)
    }
}

// --- keys -----------------------------------------------------------------------------------------------------

/// Whether `key` of `body` is exactly `name`.
pub(crate) fn key_is(body: &[u8], key: Value, name: &str) -> bool {
    if key.kind == Kind::Plain {
        return inside(body, key) == name.as_bytes();
    }
    text::decode(body, key).is_some_and(|text| text == name)
}

/// Whether two keys are one to a reader that ignores case.
fn same_folded(body: &[u8], one: Value, other: Value) -> bool {
    match (simple(body, one), simple(body, other)) {
        (Some(one), Some(other)) => one.eq_ignore_ascii_case(other),
        (None, _) | (_, None) => folded(body, one) == folded(body, other),
    }
}

fn same_folded_as(body: &[u8], key: Value, name: &str) -> bool {
    match simple(body, key) {
        Some(key) => key.eq_ignore_ascii_case(name.as_bytes()),
        None => folded(body, key) == name,
    }
}

/// Whether a key is not one of `names`, and yet is to a reader that ignores case.
pub(crate) fn is_lookalike(body: &[u8], key: Value, names: &[&str]) -> bool {
    names.iter().any(|name| same_folded_as(body, key, name)) && !names.iter().any(|name| key_is(body, key, name))
}

/// The key's bytes if they are plain ASCII without escapes.
fn simple(body: &[u8], key: Value) -> Option<&[u8]> {
    Some(inside(body, key)).filter(|bytes| key.kind == Kind::Plain && bytes.is_ascii())
}

/// The key as the loosest known reader compares it: Go's `encoding/json` folds simple cases, under which the Kelvin
/// sign is a `k` and the long s an `s` (<https://pkg.go.dev/encoding/json#Unmarshal>).
fn folded(body: &[u8], key: Value) -> String {
    let fold = |c: char| match c {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        other => other.to_ascii_lowercase(),
    };
    text::decode(body, key).map(|text| text.chars().map(fold).collect()).unwrap_or_default()
}
