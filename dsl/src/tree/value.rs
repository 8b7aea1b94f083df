//! Reading a field and comparing it with a constant: the meaning of the operators on values.
//!
//! Absent and a value of another type than the constant's make every test false. Whole numbers and fractions
//! are one kind of number: `1` equals `1.0`.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::net::IpAddr;

use crate::facts::{Facts, Value, lower_into};
use crate::hir::{Constant, Field, OrderOp};

/// A number of a value or constant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Number {
    /// Whole; also sizes, durations, money, clock times and weekdays.
    Int(i64),
    /// With a fraction.
    Float(f64),
}

/// Numbers between two bounds; `None` is open, the flag tells whether the bound belongs to it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Range {
    /// Lower bound.
    pub(super) low: Option<(Number, bool)>,
    /// Upper bound.
    pub(super) high: Option<(Number, bool)>,
}

/// Reads a field through its `lower` and `count`; `buffer` is lent to texts that have to be rewritten.
pub(super) fn with_value<R>(
    field: &Field,
    facts: &dyn Facts,
    buffer: &mut String,
    then: impl FnOnce(&Value<'_>) -> R,
) -> R {
    let value = facts.read(field);
    if field.count {
        return then(&counted(&value));
    }
    if !field.lower {
        return then(&value);
    }
    match value {
        Value::Text(text) => {
            lower_into(&text, buffer);
            let lent = std::mem::take(buffer);
            let result = then(&Value::Text(Cow::Borrowed(&lent)));
            *buffer = lent;
            result
        }
        Value::TextList(items) => then(&Value::TextList(items.iter().map(|item| lowered(item)).collect())),
        Value::Texts(items) => then(&Value::TextList(items.iter().map(|item| lowered(item)).collect())),
        other @ (Value::Absent
        | Value::Bool(_)
        | Value::Int(_)
        | Value::Float(_)
        | Value::Ip(_)
        | Value::Clock(_)
        | Value::Weekday(_)) => then(&other),
    }
}

fn lowered(text: &str) -> Cow<'static, str> {
    let mut out = String::new();
    lower_into(text, &mut out);
    Cow::Owned(out)
}

/// `count(…)` of a list; anything else has no count.
fn counted(value: &Value<'_>) -> Value<'static> {
    let length = match value {
        Value::TextList(items) => items.len(),
        Value::Texts(items) => items.len(),
        Value::Absent
        | Value::Bool(_)
        | Value::Int(_)
        | Value::Float(_)
        | Value::Text(_)
        | Value::Ip(_)
        | Value::Clock(_)
        | Value::Weekday(_) => return Value::Absent,
    };
    Value::Int(i64::try_from(length).unwrap_or(i64::MAX))
}

/// The text of a value that is one.
pub(super) fn text<'v>(value: &'v Value<'_>) -> Option<&'v str> {
    match value {
        Value::Text(text) => Some(text),
        Value::Absent
        | Value::Bool(_)
        | Value::Int(_)
        | Value::Float(_)
        | Value::TextList(_)
        | Value::Texts(_)
        | Value::Ip(_)
        | Value::Clock(_)
        | Value::Weekday(_) => None,
    }
}

/// The number of a value that is one.
pub(super) fn number(value: &Value<'_>) -> Option<Number> {
    match value {
        Value::Int(n) => Some(Number::Int(*n)),
        Value::Float(n) => Some(Number::Float(*n)),
        Value::Clock(n) => Some(Number::Int(i64::from(*n))),
        Value::Weekday(n) => Some(Number::Int(i64::from(*n))),
        Value::Absent | Value::Bool(_) | Value::Text(_) | Value::TextList(_) | Value::Texts(_) | Value::Ip(_) => None,
    }
}

/// The address of a value that is one, IPv4 out of its IPv6 mapping.
pub(super) fn address(value: &Value<'_>) -> Option<IpAddr> {
    match value {
        Value::Ip(ip) => Some(ip.to_canonical()),
        Value::Absent
        | Value::Bool(_)
        | Value::Int(_)
        | Value::Float(_)
        | Value::Text(_)
        | Value::TextList(_)
        | Value::Texts(_)
        | Value::Clock(_)
        | Value::Weekday(_) => None,
    }
}

/// Whether some item of a list value satisfies `wanted`; false for what is not a list.
pub(super) fn any_item(value: &Value<'_>, mut wanted: impl FnMut(&str) -> bool) -> bool {
    match value {
        Value::TextList(items) => items.iter().any(|item| wanted(item)),
        Value::Texts(items) => items.iter().any(|item| wanted(item)),
        Value::Absent
        | Value::Bool(_)
        | Value::Int(_)
        | Value::Float(_)
        | Value::Text(_)
        | Value::Ip(_)
        | Value::Clock(_)
        | Value::Weekday(_) => false,
    }
}

// === impl Number ===

impl Number {
    /// The number of a constant that is one; NaN is none.
    pub(super) fn of(constant: &Constant) -> Option<Self> {
        match constant {
            Constant::Int(n) => Some(Self::Int(*n)),
            Constant::Float(n) => (!n.is_nan()).then_some(Self::Float(*n)),
            Constant::Clock(n) => Some(Self::Int(i64::from(*n))),
            Constant::Weekday(n) => Some(Self::Int(i64::from(*n))),
            Constant::Bool(_) | Constant::Text(_) | Constant::Ip(_) => None,
        }
    }

    /// The nearest fraction: exact up to 2^53.
    #[expect(
        clippy::as_conversions,
        clippy::cast_precision_loss,
        reason = "comparing a whole number with a fraction rounds it, by definition of the language"
    )]
    pub(super) fn float(self) -> f64 {
        match self {
            Self::Int(n) => n as f64,
            Self::Float(n) => n,
        }
    }

    /// `None` where one of them is not a number.
    pub(super) fn compare(self, other: Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => Some(a.cmp(&b)),
            (Self::Float(_), _) | (_, Self::Float(_)) => self.float().partial_cmp(&other.float()),
        }
    }
}

// === impl Range ===

impl Range {
    /// Exactly this number.
    pub(super) fn point(at: Number) -> Self {
        Self { low: Some((at, true)), high: Some((at, true)) }
    }

    /// `< <= > >=`.
    pub(super) fn order(op: OrderOp, bound: Number) -> Self {
        match op {
            OrderOp::Lt => Self { low: None, high: Some((bound, false)) },
            OrderOp::Le => Self { low: None, high: Some((bound, true)) },
            OrderOp::Gt => Self { low: Some((bound, false)), high: None },
            OrderOp::Ge => Self { low: Some((bound, true)), high: None },
        }
    }

    /// Membership; what is not a number is in no range.
    pub(super) fn holds(self, n: Number) -> bool {
        let inside = |bound: Option<(Number, bool)>, side: Ordering| {
            bound.is_none_or(|(bound, closed)| match n.compare(bound) {
                Some(Ordering::Equal) => closed,
                Some(other) => other == side,
                None => false,
            })
        };
        inside(self.low, Ordering::Greater) && inside(self.high, Ordering::Less)
    }
}

/// Whether the value is a list.
pub(super) fn is_list(value: &Value<'_>) -> bool {
    matches!(value, Value::TextList(_) | Value::Texts(_))
}
