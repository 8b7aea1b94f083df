//! The linear reference: reads a policy from top to bottom and tries every test by its definition.
//!
//! It is slow and short, shares nothing with [`crate::tree`], and is what the tree is compared with. Use it in
//! tests and nowhere else.

use std::cmp::Ordering::{Equal, Greater, Less};

use crate::facts::{Facts, Value, lower_into};
use crate::hir::{Atom, Cond, Constant, Hir, ListItems, OrderOp, Policy, PolicyStmtKind, Rank, Test, Tier};

/// What the policy says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Outcome {
    /// The deciding statement; `None` when there is no default.
    pub deciding: Option<Rank>,
    /// The `apply` statements above it that hold.
    pub applied: Vec<Rank>,
    /// The tiers that had to be paid for, in the order of need.
    pub needs: Vec<Tier>,
}

/// Decides one request; every tier is taken to be ready.
#[must_use]
pub fn decide(hir: &Hir, policy: &Policy, facts: &dyn Facts) -> Outcome {
    let mut out = Outcome { deciding: None, applied: Vec::new(), needs: Vec::new() };
    for (rank, stmt) in (0..).map(Rank).zip(&policy.stmts) {
        let holds = loop {
            match verdict(hir, &stmt.cond, &out.needs, facts) {
                Ok(holds) => break holds || stmt.kind == PolicyStmtKind::Default,
                Err(tier) => out.needs.push(tier),
            }
        };
        match stmt.kind {
            PolicyStmtKind::Apply if holds => out.applied.push(rank),
            PolicyStmtKind::Rule | PolicyStmtKind::Default if holds => {
                out.deciding = Some(rank);
                return out;
            }
            PolicyStmtKind::Apply | PolicyStmtKind::Rule | PolicyStmtKind::Default => {}
        }
    }
    out
}

/// Kleene's logic: `Err` is unknown, with the cheapest tier that may settle it.
fn verdict(hir: &Hir, cond: &Cond, paid: &[Tier], facts: &dyn Facts) -> Result<bool, Tier> {
    let join = |parts: &[Cond], decisive: bool| {
        let parts: Vec<_> = parts.iter().map(|part| verdict(hir, part, paid, facts)).collect();
        let unknown = parts.iter().filter_map(|part| part.err()).min();
        if parts.contains(&Ok(decisive)) { Ok(decisive) } else { unknown.map_or(Ok(!decisive), Err) }
    };
    match cond {
        Cond::Const(value) => Ok(*value),
        Cond::Not(inner) => verdict(hir, inner, paid, facts).map(|holds| !holds),
        Cond::And(parts) => join(parts, false),
        Cond::Or(parts) => join(parts, true),
        Cond::Atom(id) => {
            let atom = usize::try_from(id.0).ok().and_then(|id| hir.atoms.get(id));
            let field = atom.and_then(|atom| hir.fields.get(usize::try_from(atom.field.0).ok()?));
            let (Some(atom), Some(field)) = (atom, field) else { return Ok(false) };
            if field.tier != Tier::Head && !paid.contains(&field.tier) {
                return Err(field.tier);
            }
            let lower = |text: &str| {
                let mut out = if field.lower { String::new() } else { return text.to_owned() };
                lower_into(text, &mut out);
                out
            };
            let read = match facts.read(field) {
                Value::TextList(items) => Read::List(items.iter().map(|item| lower(item)).collect()),
                Value::Texts(items) => Read::List(items.iter().map(|item| lower(item)).collect()),
                Value::Text(text) => Read::Text(lower(&text)),
                other @ (Value::Absent
                | Value::Bool(_)
                | Value::Int(_)
                | Value::Float(_)
                | Value::Ip(_)
                | Value::Clock(_)
                | Value::Weekday(_)) => Read::Other(other),
            };
            Ok(match (&read, field.count) {
                (Read::List(items), true) => {
                    holds(hir, atom, &Read::Other(Value::Int(i64::try_from(items.len()).unwrap_or(0))))
                }
                (_, true) => false,
                (_, false) => holds(hir, atom, &read),
            })
        }
    }
}

enum Read<'v> {
    Text(String),
    List(Vec<String>),
    Other(Value<'v>),
}

fn holds(hir: &Hir, atom: &Atom, read: &Read<'_>) -> bool {
    let text = |holds: &dyn Fn(&str) -> bool| if let Read::Text(text) = read { holds(text) } else { false };
    let has = |wanted: &Constant| match (read, wanted) {
        (Read::List(items), Constant::Text(wanted)) => items.iter().any(|item| **item == **wanted),
        (_, _) => false,
    };
    let within = |low: &Constant, high: &Constant| {
        matches!(order(read, low), Some(Greater | Equal)) && matches!(order(read, high), Some(Less | Equal))
    };
    match &atom.test {
        Test::Present => !matches!(read, Read::Other(Value::Absent)),
        Test::IsTrue => matches!(read, Read::Other(Value::Bool(true))),
        Test::Eq(wanted) => equal(read, wanted),
        Test::Order(op, bound) => order(read, bound).is_some_and(|found| match op {
            OrderOp::Lt => found == Less,
            OrderOp::Le => found != Greater,
            OrderOp::Gt => found == Greater,
            OrderOp::Ge => found != Less,
        }),
        Test::Within(low, high) => within(low, high),
        Test::In(id) => match usize::try_from(id.0).ok().and_then(|id| hir.lists.get(id)).map(|list| &list.items) {
            Some(ListItems::Text(items)) => items.iter().any(|item| text(&|text| *text == **item)),
            Some(ListItems::Int(items)) => items.iter().any(|item| equal(read, &Constant::Int(*item))),
            Some(ListItems::Float(items)) => items.iter().any(|item| equal(read, &Constant::Float(*item))),
            Some(ListItems::Net(nets)) => {
                let covers = |ip: &std::net::IpAddr| nets.iter().any(|net| net.contains(&ip.to_canonical()));
                if let Read::Other(Value::Ip(ip)) = read { covers(ip) } else { false }
            }
            None => false,
        },
        Test::Like(glob) => text(&|text| like(&glob.chars().collect::<Vec<_>>(), &text.chars().collect::<Vec<_>>())),
        Test::Matches(pattern) => {
            text(&|text| regex_automata::meta::Regex::new(pattern).is_ok_and(|regex| regex.is_match(text)))
        }
        Test::StartsWith(any) => any.iter().any(|start| text(&|text| text.starts_with(&**start))),
        Test::EndsWith(any) => any.iter().any(|end| text(&|text| text.ends_with(&**end))),
        Test::ContainsText(any) => any.iter().any(|part| text(&|text| text.contains(&**part))),
        Test::ContainsAllText(all) => text(&|text| all.iter().all(|part| text.contains(&**part))),
        Test::HasAny(any) => any.iter().any(has),
        Test::HasAll(all) => matches!(read, Read::List(_)) && all.iter().all(has),
    }
}

fn equal(read: &Read<'_>, wanted: &Constant) -> bool {
    match (read, wanted) {
        (Read::Text(text), Constant::Text(wanted)) => **text == **wanted,
        (Read::Other(Value::Bool(value)), Constant::Bool(wanted)) => value == wanted,
        (Read::Other(Value::Ip(ip)), Constant::Ip(wanted)) => ip.to_canonical() == wanted.to_canonical(),
        (_, _) => order(read, wanted) == Some(Equal),
    }
}

/// How a number compares with a constant that is one: whole numbers exactly, others as fractions.
fn order(read: &Read<'_>, constant: &Constant) -> Option<std::cmp::Ordering> {
    let (whole, fraction) = match constant {
        Constant::Int(n) => (Some(*n), to_float(*n)),
        Constant::Clock(n) => (Some(i64::from(*n)), f64::from(*n)),
        Constant::Weekday(n) => (Some(i64::from(*n)), f64::from(*n)),
        Constant::Float(n) => (None, *n),
        Constant::Bool(_) | Constant::Text(_) | Constant::Ip(_) => return None,
    };
    let Read::Other(value) = read else { return None };
    let n = match value {
        Value::Int(n) => *n,
        Value::Clock(n) => i64::from(*n),
        Value::Weekday(n) => i64::from(*n),
        Value::Float(n) => return n.partial_cmp(&fraction),
        Value::Absent | Value::Bool(_) | Value::Text(_) | Value::TextList(_) | Value::Texts(_) | Value::Ip(_) => {
            return None;
        }
    };
    whole.map_or_else(|| to_float(n).partial_cmp(&fraction), |whole| Some(n.cmp(&whole)))
}

#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "the language rounds when it compares kinds")]
fn to_float(n: i64) -> f64 {
    n as f64
}

fn like(glob: &[char], text: &[char]) -> bool {
    match (glob.split_first(), text.split_first()) {
        (None, None) => true,
        (Some(('*', glob_rest)), Some((_, text_rest))) => like(glob_rest, text) || like(glob, text_rest),
        (Some(('*', glob_rest)), None) => like(glob_rest, text),
        (Some(('?', glob_rest)), Some((_, text_rest))) => like(glob_rest, text_rest),
        (Some((g, glob_rest)), Some((t, text_rest))) => g == t && like(glob_rest, text_rest),
        (Some(_), None) | (None, Some(_)) => false,
    }
}
