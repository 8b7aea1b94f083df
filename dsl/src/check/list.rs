//! Constants and sets of constants: literals in the type of the field beside them, `list` declarations, list files.

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

use super::Checker;
use super::cond::article;
use super::statements::{Entry, Opened};
use crate::diag::{Code, Diagnostic};
use crate::hir::{Constant, ListId, ListItems, Type};
use crate::resolve::names::Entity;
use crate::resolve::value::{self, Mismatch};
use crate::span::Span;
use crate::syntax::ast::{ExprKind, Literal, Path, Term, TermKind, Unit};
use crate::words::{Refers, kinds};

/// A `list` line: its set and the type of its items, unless something was wrong with it.
#[derive(Clone, Debug)]
pub(super) struct DeclaredList {
    pub(super) set: Option<(ListId, Type)>,
}

// === impl Checker ===

impl<'a> Checker<'a, '_, '_> {
    pub(super) fn list_lines(&mut self, top: &Opened<'a>) {
        for entry in top.of("list") {
            let items = if entry.sound { self.list_line(entry) } else { None };
            let name: Arc<str> = entry.name().unwrap_or_default().into();
            let span = entry.name_span();
            let set = items.map(|(ty, items)| (self.interner.named_list(name, items, span), ty));
            self.lists.push(DeclaredList { set });
        }
    }

    fn list_line(&mut self, entry: &Entry<'a>) -> Option<(Type, ListItems)> {
        if let Some(file) = entry.args.of("from").and_then(|v| v.text()) {
            return self.list_file(entry, &file);
        }
        let expr = entry.node.value.as_ref()?;
        let ExprKind::Term(Term { kind: TermKind::List(list), .. }) = &expr.kind else {
            self.problems.push(
                Diagnostic::new(Code::E0301, expr.span, "a `list` is written in brackets")
                    .help("for example `list corp_nets = [10.0.0.0/8]`"),
            );
            return None;
        };
        let ty = list.items.iter().find_map(infer);
        let Some(ty) = ty else {
            self.problems.push(
                Diagnostic::new(Code::E0301, expr.span, "this list holds no values")
                    .help("texts, numbers, networks, times: `[\"a\", \"b\"]`"),
            );
            return None;
        };
        let floats = ty == Type::Int && list.items.iter().any(|t| infer(t) == Some(Type::Float));
        let ty = if floats { Type::Float } else { ty };
        self.items(ty, &list.items, expr.span).map(|items| (ty, items))
    }

    /// One value a line; `#` begins a comment.
    fn list_file(&mut self, entry: &Entry<'a>, file: &str) -> Option<(Type, ListItems)> {
        let span = entry.args.span_of("from").unwrap_or(entry.node.word.span);
        let Some(kind) = entry.args.of("of").and_then(|v| v.choice()) else {
            self.problems.push(
                Diagnostic::new(Code::E0208, span, "a list from a file says what its lines are")
                    .help(format!("write `of string`, `of cidr` or `of int` before `from \"{file}\"`")),
            );
            return None;
        };
        let (id, text) = match self.files.text(span, file) {
            Ok(loaded) => loaded,
            Err(problem) => {
                self.problems.push(*problem);
                return None;
            }
        };
        let before = self.problems.len();
        let mut items = empty(match kind {
            "cidr" => Type::Ip,
            "int" => Type::Int,
            _ => Type::Text,
        });
        let mut at = 0_u32;
        let mut rows = 0_usize;
        for line in text.split_inclusive('\n') {
            let row = line.split('#').next().unwrap_or_default().trim();
            let start = at;
            at = at.saturating_add(u32::try_from(line.len()).unwrap_or(u32::MAX));
            if row.is_empty() {
                continue;
            }
            rows += 1;
            if let Err(why) = push_row(&mut items, row) {
                let end = start.saturating_add(u32::try_from(line.trim_end().len()).unwrap_or(0));
                self.problems.push(
                    Diagnostic::new(Code::E0901, Span::new(id, start, end), format!("`{row}` {why}"))
                        .also(span, "the file is named here"),
                );
            }
            if rows > self.limits.list_items || self.problems.len() > before + 20 {
                break;
            }
        }
        self.within_list_limit(rows, span);
        (self.problems.len() == before).then_some((type_of(&items), items))
    }

    fn within_list_limit(&mut self, rows: usize, span: Span) {
        let max = self.limits.list_items;
        if rows > max {
            let message = format!("a list may have {max} items");
            self.problems
                .push(Diagnostic::new(Code::E0309, span, message).help("split it, or look the value up elsewhere"));
        }
    }

    /// The values of a literal list as a set of one type.
    pub(super) fn items(&mut self, ty: Type, terms: &'a [Term], span: Span) -> Option<ListItems> {
        self.within_list_limit(terms.len(), span);
        let before = self.problems.len();
        let ty = if ty == Type::Json { json_type(terms) } else { ty };
        let mut items = empty(ty);
        for term in terms.iter().filter(|t| !matches!(t.kind, TermKind::Error)) {
            if ty == Type::Ip {
                if let (Some(net), ListItems::Net(nets)) = (self.net(term), &mut items) {
                    nets.push(net);
                }
            } else if let Some(constant) = self.constant(ty, term) {
                push(&mut items, constant);
            }
        }
        let holes = terms.iter().any(|t| matches!(t.kind, TermKind::Error));
        (self.problems.len() == before && !holes).then_some(items)
    }

    /// A network, or an address as a network of one.
    pub(super) fn net(&mut self, term: &Term) -> Option<IpNet> {
        let TermKind::Literal(Literal::Ip(address, length)) = &term.kind else {
            self.mismatch(Type::Ip, term);
            return None;
        };
        let length = length.unwrap_or(if address.is_ipv4() { 32 } else { 128 });
        let Ok(net) = IpNet::new(*address, length) else {
            self.problems.push(
                Diagnostic::new(Code::E0301, term.span, format!("`/{length}` is too long for this address"))
                    .help("IPv4 goes to `/32`, IPv6 to `/128`"),
            );
            return None;
        };
        if net.trunc() != net {
            let right = net.trunc();
            self.problems.push(
                Diagnostic::new(Code::E0307, term.span, format!("`{net}` has bits set behind its prefix"))
                    .label("is this one address or a network?")
                    .help(format!("the network is `{right}`, the address alone `{address}`"))
                    .fix(term.span, right.to_string()),
            );
            return None;
        }
        Some(net)
    }

    /// A literal in the type of the field beside it.
    pub(super) fn constant(&mut self, ty: Type, term: &Term) -> Option<Constant> {
        if matches!(term.kind, TermKind::Error) {
            return None;
        }
        let constant = match ty {
            Type::Bool => bool_constant(term),
            Type::Int => value::int(term).map(Constant::Int),
            Type::Float => value::float(term).map(Constant::Float),
            Type::Text | Type::TextList | Type::Class => value::text(term).map(|t| Constant::Text(t.into())),
            Type::Size => value::size(term).map(Constant::Int),
            Type::Duration => value::millis(term).map(Constant::Int),
            Type::Money => value::money(term).map(Constant::Int),
            Type::Percent => value::percent(term).map(Constant::Float),
            Type::Ip => ip_constant(term).map(Constant::Ip),
            Type::Clock => clock_constant(term).map(Constant::Clock),
            Type::Weekday => weekday_constant(term).map(Constant::Weekday),
            Type::Time => Err(Mismatch),
            Type::Json => return self.json_constant(term),
        };
        match constant {
            Ok(constant) => self.label_of_api(ty, constant, term.span),
            Err(Mismatch) => {
                self.mismatch(ty, term);
                None
            }
        }
    }

    fn json_constant(&mut self, term: &Term) -> Option<Constant> {
        let ty = infer(term).unwrap_or(Type::Json);
        match ty {
            Type::Bool | Type::Int | Type::Float | Type::Text => self.constant(ty, term),
            Type::TextList
            | Type::Size
            | Type::Duration
            | Type::Money
            | Type::Percent
            | Type::Ip
            | Type::Clock
            | Type::Weekday
            | Type::Time
            | Type::Class
            | Type::Json => {
                self.mismatch(Type::Json, term);
                None
            }
        }
    }

    /// `E0304` for a label that `api` never has.
    fn label_of_api(&mut self, ty: Type, constant: Constant, span: Span) -> Option<Constant> {
        if let (Type::Class, Constant::Text(label)) = (ty, &constant)
            && !kinds::APIS.iter().any(|k| k.name == label.as_ref())
        {
            let all = || kinds::APIS.iter().map(|k| k.name);
            let problem = Diagnostic::new(Code::E0304, span, format!("there is no api \"{label}\""));
            self.problems.push(match self.names.nearest(label, all()) {
                Some(near) => problem.help(format!("did you mean \"{near}\"?")).fix(span, format!("\"{near}\"")),
                None => problem.help(format!("labels: {}", all().collect::<Vec<_>>().join(", "))),
            });
            return None;
        }
        Some(constant)
    }

    /// `E0301` for a value beside a field of another type.
    pub(super) fn mismatch(&mut self, ty: Type, term: &Term) {
        if matches!(term.kind, TermKind::Error) {
            return;
        }
        let message = format!("expected {}, found {}", article(ty), value::found(term));
        let problem = Diagnostic::new(Code::E0301, term.span, message);
        let source = self.files.sources.text(term.span);
        let problem = match (ty, &term.kind) {
            (Type::Text | Type::Class | Type::TextList | Type::Json, TermKind::Path(path)) => {
                let said = value::path_text(path);
                problem
                    .label("the right side of a test is a value")
                    .help(format!("a text stands in quotes: `\"{said}\"`"))
            }
            (Type::Text | Type::Class | Type::TextList, TermKind::Literal(Literal::Number(_) | Literal::Bool(_))) => {
                problem.help(format!("this field is a text: `\"{source}\"`")).fix(term.span, format!("\"{source}\""))
            }
            (Type::Int | Type::Float | Type::Bool, TermKind::Literal(Literal::Str(text))) => {
                problem.help(format!("without quotes: `{text}`"))
            }
            (Type::Duration, TermKind::Literal(Literal::Number(n))) if n.unit.is_none() => {
                problem.help(format!("say the unit: `{source}s` or `{source}ms`"))
            }
            (Type::Percent, TermKind::Literal(Literal::Number(n))) if n.unit.is_none() => {
                problem.help(format!("write `{source}%`")).fix(term.span, format!("{source}%"))
            }
            (Type::Ip, TermKind::Literal(Literal::Ip(_, Some(_)))) => {
                problem.help(format!("a network is tested with `in [{source}]`"))
            }
            (Type::Ip, TermKind::Literal(Literal::Str(text))) if is_net(text) => {
                problem.help(format!("addresses stand without quotes: `{text}`")).fix(term.span, text.clone())
            }
            (Type::Weekday, _) => problem.help("days are mon tue wed thu fri sat sun, without quotes"),
            (Type::Clock, _) => problem.help("a time of the day is written `08:30`"),
            (_, _) => problem,
        };
        self.problems.push(problem);
    }

    /// A named list on the right of an operator: its set and type.
    pub(super) fn named_list(&mut self, path: &'a Path) -> Option<(ListId, Type)> {
        let Some(Entity::List(index)) = self.refer(Refers::Set, path) else { return None };
        self.lists.get(index).and_then(|l| l.set)
    }
}

/// Whether a text would be an address or a network without its quotes.
fn is_net(text: &str) -> bool {
    text.parse::<IpNet>().is_ok() || text.parse::<IpAddr>().is_ok()
}

fn bool_constant(term: &Term) -> Result<Constant, Mismatch> {
    let TermKind::Literal(Literal::Bool(value)) = &term.kind else { return Err(Mismatch) };
    Ok(Constant::Bool(*value))
}

fn ip_constant(term: &Term) -> Result<IpAddr, Mismatch> {
    let TermKind::Literal(Literal::Ip(address, None)) = &term.kind else { return Err(Mismatch) };
    Ok(*address)
}

fn clock_constant(term: &Term) -> Result<u16, Mismatch> {
    let TermKind::Literal(Literal::Clock(minutes)) = &term.kind else { return Err(Mismatch) };
    Ok(*minutes)
}

fn weekday_constant(term: &Term) -> Result<u8, Mismatch> {
    let name = value::name(term)?;
    let day = kinds::WEEKDAYS.iter().position(|d| *d == name).ok_or(Mismatch)?;
    u8::try_from(day).map_err(|_| Mismatch)
}

/// The type that a literal has by itself.
pub(super) fn infer(term: &Term) -> Option<Type> {
    let TermKind::Literal(literal) = &term.kind else {
        return weekday_constant(term).ok().map(|_| Type::Weekday);
    };
    Some(match literal {
        Literal::Str(_) | Literal::Raw(_) => Type::Text,
        Literal::Bool(_) => Type::Bool,
        Literal::Money(_) => Type::Money,
        Literal::Ip(..) => Type::Ip,
        Literal::Clock(_) => Type::Clock,
        Literal::StatusClass(_) => return None,
        Literal::Number(number) => match number.unit {
            None if number.int.is_some() => Type::Int,
            None => Type::Float,
            Some(Unit::Kilo | Unit::Mega | Unit::Giga) => Type::Int,
            Some(Unit::Byte | Unit::KiB | Unit::MiB | Unit::GiB) => Type::Size,
            Some(Unit::Percent) => Type::Percent,
            Some(Unit::Millisecond | Unit::Second | Unit::Minute | Unit::Hour | Unit::Day | Unit::Week) => {
                Type::Duration
            }
        },
    })
}

/// The common type of values beside a JSON field: whole numbers widen to numbers.
fn json_type(terms: &[Term]) -> Type {
    let mut types = terms.iter().filter_map(infer);
    match types.next() {
        Some(Type::Int) if types.any(|t| t == Type::Float) => Type::Float,
        Some(ty) => ty,
        None => Type::Text,
    }
}

fn empty(ty: Type) -> ListItems {
    match ty {
        Type::Text | Type::TextList | Type::Class | Type::Json | Type::Time => ListItems::Text(Vec::new()),
        Type::Ip => ListItems::Net(Vec::new()),
        Type::Float | Type::Percent => ListItems::Float(Vec::new()),
        Type::Bool | Type::Int | Type::Size | Type::Duration | Type::Money | Type::Clock | Type::Weekday => {
            ListItems::Int(Vec::new())
        }
    }
}

fn type_of(items: &ListItems) -> Type {
    match items {
        ListItems::Text(_) => Type::Text,
        ListItems::Net(_) => Type::Ip,
        ListItems::Int(_) => Type::Int,
        ListItems::Float(_) => Type::Float,
    }
}

fn push(items: &mut ListItems, constant: Constant) {
    match (items, constant) {
        (ListItems::Text(texts), Constant::Text(text)) => texts.push(text),
        (ListItems::Int(ints), Constant::Int(int)) => ints.push(int),
        (ListItems::Int(ints), Constant::Clock(minutes)) => ints.push(i64::from(minutes)),
        (ListItems::Int(ints), Constant::Weekday(day)) => ints.push(i64::from(day)),
        (ListItems::Int(ints), Constant::Bool(value)) => ints.push(i64::from(value)),
        (ListItems::Float(floats), Constant::Float(float)) => floats.push(float),
        // INVARIANT: `empty` chose the variant by the type that made the constant.
        (ListItems::Text(_) | ListItems::Net(_) | ListItems::Int(_) | ListItems::Float(_), _) => {}
    }
}

fn push_row(items: &mut ListItems, row: &str) -> Result<(), &'static str> {
    match items {
        ListItems::Text(texts) => texts.push(row.into()),
        ListItems::Int(ints) => ints.push(row.parse().map_err(|_| "is no whole number")?),
        ListItems::Float(floats) => floats.push(row.parse().map_err(|_| "is no number")?),
        ListItems::Net(nets) => {
            let net = row.parse::<IpNet>().or_else(|_| row.parse::<IpAddr>().map(IpNet::from));
            let net = net.map_err(|_| "is no address and no network")?;
            if net.trunc() != net {
                return Err("has bits set behind its prefix");
            }
            nets.push(net);
        }
    }
    Ok(())
}
