//! A member by its path.

use std::borrow::Cow;

use crate::json::scan::{Kind, Scanner, Value};
use crate::json::text;

/// Most values that a path with `[*]` gives; the rest is not seen.
pub const PATH_ITEMS_MAX: usize = 10_000;

/// One step of a path.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum PathStep<'p> {
    /// Member of an object.
    Key(&'p str),
    /// Element of an array.
    Index(u32),
    /// Every element of an array.
    Each,
}

/// A value as a policy sees it.
#[derive(Clone, Debug, PartialEq)]
pub enum Scalar<'b> {
    /// `null`
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number without point or exponent that fits.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// A string.
    Text(Cow<'b, str>),
    /// An object or an array: there, and no more can be said.
    Container,
}

/// What stands at a path.
#[derive(Clone, Debug, PartialEq)]
pub enum Found<'b> {
    /// Nothing.
    Absent,
    /// One value.
    One(Scalar<'b>),
    /// What stands at a path with `[*]`, at most [`PATH_ITEMS_MAX`] of it.
    Many(Vec<Scalar<'b>>),
}

impl<'b> Scalar<'b> {
    /// As a number, if it is one or spells one (some servers take `"100"` for 100).
    pub fn number(&self) -> Option<f64> {
        match self {
            // Integers above 2^53 lose their last digits, which no parameter has.
            Self::Int(number) => number.to_string().parse().ok(),
            Self::Float(number) => Some(*number),
            Self::Text(text) => text.parse().ok(),
            Self::Null | Self::Bool(_) | Self::Container => None,
        }
    }

    /// Of a value that was passed over in `body`.
    pub(crate) fn of(body: &'b [u8], value: Value) -> Self {
        match value.kind {
            Kind::Null => Self::Null,
            Kind::True => Self::Bool(true),
            Kind::False => Self::Bool(false),
            Kind::Number => {
                let number = std::str::from_utf8(value.span.of(body)).unwrap_or_default();
                match number.parse() {
                    Ok(whole) => Self::Int(whole),
                    Err(_) => number.parse().map_or(Self::Null, Self::Float),
                }
            }
            Kind::Plain | Kind::Escaped => text::decode(body, value).map_or(Self::Null, Self::Text),
            Kind::Object | Kind::Array => Self::Container,
        }
    }
}

/// What stands at `path` below `value` of `body`, which is known to be JSON.
pub(super) fn lookup<'b>(body: &'b [u8], value: Value, path: &[PathStep<'_>]) -> Found<'b> {
    if path.contains(&PathStep::Each) {
        let mut found = Vec::new();
        collect(body, value, path, &mut found);
        return if found.is_empty() { Found::Absent } else { Found::Many(found) };
    }
    let end = path.iter().try_fold(value, |value, step| match step {
        PathStep::Key(key) => member(body, value, key),
        PathStep::Index(index) => item(body, value, *index),
        PathStep::Each => None,
    });
    end.map_or(Found::Absent, |end| Found::One(Scalar::of(body, end)))
}

/// Recursion goes as deep as the path has `[*]`.
fn collect<'b>(body: &'b [u8], value: Value, path: &[PathStep<'_>], found: &mut Vec<Scalar<'b>>) {
    let Some((step, rest)) = path.split_first() else {
        if found.len() < PATH_ITEMS_MAX {
            found.push(Scalar::of(body, value));
        }
        return;
    };
    match step {
        PathStep::Key(key) => {
            if let Some(value) = member(body, value, key) {
                collect(body, value, rest, found);
            }
        }
        PathStep::Index(index) => {
            if let Some(value) = item(body, value, *index) {
                collect(body, value, rest, found);
            }
        }
        PathStep::Each => each(body, value, |value| {
            collect(body, value, rest, found);
            found.len() < PATH_ITEMS_MAX
        }),
    }
}

fn member(body: &[u8], object: Value, name: &str) -> Option<Value> {
    if object.kind != Kind::Object {
        return None;
    }
    let mut scan = Scanner::within(body, object.span);
    scan.enter_object().ok()?;
    let mut first = true;
    while let Some(key) = scan.next_key(first).ok()? {
        first = false;
        let value = scan.skip().ok()?;
        if crate::format::peek::key_is(body, key, name) {
            return Some(value);
        }
    }
    None
}

fn item(body: &[u8], array: Value, index: u32) -> Option<Value> {
    let mut left = index;
    let mut found = None;
    each(body, array, |value| {
        if left == 0 {
            found = Some(value);
        }
        left = left.saturating_sub(1);
        found.is_none()
    });
    found
}

/// Every element, for as long as `go` wants more.
fn each(body: &[u8], array: Value, mut go: impl FnMut(Value) -> bool) {
    let mut scan = Scanner::within(body, array.span);
    if array.kind != Kind::Array || scan.enter_array().is_err() {
        return;
    }
    let mut first = true;
    while let Ok(true) = scan.next_item(first) {
        first = false;
        match scan.skip() {
            Ok(value) if go(value) => {}
            Ok(_) | Err(_) => return,
        }
    }
}
