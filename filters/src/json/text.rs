//! String escapes: text out of JSON and text into it.

use std::borrow::Cow;
use std::str::Chars;

use super::scan::{Kind, Value};

/// The text of a string value that a [`super::scan::Scanner`] passed over in `body`; `None` if it is not a string.
pub fn decode<'b>(body: &'b [u8], value: Value) -> Option<Cow<'b, str>> {
    let range = value.span.range();
    let inner = body.get(range.start + 1..range.end.saturating_sub(1))?;
    match value.kind {
        Kind::Plain => std::str::from_utf8(inner).ok().map(Cow::Borrowed),
        Kind::Escaped => {
            let mut text = String::with_capacity(inner.len());
            unescape_into(std::str::from_utf8(inner).ok()?, &mut text);
            Some(Cow::Owned(text))
        }
        Kind::Null | Kind::True | Kind::False | Kind::Number | Kind::Object | Kind::Array => None,
    }
}

/// The characters of a string's inside, without a copy. Halves of a pair that are alone, which no scanner lets through,
/// become U+FFFD.
#[derive(Clone, Debug)]
pub(crate) struct Decoded<'s>(Chars<'s>);

impl<'s> Decoded<'s> {
    /// Of the bytes between the quotes; those that are not UTF-8, which no scanner lets through, count as none.
    pub(crate) fn new(inner: &'s [u8]) -> Self {
        Self(std::str::from_utf8(inner).unwrap_or_default().chars())
    }
}

impl Iterator for Decoded<'_> {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        match self.0.next()? {
            '\\' => unescape(&mut self.0),
            plain => Some(plain),
        }
    }
}

/// Appends the text of a string's inside to `text`.
fn unescape_into(inner: &str, text: &mut String) {
    let mut rest = inner;
    while let Some((plain, escape)) = rest.split_once('\\') {
        text.push_str(plain);
        let mut chars = escape.chars();
        text.extend(unescape(&mut chars));
        rest = chars.as_str();
    }
    text.push_str(rest);
}

/// What stands for the escape behind a backslash.
fn unescape(chars: &mut Chars<'_>) -> Option<char> {
    Some(match chars.next()? {
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'u' => unicode(chars),
        itself => itself,
    })
}

fn unicode(chars: &mut Chars<'_>) -> char {
    let unit = hex4(chars);
    if !(0xd800..=0xdbff).contains(&unit) {
        return char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER);
    }
    let mut ahead = chars.clone();
    if (ahead.next(), ahead.next()) != (Some('\\'), Some('u')) {
        return char::REPLACEMENT_CHARACTER;
    }
    let low = hex4(&mut ahead);
    if !(0xdc00..=0xdfff).contains(&low) {
        return char::REPLACEMENT_CHARACTER;
    }
    *chars = ahead;
    char::from_u32(0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00)).unwrap_or(char::REPLACEMENT_CHARACTER)
}

fn hex4(chars: &mut Chars<'_>) -> u32 {
    chars.by_ref().take(4).fold(0, |unit, digit| unit << 4 | digit.to_digit(16).unwrap_or(0))
}

/// `text` as a JSON string, quotes included.
pub fn quote(text: &str) -> String {
    let mut json = String::with_capacity(text.len() + 2);
    quote_into(text, &mut json);
    json
}

/// Appends `text` as a JSON string, quotes included.
pub fn quote_into(text: &str, json: &mut String) {
    json.push('"');
    escape_into(text, json);
    json.push('"');
}

/// Appends `text` as the inside of a JSON string.
pub(crate) fn escape_into(text: &str, json: &mut String) {
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c < ' ' || c == '"' || c == '\\') {
        let (plain, special) = rest.split_at_checked(at).unwrap_or((rest, ""));
        json.push_str(plain);
        let mut chars = special.chars();
        match chars.next() {
            Some('"') => json.push_str("\\\""),
            Some('\\') => json.push_str("\\\\"),
            Some('\n') => json.push_str("\\n"),
            Some('\r') => json.push_str("\\r"),
            Some('\t') => json.push_str("\\t"),
            Some(control) => {
                json.push_str("\\u00");
                let code = u32::from(control);
                json.extend(char::from_digit(code >> 4, 16));
                json.extend(char::from_digit(code & 15, 16));
            }
            None => {}
        }
        rest = chars.as_str();
    }
    json.push_str(rest);
}
