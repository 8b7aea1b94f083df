//! A validating pull scanner over JSON text: enter, look, skip.
//!
//! The work on long bodies is the skipping of long strings, so that is what is fast (`plain`), and UTF-8 is checked in a
//! second pass, only over bodies that hold a byte above 127. Nothing recurses: the kinds of the open containers are bits of a
//! `u128`, which is also why depth ends at [`DEPTH_MAX`].
//!
//! Accepts what `serde_json` accepts as a `Value`, no more and no less, except that depth may be 128 and not 127.

use super::plain::plain_run;
use crate::span::Span;

/// Deepest nesting of objects and arrays.
pub const DEPTH_MAX: u32 = 128;

/// Why a text is not JSON, and where.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{kind} at byte {offset}")]
pub struct JsonError {
    /// What is wrong.
    pub kind: JsonErrorKind,
    /// The first byte that is wrong, counted from the start of the text.
    pub offset: u32,
}

/// What is wrong with a text that should be JSON.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonErrorKind {
    /// Ended inside a value.
    #[error("unexpected end")]
    End,
    /// A byte that cannot stand there.
    #[error("unexpected byte")]
    Byte,
    /// An unescaped control character in a string.
    #[error("control character in a string")]
    Control,
    /// An escape that JSON does not have.
    #[error("invalid escape")]
    Escape,
    /// `\ud800` without its other half.
    #[error("unpaired surrogate escape")]
    Surrogate,
    /// A number that JSON does not have, such as `01`.
    #[error("invalid number")]
    Number,
    /// A number above what a 64-bit float holds, such as `1e400`.
    #[error("number out of range")]
    Range,
    /// Nested deeper than [`DEPTH_MAX`].
    #[error("nested deeper than {DEPTH_MAX}")]
    Depth,
    /// Not UTF-8.
    #[error("invalid UTF-8")]
    Utf8,
    /// Something stands after the value.
    #[error("trailing data")]
    Trailing,
    /// Longer than offsets of 32 bits reach.
    #[error("longer than 4 GiB")]
    Length,
}

/// What a value is.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Kind {
    /// `null`
    Null,
    /// `true`
    True,
    /// `false`
    False,
    /// A number.
    Number,
    /// A string without escapes: its text is its bytes between the quotes.
    Plain,
    /// A string with at least one escape.
    Escaped,
    /// An object.
    Object,
    /// An array.
    Array,
}

impl Kind {
    /// Whether it is a string, with or without escapes.
    pub fn is_string(self) -> bool {
        matches!(self, Self::Plain | Self::Escaped)
    }
}

/// A value that was passed over: what it is and where, quotes and brackets included.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Value {
    /// What it is.
    pub kind: Kind,
    /// Where it is.
    pub span: Span,
}

/// The scanner. Every method leaves it behind what it read, or returns an error after which it is of no use.
#[derive(Clone, Debug)]
pub struct Scanner<'b> {
    bytes: &'b [u8],
    pos: usize,
    depth: u32,
    non_ascii: bool,
}

// === impl Scanner ===

impl<'b> Scanner<'b> {
    /// At the start of `bytes`.
    pub fn new(bytes: &'b [u8]) -> Self {
        Self { bytes, pos: 0, depth: 0, non_ascii: false }
    }

    /// At `span` of `bytes`; the text ends where the span ends, offsets count from the start of `bytes`.
    pub fn within(bytes: &'b [u8], span: Span) -> Self {
        let range = span.range();
        Self { bytes: bytes.get(..range.end).unwrap_or(bytes), pos: range.start, depth: 0, non_ascii: false }
    }

    /// Offset of the next byte.
    pub fn offset(&self) -> usize {
        self.pos
    }

    /// The text.
    pub fn bytes(&self) -> &'b [u8] {
        self.bytes
    }

    /// Enters the object that comes next, and gives the offset of its `{`.
    pub fn enter_object(&mut self) -> Result<usize, JsonError> {
        self.enter(b'{')
    }

    /// Enters the array that comes next, and gives the offset of its `[`.
    pub fn enter_array(&mut self) -> Result<usize, JsonError> {
        self.enter(b'[')
    }

    /// The next key of the entered object, colon passed; `None` behind its `}`. `first` is true for the first call.
    pub fn next_key(&mut self, first: bool) -> Result<Option<Value>, JsonError> {
        if !self.next_part(first, b'}')? {
            return Ok(None);
        }
        if self.byte() != Some(b'"') {
            return Err(self.unexpected());
        }
        let key = self.string()?;
        self.space();
        self.expect(b':')?;
        Ok(Some(key))
    }

    /// Whether the entered array has another item, whose value comes next; `false` behind its `]`.
    pub fn next_item(&mut self, first: bool) -> Result<bool, JsonError> {
        self.next_part(first, b']')
    }

    /// Walks the object that comes next: `see` is called behind every key, with the key's text, and must pass over the
    /// value.
    pub fn members<F>(&mut self, mut see: F) -> Result<(), JsonError>
    where
        F: FnMut(&mut Self, &[u8]) -> Result<(), JsonError>,
    {
        self.enter_object()?;
        let mut first = true;
        while let Some(key) = self.next_key(first)? {
            first = false;
            if key.kind == Kind::Plain {
                see(self, inside(self.bytes, key))?;
            } else {
                let text = super::text::decode(self.bytes, key).unwrap_or_default();
                see(self, text.as_bytes())?;
            }
        }
        Ok(())
    }

    /// Walks the array that comes next: `see` is called before every item, and must pass over it.
    pub fn items<F>(&mut self, mut see: F) -> Result<(), JsonError>
    where
        F: FnMut(&mut Self) -> Result<(), JsonError>,
    {
        self.enter_array()?;
        let mut first = true;
        while self.next_item(first)? {
            first = false;
            see(self)?;
        }
        Ok(())
    }

    /// The kind of the value that comes next, which stays ahead; strings count as [`Kind::Plain`].
    pub fn kind(&mut self) -> Result<Kind, JsonError> {
        self.space();
        match self.byte() {
            Some(b'{') => Ok(Kind::Object),
            Some(b'[') => Ok(Kind::Array),
            Some(b'"') => Ok(Kind::Plain),
            Some(b't') => Ok(Kind::True),
            Some(b'f') => Ok(Kind::False),
            Some(b'n') => Ok(Kind::Null),
            Some(b'-' | b'0'..=b'9') => Ok(Kind::Number),
            Some(_) | None => Err(self.unexpected()),
        }
    }

    /// Passes over the value that comes next, whatever it is.
    pub fn skip(&mut self) -> Result<Value, JsonError> {
        match self.kind()? {
            Kind::Object | Kind::Array => self.container(),
            Kind::Plain | Kind::Escaped => self.string(),
            Kind::True => self.literal(b"true", Kind::True),
            Kind::False => self.literal(b"false", Kind::False),
            Kind::Null => self.literal(b"null", Kind::Null),
            Kind::Number => self.number(),
        }
    }

    /// Passes over the value that comes next and tells whether it says nothing: `null`, `""`, `[]`, `{}`.
    pub fn skip_blank(&mut self) -> Result<bool, JsonError> {
        let value = self.skip()?;
        Ok(match value.kind {
            Kind::Null => true,
            Kind::Plain => value.span.len() <= 2,
            Kind::Object | Kind::Array => inside(self.bytes, value).trim_ascii().is_empty(),
            Kind::Escaped | Kind::True | Kind::False | Kind::Number => false,
        })
    }

    /// Passes over the value that comes next: the inside of a string without escapes, nothing of anything else.
    pub fn word(&mut self) -> Result<&'b [u8], JsonError> {
        let value = self.skip()?;
        Ok(if value.kind == Kind::Plain { inside(self.bytes, value) } else { &[] })
    }

    /// Says that the text ends here: only white space is left, and all of it was UTF-8.
    pub fn end(&mut self) -> Result<(), JsonError> {
        self.space();
        if self.pos < self.bytes.len() {
            return Err(self.error(JsonErrorKind::Trailing));
        }
        self.utf8()
    }

    /// Says that what was passed over was UTF-8.
    pub fn utf8(&self) -> Result<(), JsonError> {
        if !self.non_ascii || simdutf8::basic::from_utf8(self.bytes).is_ok() {
            return Ok(());
        }
        match std::str::from_utf8(self.bytes) {
            Ok(_) => Ok(()),
            Err(bad) => Err(self.error_at(JsonErrorKind::Utf8, bad.valid_up_to())),
        }
    }

    /// An error at the next byte.
    pub(crate) fn error(&self, kind: JsonErrorKind) -> JsonError {
        self.error_at(kind, self.pos)
    }

    fn error_at(&self, kind: JsonErrorKind, offset: usize) -> JsonError {
        let offset = u32::try_from(offset.min(self.bytes.len())).unwrap_or(u32::MAX);
        JsonError { kind, offset }
    }

    fn unexpected(&self) -> JsonError {
        self.error(if self.pos < self.bytes.len() { JsonErrorKind::Byte } else { JsonErrorKind::End })
    }

    #[inline]
    fn byte(&self) -> Option<u8> {
        self.bytes.get(self.pos).copied()
    }

    #[inline]
    fn space(&mut self) {
        while let Some(b' ' | b'\n' | b'\t' | b'\r') = self.byte() {
            self.pos += 1;
        }
    }

    fn expect(&mut self, byte: u8) -> Result<(), JsonError> {
        if self.byte() != Some(byte) {
            return Err(self.unexpected());
        }
        self.pos += 1;
        Ok(())
    }

    fn enter(&mut self, open: u8) -> Result<usize, JsonError> {
        self.space();
        let at = self.pos;
        self.expect(open)?;
        if self.depth >= DEPTH_MAX {
            return Err(self.error_at(JsonErrorKind::Depth, at));
        }
        self.depth += 1;
        Ok(at)
    }

    /// The comma or the close of an entered container.
    fn next_part(&mut self, first: bool, close: u8) -> Result<bool, JsonError> {
        self.space();
        if self.byte() == Some(close) {
            self.pos += 1;
            self.depth = self.depth.saturating_sub(1);
            return Ok(false);
        }
        if !first {
            self.expect(b',')?;
            self.space();
        }
        Ok(true)
    }

    fn literal(&mut self, word: &[u8], kind: Kind) -> Result<Value, JsonError> {
        let start = self.pos;
        for &byte in word {
            self.expect(byte)?;
        }
        Ok(Value { kind, span: Span::new(start, self.pos) })
    }

    /// Passes over an object or array with everything in it, without recursion.
    fn container(&mut self) -> Result<Value, JsonError> {
        let start = self.pos;
        let kind = if self.byte() == Some(b'{') { Kind::Object } else { Kind::Array };
        let outside = self.depth;
        // INVARIANT: bit 0 tells whether the innermost open container is an object. At most `DEPTH_MAX` are open.
        let mut open_kinds: u128 = 0;
        let mut first = true;
        loop {
            if first {
                let is_object = self.byte() == Some(b'{');
                self.enter(if is_object { b'{' } else { b'[' })?;
                open_kinds = open_kinds << 1 | u128::from(is_object);
            }
            let is_object = open_kinds & 1 == 1;
            let more = if is_object { self.next_key(first)?.is_some() } else { self.next_item(first)? };
            first = false;
            if more {
                match self.kind()? {
                    Kind::Object | Kind::Array => first = true,
                    Kind::Plain | Kind::Escaped | Kind::True | Kind::False | Kind::Null | Kind::Number => {
                        self.skip_scalar()?;
                    }
                }
            } else {
                open_kinds >>= 1;
                if self.depth == outside {
                    return Ok(Value { kind, span: Span::new(start, self.pos) });
                }
            }
        }
    }

    fn skip_scalar(&mut self) -> Result<(), JsonError> {
        match self.byte() {
            Some(b'"') => self.string(),
            Some(b't') => self.literal(b"true", Kind::True),
            Some(b'f') => self.literal(b"false", Kind::False),
            Some(b'n') => self.literal(b"null", Kind::Null),
            Some(_) | None => self.number(),
        }
        .map(drop)
    }

    fn number(&mut self) -> Result<Value, JsonError> {
        let start = self.pos;
        if self.byte() == Some(b'-') {
            self.pos += 1;
        }
        let first_digit = self.byte();
        let whole = self.digits()?;
        if whole > 1 && first_digit == Some(b'0') {
            return Err(self.error_at(JsonErrorKind::Number, start));
        }
        let mut may_overflow = whole > F64_DIGITS_SAFE;
        if self.byte() == Some(b'.') {
            self.pos += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.byte() {
            self.pos += 1;
            if let Some(b'+' | b'-') = self.byte() {
                self.pos += 1;
            }
            self.digits()?;
            may_overflow = true;
        }
        let span = Span::new(start, self.pos);
        if may_overflow && !number_is_finite(span.of(self.bytes)) {
            return Err(self.error_at(JsonErrorKind::Range, start));
        }
        Ok(Value { kind: Kind::Number, span })
    }

    /// One digit or more; how many.
    fn digits(&mut self) -> Result<usize, JsonError> {
        let start = self.pos;
        while let Some(b'0'..=b'9') = self.byte() {
            self.pos += 1;
        }
        match self.pos - start {
            0 if self.pos >= self.bytes.len() => Err(self.error(JsonErrorKind::End)),
            0 => Err(self.error(JsonErrorKind::Number)),
            count => Ok(count),
        }
    }

    /// A string whose opening quote comes next.
    fn string(&mut self) -> Result<Value, JsonError> {
        let start = self.pos;
        let mut kind = Kind::Plain;
        self.pos += 1;
        loop {
            let ahead = self.bytes.get(self.pos..).unwrap_or_default();
            let plain = plain_run(ahead, &mut self.non_ascii);
            self.pos += plain;
            match ahead.get(plain) {
                Some(b'"') => {
                    self.pos += 1;
                    return Ok(Value { kind, span: Span::new(start, self.pos) });
                }
                Some(b'\\') => {
                    kind = Kind::Escaped;
                    self.escape()?;
                }
                Some(_) => return Err(self.error(JsonErrorKind::Control)),
                None => return Err(self.error(JsonErrorKind::End)),
            }
        }
    }

    /// An escape whose backslash comes next.
    fn escape(&mut self) -> Result<(), JsonError> {
        let start = self.pos;
        self.pos += 1;
        match self.byte() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.pos += 1,
            Some(b'u') => {
                let unit = self.unicode_escape()?;
                if (0xdc00..=0xdfff).contains(&unit) {
                    return Err(self.error_at(JsonErrorKind::Surrogate, start));
                }
                if (0xd800..=0xdbff).contains(&unit) {
                    if self.bytes.get(self.pos..self.pos + 2) != Some(b"\\u") {
                        return Err(self.error_at(JsonErrorKind::Surrogate, start));
                    }
                    self.pos += 1;
                    if !(0xdc00..=0xdfff).contains(&self.unicode_escape()?) {
                        return Err(self.error_at(JsonErrorKind::Surrogate, start));
                    }
                }
            }
            Some(_) => return Err(self.error(JsonErrorKind::Escape)),
            None => return Err(self.error(JsonErrorKind::End)),
        }
        Ok(())
    }

    /// `uXXXX`, the `u` next.
    fn unicode_escape(&mut self) -> Result<u32, JsonError> {
        self.pos += 1;
        let mut unit = 0;
        for _ in 0..4 {
            let Some(byte) = self.byte() else { return Err(self.error(JsonErrorKind::End)) };
            let Some(digit) = char::from(byte).to_digit(16) else { return Err(self.error(JsonErrorKind::Escape)) };
            unit = unit << 4 | digit;
            self.pos += 1;
        }
        Ok(unit)
    }
}

/// The bytes between the first and the last byte of a value: a string's quotes, a container's brackets.
pub(crate) fn inside(body: &[u8], value: Value) -> &[u8] {
    let range = value.span.range();
    body.get(range.start + 1..range.end.saturating_sub(1)).unwrap_or_default()
}

/// Integers of so many digits are below `f64::MAX` whatever the digits are.
const F64_DIGITS_SAFE: usize = 308;

fn number_is_finite(text: &[u8]) -> bool {
    std::str::from_utf8(text).ok().and_then(|text| text.parse::<f64>().ok()).is_some_and(f64::is_finite)
}
