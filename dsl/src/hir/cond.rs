//! Conditions: interned tests of fields, joined by `and`, `or` and `not`.

use std::sync::Arc;

use crate::span::Span;

use super::{AtomId, Constant, FieldId, ListId};

/// One distinct test of one field. `!=`, `not in` and the like are [`Cond::Not`] around it: exact complements.
#[derive(Clone, Debug)]
pub struct Atom {
    /// What is read.
    pub field: FieldId,
    /// What is asked. An absent field makes every test false.
    pub test: Test,
    /// First place where it is written.
    pub span: Span,
    /// As written, for traces.
    pub text: Arc<str>,
}

/// What an [`Atom`] asks of its field's value.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// `is present`
    Present,
    /// A bool field that stands alone.
    IsTrue,
    /// `==`
    Eq(Constant),
    /// `< <= > >=`
    Order(OrderOp, Constant),
    /// `in a..b`, both ends included
    Within(Constant, Constant),
    /// `in [..]` or `in NAME`
    In(ListId),
    /// `like`
    Like(Arc<str>),
    /// `matches`; the source was compiled once by the checker within its limits
    Matches(Arc<str>),
    /// `starts_with`, any of these
    StartsWith(Vec<Arc<str>>),
    /// `ends_with`, any of these
    EndsWith(Vec<Arc<str>>),
    /// `contains`, `contains any` on text: any of these is a substring
    ContainsText(Vec<Arc<str>>),
    /// `contains all` on text
    ContainsAllText(Vec<Arc<str>>),
    /// `contains`, `contains any` on a list: any of these is a member
    HasAny(Vec<Constant>),
    /// `contains all` on a list
    HasAll(Vec<Constant>),
}

/// Order comparisons.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum OrderOp {
    /// `<`
    Lt,
    /// `<=`
    Le,
    /// `>`
    Gt,
    /// `>=`
    Ge,
}

/// A condition over atoms. Two-valued; `let` names are expanded.
#[derive(Clone, Debug, PartialEq)]
pub enum Cond {
    /// Constant.
    Const(bool),
    /// One test.
    Atom(AtomId),
    /// Complement.
    Not(Box<Cond>),
    /// All hold.
    And(Vec<Cond>),
    /// One holds.
    Or(Vec<Cond>),
}

/// A set of constants of one type.
#[derive(Clone, Debug)]
pub struct ListSet {
    /// The name of a declared list; `None` for a literal list.
    pub name: Option<Arc<str>>,
    /// Members.
    pub items: ListItems,
    /// Its declaration.
    pub span: Span,
}

/// Members of a list.
#[derive(Clone, Debug, PartialEq)]
pub enum ListItems {
    /// Texts or labels.
    Text(Vec<Arc<str>>),
    /// Networks; a lone address is a full-length prefix.
    Net(Vec<ipnet::IpNet>),
    /// Whole numbers (also sizes, durations in ms, clock minutes, weekdays).
    Int(Vec<i64>),
    /// Numbers.
    Float(Vec<f64>),
}
