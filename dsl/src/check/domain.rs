//! Which values a field can have under some tests: whether tests contradict each other.
//!
//! Sound in one direction: [`Domains::contradiction`] finds a contradiction only where there is one. Fields with
//! few or ordered values are decided exactly by trying one value of every kind that the tests can tell apart;
//! texts exactly when one test lists the values, otherwise by pairs.

use std::cell::RefCell;
use std::cmp::Ordering;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use ipnet::IpNet;
use regex_automata::meta::Regex;

use super::clause::Literal;
use super::intern::Interner;
use super::{imply, text};
use crate::hir::{Constant, Field, FieldId, FieldKind, ListItems, OrderOp, Test, Tier, Type};
use crate::resolve::value::nearest_float;
use crate::words::kinds;

/// Values of one list that are tried one by one.
const VALUES_MAX: usize = 1_024;

/// The value domains of the fields, over the tests of one compilation.
pub(super) struct Domains<'i> {
    interner: &'i Interner,
    regexes: RefCell<HashMap<Arc<str>, Option<Regex>>>,
}

/// Two tests (or one, twice) that cannot hold together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Contradiction {
    pub(super) first: Literal,
    pub(super) second: Literal,
}

/// Whether a range from `low` to `high` holds anything.
pub(super) fn in_order(low: &Constant, high: &Constant) -> bool {
    compare(low, high) != Some(Ordering::Greater)
}

fn compare(a: &Constant, b: &Constant) -> Option<Ordering> {
    match (a, b) {
        (Constant::Int(a), Constant::Int(b)) => Some(a.cmp(b)),
        (Constant::Float(a), Constant::Float(b)) => a.partial_cmp(b),
        (Constant::Clock(a), Constant::Clock(b)) => Some(a.cmp(b)),
        (Constant::Weekday(a), Constant::Weekday(b)) => Some(a.cmp(b)),
        (Constant::Int(a), Constant::Float(b)) => nearest_float(*a).partial_cmp(b),
        (Constant::Float(a), Constant::Int(b)) => a.partial_cmp(&nearest_float(*b)),
        (_, _) => None,
    }
}

// === impl Domains ===

impl<'i> Domains<'i> {
    pub(super) fn new(interner: &'i Interner) -> Self {
        Self { interner, regexes: RefCell::default() }
    }

    /// The test and the field of a literal.
    pub(super) fn test_of(&self, literal: Literal) -> Option<(&'i Test, FieldId, &'i Field)> {
        let atom = self.interner.atom_of(literal.atom)?;
        Some((&atom.test, atom.field, self.interner.field_of(atom.field)?))
    }

    pub(super) fn items_of(&self, test: &Test) -> Option<&'i ListItems> {
        let Test::In(list) = test else { return None };
        self.interner.list_of(*list).map(|l| &l.items)
    }

    /// Tests of a clause that no request can meet together.
    pub(super) fn contradiction(&self, clause: &[Literal]) -> Option<Contradiction> {
        let mut by_field: Vec<(FieldId, Literal)> =
            clause.iter().filter_map(|l| Some((self.interner.atom_of(l.atom)?.field, *l))).collect();
        by_field.sort_by_key(|(field, _)| *field);
        for group in by_field.chunk_by(|a, b| a.0 == b.0) {
            let literals: Vec<Literal> = group.iter().map(|(_, l)| *l).collect();
            if self.is_empty(&literals) {
                return Some(self.narrow(&literals));
            }
        }
        None
    }

    /// The smallest part that shows it: one test, or two.
    fn narrow(&self, literals: &[Literal]) -> Contradiction {
        for (i, first) in literals.iter().enumerate() {
            if self.is_empty(&[*first]) {
                return Contradiction { first: *first, second: *first };
            }
            if let Some(second) = literals.iter().skip(i + 1).find(|second| self.is_empty(&[*first, **second])) {
                return Contradiction { first: *first, second: *second };
            }
        }
        let fallback = Literal { atom: crate::hir::AtomId(0), positive: true, span: crate::span::Span::default() };
        let first = literals.first().copied().unwrap_or(fallback);
        Contradiction { first, second: literals.last().copied().unwrap_or(first) }
    }

    /// Whether no value, and no absence, of their one field meets all these literals.
    fn is_empty(&self, literals: &[Literal]) -> bool {
        let tests: Vec<(&Test, bool)> =
            literals.iter().filter_map(|l| Some((self.test_of(*l)?.0, l.positive))).collect();
        let Some((_, _, field)) = literals.first().and_then(|l| self.test_of(*l)) else { return false };
        // A request without a body has no field of the body, also none that every model request has.
        let may_be_absent = field.optional || field.tier > Tier::Head;
        if may_be_absent && tests.iter().all(|(_, positive)| !positive) {
            return false;
        }
        if tests.iter().any(|(test, positive)| **test == Test::Present && !positive) {
            return true;
        }
        match self.candidates(field, &tests) {
            Some(values) => !values.iter().any(|value| self.all_hold(&tests, value)),
            None => imply::contradict(&tests),
        }
    }

    fn all_hold(&self, tests: &[(&Test, bool)], value: &Constant) -> bool {
        tests.iter().all(|(test, positive)| self.holds(test, value).is_none_or(|holds| holds == *positive))
    }

    /// One value of every kind that the tests can tell apart; `None` where that cannot be done.
    fn candidates(&self, field: &Field, tests: &[(&Test, bool)]) -> Option<Vec<Constant>> {
        if let Some(values) = self.listed(tests) {
            return Some(values);
        }
        match field.ty {
            Type::Bool => Some(vec![Constant::Bool(false), Constant::Bool(true)]),
            Type::Class => Some(kinds::APIS.iter().map(|k| Constant::Text(k.name.into())).collect()),
            Type::Weekday => Some((0..7).map(Constant::Weekday).collect()),
            Type::Clock => {
                let cuts = self.cuts(tests)?;
                Some(
                    cuts.iter()
                        .filter_map(|c| u16::try_from(*c).ok())
                        .filter(|c| *c < 1_440)
                        .map(Constant::Clock)
                        .collect(),
                )
            }
            Type::Int | Type::Size | Type::Duration | Type::Money => {
                let never_negative = !matches!(field.kind, FieldKind::Param(_));
                let cuts = self.cuts(tests)?;
                Some(cuts.into_iter().filter(|c| *c >= 0 || !never_negative).map(Constant::Int).collect())
            }
            Type::Float | Type::Percent => self.float_cuts(tests, field.ty == Type::Percent),
            Type::Ip => self.addresses(tests),
            Type::Text | Type::TextList | Type::Time | Type::Json => None,
        }
    }

    /// The values of the shortest positive test that lists them.
    fn listed(&self, tests: &[(&Test, bool)]) -> Option<Vec<Constant>> {
        let positive = tests.iter().filter(|(_, positive)| *positive);
        let mut best: Option<Vec<Constant>> = None;
        for (test, _) in positive {
            let values = match test {
                Test::Eq(value) => vec![value.clone()],
                Test::In(_) => match self.items_of(test) {
                    Some(ListItems::Text(texts)) if texts.len() <= VALUES_MAX => {
                        texts.iter().cloned().map(Constant::Text).collect()
                    }
                    Some(_) | None => continue,
                },
                Test::Present
                | Test::IsTrue
                | Test::Order(..)
                | Test::Within(..)
                | Test::Like(_)
                | Test::Matches(_)
                | Test::StartsWith(_)
                | Test::EndsWith(_)
                | Test::ContainsText(_)
                | Test::ContainsAllText(_)
                | Test::HasAny(_)
                | Test::HasAll(_) => continue,
            };
            if best.as_ref().is_none_or(|b| values.len() < b.len()) {
                best = Some(values);
            }
        }
        best
    }

    /// Whole numbers around every bound; `None` when a list is too long.
    fn cuts(&self, tests: &[(&Test, bool)]) -> Option<Vec<i64>> {
        let mut cuts = vec![0];
        for (test, _) in tests {
            for bound in bounds(test) {
                cuts.extend(
                    whole(bound).map(|n| [n.saturating_sub(1), n, n.saturating_add(1)]).into_iter().flatten(),
                );
            }
            match self.items_of(test) {
                Some(ListItems::Int(ints)) if ints.len() <= VALUES_MAX => {
                    cuts.extend(ints.iter().flat_map(|n| [n.saturating_sub(1), *n, n.saturating_add(1)]));
                }
                Some(_) => return None,
                None => {}
            }
        }
        Some(cuts)
    }

    /// Numbers at, between and around every bound.
    fn float_cuts(&self, tests: &[(&Test, bool)], percent: bool) -> Option<Vec<Constant>> {
        let mut cuts = vec![0.0];
        for (test, _) in tests {
            cuts.extend(
                bounds(test).into_iter().filter_map(|b| if let Constant::Float(f) = b { Some(*f) } else { None }),
            );
            match self.items_of(test) {
                Some(ListItems::Float(floats)) if floats.len() <= VALUES_MAX => cuts.extend(floats),
                Some(_) => return None,
                None => {}
            }
        }
        cuts.sort_by(f64::total_cmp);
        let between: Vec<f64> =
            cuts.windows(2).filter_map(|w| Some(f64::midpoint(*w.first()?, *w.last()?))).collect();
        let ends = [cuts.first().map(|c| c - 1.0), cuts.last().map(|c| c + 1.0)];
        cuts.extend(between);
        cuts.extend(ends.into_iter().flatten());
        Some(cuts.into_iter().filter(|c| !percent || *c >= 0.0).map(Constant::Float).collect())
    }

    /// The first address of every network, the one behind its last, and one of each family.
    fn addresses(&self, tests: &[(&Test, bool)]) -> Option<Vec<Constant>> {
        let mut out = vec![IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::UNSPECIFIED)];
        for (test, _) in tests {
            match self.items_of(test) {
                Some(ListItems::Net(nets)) if nets.len() <= VALUES_MAX => {
                    out.extend(nets.iter().flat_map(|net| [Some(net.network()), behind(net)]).flatten());
                }
                Some(_) => return None,
                None => {}
            }
            if let Test::Eq(Constant::Ip(ip)) = test {
                out.extend([Some(*ip), behind(&IpNet::from(*ip))].into_iter().flatten());
            }
        }
        // An IPv4 address mapped into IPv6 is read as the IPv4 address.
        out.retain(|ip| ip.to_canonical() == *ip);
        Some(out.into_iter().map(Constant::Ip).collect())
    }

    /// Whether a test holds for a value; `None` if that is not known here.
    pub(super) fn holds(&self, test: &Test, value: &Constant) -> Option<bool> {
        let string = || if let Constant::Text(text) = value { Some(text.as_ref()) } else { None };
        Some(match test {
            Test::Present => true,
            Test::IsTrue => *value == Constant::Bool(true),
            Test::Eq(constant) => constant == value || compare(constant, value) == Some(Ordering::Equal),
            Test::Order(op, bound) => compare(value, bound).is_some_and(|order| in_relation(*op, order)),
            Test::Within(low, high) => {
                let above = compare(value, low).is_some_and(Ordering::is_ge);
                above && compare(value, high).is_some_and(Ordering::is_le)
            }
            Test::In(_) => is_member(self.items_of(test)?, value),
            Test::Like(glob) => string().is_some_and(|t| text::glob_matches(glob, t)),
            Test::Matches(pattern) => match string() {
                Some(text) => self.regex(pattern, text)?,
                None => false,
            },
            Test::StartsWith(parts) => string().is_some_and(|t| parts.iter().any(|p| t.starts_with(p.as_ref()))),
            Test::EndsWith(parts) => string().is_some_and(|t| parts.iter().any(|p| t.ends_with(p.as_ref()))),
            Test::ContainsText(parts) => string().is_some_and(|t| parts.iter().any(|p| t.contains(p.as_ref()))),
            Test::ContainsAllText(parts) => string().is_some_and(|t| parts.iter().all(|p| t.contains(p.as_ref()))),
            Test::HasAny(_) | Test::HasAll(_) => return None,
        })
    }

    fn regex(&self, pattern: &Arc<str>, text: &str) -> Option<bool> {
        let mut regexes = self.regexes.borrow_mut();
        let regex = regexes.entry(Arc::clone(pattern)).or_insert_with(|| Regex::new(pattern).ok());
        regex.as_ref().map(|r| r.is_match(text))
    }
}

fn in_relation(op: OrderOp, order: Ordering) -> bool {
    match op {
        OrderOp::Lt => order.is_lt(),
        OrderOp::Le => order.is_le(),
        OrderOp::Gt => order.is_gt(),
        OrderOp::Ge => order.is_ge(),
    }
}

fn bounds(test: &Test) -> Vec<&Constant> {
    match test {
        Test::Eq(c) | Test::Order(_, c) => vec![c],
        Test::Within(low, high) => vec![low, high],
        Test::Present
        | Test::IsTrue
        | Test::In(_)
        | Test::Like(_)
        | Test::Matches(_)
        | Test::StartsWith(_)
        | Test::EndsWith(_)
        | Test::ContainsText(_)
        | Test::ContainsAllText(_)
        | Test::HasAny(_)
        | Test::HasAll(_) => Vec::new(),
    }
}

fn whole(constant: &Constant) -> Option<i64> {
    match constant {
        Constant::Int(n) => Some(*n),
        Constant::Clock(n) => Some(i64::from(*n)),
        Constant::Weekday(n) => Some(i64::from(*n)),
        Constant::Bool(_) | Constant::Float(_) | Constant::Text(_) | Constant::Ip(_) => None,
    }
}

fn is_member(items: &ListItems, value: &Constant) -> bool {
    match (items, value) {
        (ListItems::Text(texts), Constant::Text(text)) => texts.contains(text),
        (ListItems::Net(nets), Constant::Ip(ip)) => nets.iter().any(|net| net.contains(ip)),
        (ListItems::Float(floats), Constant::Float(float)) => floats.contains(float),
        (ListItems::Float(floats), Constant::Int(int)) => floats.contains(&nearest_float(*int)),
        (ListItems::Int(ints), Constant::Float(float)) => {
            ints.iter().any(|n| nearest_float(*n).total_cmp(float).is_eq())
        }
        (ListItems::Int(ints), other) => whole(other).is_some_and(|n| ints.contains(&n)),
        (_, _) => false,
    }
}

/// The first address behind a network.
fn behind(net: &IpNet) -> Option<IpAddr> {
    match net.broadcast() {
        IpAddr::V4(last) => u32::from(last).checked_add(1).map(|n| IpAddr::V4(n.into())),
        IpAddr::V6(last) => u128::from(last).checked_add(1).map(|n| IpAddr::V6(n.into())),
    }
}
