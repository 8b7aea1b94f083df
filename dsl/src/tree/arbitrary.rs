//! Policies and requests made from bytes, for property tests, fuzzing and benches. Not part of the public API.
//!
//! Small alphabets and few distinct values, so that tests are true about as often as false, prefixes are prefixes
//! of one another, networks nest, and ranges share their bounds.

mod agree;
mod conditions;
pub mod workload;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use crate::facts::{Facts, Value};
use crate::hir::{BodyStep, Field, FieldKind, Hir, Tier, Type};

pub use agree::agree;

/// Reads choices off a slice of bytes; past its end every choice is the first.
#[derive(Debug)]
pub struct Choices<'b> {
    bytes: &'b [u8],
}

/// A request as a table: by place of the field, its value.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// By place of the field in [`Hir::fields`], which is also the index in its kind.
    pub values: Vec<Held>,
    /// The tiers that can be read.
    pub ready: BTreeSet<Tier>,
}

/// A value that the table holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Held {
    /// None.
    Absent,
    /// Bool.
    Bool(bool),
    /// Int.
    Int(i64),
    /// Float.
    Float(f64),
    /// Text.
    Text(Arc<str>),
    /// List, lent or put together.
    List(Vec<Arc<str>>, bool),
    /// Address.
    Ip(IpAddr),
    /// Minutes.
    Clock(u16),
    /// Day.
    Weekday(u8),
}

/// The fields of a generated set: kind, type, tier and whether `lower` or `count` is applied.
const FIELDS: [(Type, Tier, bool, bool); 18] = [
    (Type::Text, Tier::Head, false, false),
    (Type::Text, Tier::Head, false, false),
    (Type::Text, Tier::Head, true, false),
    (Type::Ip, Tier::Head, false, false),
    (Type::TextList, Tier::Head, false, false),
    (Type::TextList, Tier::Head, true, false),
    (Type::Int, Tier::Head, false, true),
    (Type::Bool, Tier::Head, false, false),
    (Type::Clock, Tier::Head, false, false),
    (Type::Weekday, Tier::Head, false, false),
    (Type::Float, Tier::Head, false, false),
    (Type::Text, Tier::Peek, false, false),
    (Type::Bool, Tier::Peek, false, false),
    (Type::Text, Tier::Body, false, false),
    (Type::Json, Tier::Body, false, false),
    (Type::TextList, Tier::Body, false, false),
    (Type::Int, Tier::Tokens, false, false),
    (Type::Class, Tier::Classifier, false, false),
];

// === impl Choices ===

impl<'b> Choices<'b> {
    /// All choices that these bytes make.
    #[must_use]
    pub fn new(bytes: &'b [u8]) -> Self {
        Self { bytes }
    }

    /// One byte.
    pub fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.bytes.split_first() else { return 0 };
        self.bytes = rest;
        *first
    }

    /// A number in `0..n`; 0 for `n` 0.
    pub fn below(&mut self, n: u8) -> u8 {
        self.byte().checked_rem(n).unwrap_or_default()
    }

    /// True once in `n` times.
    pub fn once_in(&mut self, n: u8) -> bool {
        self.below(n) == n.saturating_sub(1)
    }

    /// One of these.
    pub fn of<T: Copy>(&mut self, choices: &[T]) -> Option<T> {
        let n = u8::try_from(choices.len()).unwrap_or(u8::MAX);
        choices.get(usize::from(self.below(n))).copied()
    }

    /// A short text.
    pub fn text(&mut self) -> Arc<str> {
        let length = self.below(5);
        (0..length).filter_map(|_| self.of(&['a', 'b', 'a', 'b', '/', 'A', 'é'])).collect::<String>().into()
    }

    /// A longer text.
    fn long_text(&mut self) -> Arc<str> {
        let words = self.below(5);
        (0..words).map(|_| self.text()).collect::<Vec<_>>().join("").into()
    }

    fn texts(&mut self) -> Vec<Arc<str>> {
        (0..self.below(4)).map(|_| self.text()).collect()
    }

    fn int(&mut self) -> i64 {
        i64::from(self.below(12)) - 3
    }

    fn float(&mut self) -> f64 {
        f64::from(self.below(24)) / 2.0 - 3.0
    }

    fn ip(&mut self) -> IpAddr {
        let bits = u32::from(self.byte());
        let v4 = std::net::Ipv4Addr::from((bits & 0xf0) << 24 | bits & 3);
        match self.below(6) {
            0 => IpAddr::V6((u128::from(bits & 0xf0) << 120 | u128::from(bits & 3)).into()),
            1 => IpAddr::V6(v4.to_ipv6_mapped()),
            _ => IpAddr::V4(v4),
        }
    }

    /// A value of a type, now and then absent or of another type.
    fn held(&mut self, ty: Type) -> Held {
        if self.once_in(6) {
            return Held::Absent;
        }
        match ty {
            Type::Bool => Held::Bool(self.below(2) == 1),
            Type::Int | Type::Size | Type::Duration | Type::Money => Held::Int(self.int()),
            Type::Float | Type::Percent if self.once_in(3) => Held::Int(self.int()),
            Type::Float | Type::Percent => Held::Float(self.float()),
            Type::Text | Type::Class => Held::Text(self.long_text()),
            Type::TextList => Held::List(self.texts(), self.below(2) == 1),
            Type::Ip => Held::Ip(self.ip()),
            Type::Clock => Held::Clock(u16::from(self.below(12))),
            Type::Weekday | Type::Time => Held::Weekday(self.below(7)),
            Type::Json => {
                let ty = self.of(&[Type::Bool, Type::Int, Type::Float, Type::Text, Type::TextList]);
                self.held(ty.unwrap_or(Type::Text))
            }
        }
    }

    /// The fixed set of fields, without conditions.
    #[must_use]
    pub fn fields() -> Vec<Field> {
        let named = (0_u32..).zip(FIELDS);
        let field = |(place, (ty, tier, lower, count)): (u32, (Type, Tier, bool, bool))| Field {
            kind: FieldKind::Body(vec![BodyStep::Index(place)]),
            name: format!("f{place}").into(),
            lower,
            count,
            ty,
            tier,
            optional: true,
        };
        named.map(field).collect()
    }

    /// A request for the fixed set of fields.
    pub fn table(&mut self) -> Table {
        // A field that is counted reads a list.
        let value = |(ty, _, _, count): (Type, Tier, bool, bool)| self.held(if count { Type::TextList } else { ty });
        Table { values: FIELDS.into_iter().map(value).collect(), ready: BTreeSet::from([Tier::Head]) }
    }

    /// A policy over the fixed set of fields.
    #[must_use]
    pub fn policy(&mut self) -> Hir {
        conditions::policy(self)
    }
}

// === impl Table ===

impl Facts for Table {
    fn ready(&self, tier: Tier) -> bool {
        self.ready.contains(&tier)
    }

    fn read<'a>(&'a self, field: &'a Field) -> Value<'a> {
        let place = if let FieldKind::Body(steps) = &field.kind { steps.first() } else { None };
        let place = if let Some(BodyStep::Index(place)) = place { usize::try_from(*place).ok() } else { None };
        match place.and_then(|place| self.values.get(place)) {
            None | Some(Held::Absent) => Value::Absent,
            Some(Held::Bool(value)) => Value::Bool(*value),
            Some(Held::Int(value)) => Value::Int(*value),
            Some(Held::Float(value)) => Value::Float(*value),
            Some(Held::Text(text)) => Value::Text(Cow::Borrowed(text)),
            Some(Held::List(items, true)) => Value::Texts(items),
            Some(Held::List(items, false)) => Value::TextList(items.iter().map(|i| Cow::Borrowed(&**i)).collect()),
            Some(Held::Ip(ip)) => Value::Ip(*ip),
            Some(Held::Clock(value)) => Value::Clock(*value),
            Some(Held::Weekday(value)) => Value::Weekday(*value),
        }
    }
}
