//! One test: `left OP right`, typed and lowered to an atom.

use std::sync::Arc;

use super::Checker;
use super::cond::{Checked, CheckedKind, article};
use crate::diag::{Code, Diagnostic};
use crate::hir::{Constant, Field, FieldKind, ListId, ListItems, OrderOp, Test, Type};
use crate::resolve::value;
use crate::span::Span;
use crate::syntax::ast::{self, Op, Term, TermKind};
use crate::words::{Refers, kinds};

/// Whether the value of a field is a list.
pub(super) fn is_list(field: &Field) -> bool {
    let each = matches!(&field.kind, FieldKind::Body(steps) if steps.contains(&crate::hir::BodyStep::Each));
    !field.count && (field.ty == Type::TextList || each)
}

/// Whether the value of a field is one text.
pub(super) fn is_text(field: &Field) -> bool {
    matches!(field.ty, Type::Text | Type::Json) && !is_list(field)
}

fn is_ordered(ty: Type) -> bool {
    match ty {
        Type::Int
        | Type::Float
        | Type::Size
        | Type::Duration
        | Type::Money
        | Type::Percent
        | Type::Clock
        | Type::Json => true,
        Type::Bool | Type::Text | Type::TextList | Type::Ip | Type::Weekday | Type::Time | Type::Class => false,
    }
}

// === impl Checker ===

impl<'a> Checker<'a, '_, '_> {
    /// `left OP right`.
    pub(super) fn test(&mut self, span: Span, test: &'a ast::Test) -> Checked {
        let Some(field) = self.operand(&test.left) else { return Checked::hole(span) };
        if matches!(test.right.kind, TermKind::Error) {
            return Checked::hole(span);
        }
        let positive = match test.op {
            Op::Eq | Op::Ne => self.equal(&field, span, test),
            Op::Lt => self.order(&field, OrderOp::Lt, span, test),
            Op::Le => self.order(&field, OrderOp::Le, span, test),
            Op::Gt => self.order(&field, OrderOp::Gt, span, test),
            Op::Ge => self.order(&field, OrderOp::Ge, span, test),
            Op::In => self.member(&field, span, test),
            Op::Like => self.like(&field, span, test),
            Op::Matches => self.matches(&field, span, test),
            Op::StartsWith | Op::EndsWith => self.edge(&field, span, test),
            Op::Contains | Op::ContainsAny | Op::ContainsAll => self.contains(&field, span, test),
        };
        let Some(positive) = positive else { return Checked::hole(span) };
        if test.negated != (test.op == Op::Ne) {
            return Checked::new(CheckedKind::Not(Box::new(positive)), span);
        }
        positive
    }

    /// The left side: a field, perhaps through `lower` or `count`.
    pub(super) fn operand(&mut self, term: &'a Term) -> Option<Field> {
        match &term.kind {
            TermKind::Path(path) => {
                let name = value::single(path).and_then(|n| self.names.decl(Refers::Condition, n));
                if let Some(decl) = name {
                    let said = value::path_text(path);
                    let problem = Diagnostic::new(
                        Code::E0302,
                        term.span,
                        format!("`{said}` is a condition and has no value to compare"),
                    )
                    .also(decl.span, "declared here")
                    .help(format!("write `{said}` or `not {said}` alone"));
                    self.refer(Refers::Condition, path);
                    self.problems.push(problem);
                    return None;
                }
                self.field(path)
            }
            TermKind::Call(function, args) => self.function(value::path_text(function).as_str(), function.span, args),
            TermKind::Error => None,
            TermKind::Literal(_)
            | TermKind::Range(..)
            | TermKind::List(_)
            | TermKind::Any
            | TermKind::All
            | TermKind::Group(_) => {
                let message = format!("the left side of a test is a field, not {}", value::found(term));
                self.problems.push(
                    Diagnostic::new(Code::E0302, term.span, message)
                        .help("write the field first: `model == \"gpt-4o\"`"),
                );
                None
            }
        }
    }

    fn function(&mut self, name: &str, span: Span, args: &'a [Term]) -> Option<Field> {
        if name == "secret" {
            self.problems.push(
                Diagnostic::new(Code::E0302, span, "`secret` stands in settings only, never in a condition")
                    .help("compare a field such as `client.key`, which holds the id of a key"),
            );
            return None;
        }
        if !kinds::FUNCTIONS.iter().any(|f| f.name == name) {
            let problem = Diagnostic::new(Code::E0201, span, format!("no function is named `{name}`"));
            let all = || ["lower", "count"].into_iter();
            self.problems.push(match self.names.nearest(name, all()) {
                Some(near) => problem.help(format!("did you mean `{near}`?")).fix(span, near),
                None => problem.help("functions: lower(text), count(list)"),
            });
            return None;
        }
        let [arg] = args else {
            self.problems.push(
                Diagnostic::new(Code::E0301, span, format!("`{name}` takes one field"))
                    .help(format!("for example `{name}(model)`")),
            );
            return None;
        };
        let field = self.operand(arg)?;
        match name {
            "lower" if is_text(&field) && !field.lower => {
                let (name, ty) = (format!("lower({})", field.name).into(), Type::Text);
                Some(Field { lower: true, name, ty, ..field })
            }
            "count" if is_list(&field) => {
                let (name, ty) = (format!("count({})", field.name).into(), Type::Int);
                Some(Field { count: true, name, ty, ..field })
            }
            _ => {
                let wanted = if name == "count" { "a list" } else { "a text" };
                let message = format!("`{name}` takes {wanted}, and `{}` is {}", field.name, article(field.ty));
                self.problems.push(Diagnostic::new(Code::E0302, arg.span, message).help("leave the function out"));
                None
            }
        }
    }

    pub(super) fn make(&mut self, field: &Field, test: Test, span: Span, of: &ast::Test) -> Checked {
        let id = self.interner.field(field.clone());
        let sources = &self.files.sources;
        let text = || -> Arc<str> {
            let right = sources.text(of.right.span);
            format!("{} {} {right}", field.name, op_text(of.op)).into()
        };
        let id = self.interner.atom(id, test, span, text);
        Checked::new(CheckedKind::Atom(id), span)
    }

    fn equal(&mut self, field: &Field, span: Span, test: &'a ast::Test) -> Option<Checked> {
        if is_list(field) || field.ty == Type::Time {
            self.wrong_operator(field, test);
            return None;
        }
        if let (Type::Ip, TermKind::Literal(ast::Literal::Ip(_, Some(_)))) = (field.ty, &test.right.kind) {
            self.mismatch(Type::Ip, &test.right);
            return None;
        }
        let constant = self.right_constant(field, test)?;
        if field.ty == Type::Bool && constant == Constant::Bool(true) {
            return Some(self.make(field, Test::IsTrue, span, test));
        }
        if field.ty == Type::Bool && constant == Constant::Bool(false) && !field.optional {
            return Some(self.make(field, Test::IsTrue, span, test).negate());
        }
        self.never_equal(field, &constant, test.right.span);
        Some(self.make(field, Test::Eq(constant), span, test))
    }

    /// The right side as one value; a field or a `let` there gets its own words.
    fn right_constant(&mut self, field: &Field, test: &'a ast::Test) -> Option<Constant> {
        if let TermKind::Path(path) = &test.right.kind {
            let said = value::path_text(path);
            let known = crate::words::fields::names().any(|f| f == said || said.starts_with(&format!("{f}.")));
            if known && field.ty != Type::Weekday {
                self.problems.push(
                    Diagnostic::new(
                        Code::E0302,
                        test.right.span,
                        format!("`{said}` is a field; a test compares a field with a value"),
                    )
                    .help(format!("two fields cannot be compared; as a text it would be `\"{said}\"`")),
                );
                return None;
            }
        }
        if matches!(test.right.kind, TermKind::List(_)) && !is_list(field) {
            self.problems.push(
                Diagnostic::new(
                    Code::E0302,
                    test.op_span,
                    format!("`{}` compares with one value, not with a list", op_text(test.op)),
                )
                .help(if test.op == Op::Ne { "write `not in [ … ]`" } else { "write `in [ … ]`" })
                .fix(test.op_span, if test.op == Op::Ne { "not in" } else { "in" }),
            );
            return None;
        }
        self.constant(field.ty, &test.right)
    }

    /// W0302 where one value alone can never be met.
    fn never_equal(&mut self, field: &Field, constant: &Constant, span: Span) {
        let Constant::Text(text) = constant else { return };
        self.upper_case(field, text, span);
        if field.kind == FieldKind::Model
            && let Some(target) = self.aliases.get(text)
        {
            let problem = Diagnostic::new(
                Code::W0302,
                span,
                format!("`model` is never \"{text}\": it is an alias of \"{target}\""),
            )
            .label("aliases are resolved before the rules")
            .help(format!("write \"{target}\", or test `model.requested`"));
            self.problems.push(problem);
        }
        if field.kind == FieldKind::Method && text.chars().any(|c| c.is_ascii_lowercase()) {
            let upper = text.to_ascii_uppercase();
            self.problems.push(
                Diagnostic::new(Code::W0302, span, format!("a method is never \"{text}\""))
                    .label("methods are upper case")
                    .help(format!("write \"{upper}\""))
                    .fix(span, format!("\"{upper}\"")),
            );
        }
    }

    pub(super) fn upper_case(&mut self, field: &Field, text: &str, span: Span) {
        if field.lower && text.chars().any(char::is_uppercase) {
            let small = text.to_lowercase();
            self.problems.push(
                Diagnostic::new(Code::W0302, span, format!("`{}` never has upper-case letters", field.name))
                    .label("this text has some")
                    .help(format!("write \"{small}\"")),
            );
        }
    }

    fn order(&mut self, field: &Field, op: OrderOp, span: Span, test: &'a ast::Test) -> Option<Checked> {
        if !is_ordered(field.ty) || is_list(field) {
            self.wrong_operator(field, test);
            return None;
        }
        let constant = self.constant(field.ty, &test.right)?;
        if matches!(constant, Constant::Text(_) | Constant::Bool(_)) {
            self.problems.push(
                Diagnostic::new(
                    Code::E0302,
                    test.op_span,
                    format!("`{}` orders numbers, not texts", op_text(test.op)),
                )
                .help("use `==`, `like` or `in`"),
            );
            return None;
        }
        Some(self.make(field, Test::Order(op, constant), span, test))
    }

    fn member(&mut self, field: &Field, span: Span, test: &'a ast::Test) -> Option<Checked> {
        if is_list(field) || field.ty == Type::Bool {
            self.wrong_operator(field, test);
            return None;
        }
        match &test.right.kind {
            TermKind::Range(from, to) => self.within(field, from, to, span, test),
            TermKind::List(items) => self.in_literal(field, &items.items, span, test),
            TermKind::Path(path)
                if value::single(path).is_none_or(|n| field.ty != Type::Weekday || !kinds::WEEKDAYS.contains(&n)) =>
            {
                let (list, ty) = self.named_list(path)?;
                self.list_fits(field, list, ty, test)?;
                Some(self.make(field, Test::In(list), span, test))
            }
            TermKind::Literal(ast::Literal::Ip(_, Some(_))) if field.ty == Type::Ip => {
                let net = self.net(&test.right)?;
                let list = self.interner.literal_list(ListItems::Net(vec![net]), test.right.span);
                Some(self.make(field, Test::In(list), span, test))
            }
            TermKind::Literal(_)
            | TermKind::Path(_)
            | TermKind::Call(..)
            | TermKind::Any
            | TermKind::All
            | TermKind::Group(_)
            | TermKind::Error => {
                let right = self.files.sources.text(test.right.span);
                self.problems.push(
                    Diagnostic::new(
                        Code::E0302,
                        test.right.span,
                        format!(
                            "`in` takes a list, a range or the name of a list, not {}",
                            value::found(&test.right)
                        ),
                    )
                    .help(format!("write `in [{right}]` or `== {right}`")),
                );
                None
            }
        }
    }

    fn within(
        &mut self,
        field: &Field,
        from: &'a Term,
        to: &'a Term,
        span: Span,
        test: &'a ast::Test,
    ) -> Option<Checked> {
        if !is_ordered(field.ty) && field.ty != Type::Weekday {
            self.wrong_operator(field, test);
            return None;
        }
        let (low, high) = (self.constant(field.ty, from), self.constant(field.ty, to));
        let (low, high) = (low?, high?);
        if !super::domain::in_order(&low, &high) {
            let problem =
                Diagnostic::new(Code::W0302, test.right.span, "this range is empty: it ends before it begins");
            let (a, b) = (self.files.sources.text(from.span), self.files.sources.text(to.span));
            let name = &field.name;
            let problem = match field.ty {
                Type::Clock => problem.help(format!("over midnight write `({name} >= {a} or {name} <= {b})`")),
                Type::Weekday => problem.help(format!("over Sunday write a list: `{name} in [{a}, {b}]`")),
                Type::Bool
                | Type::Int
                | Type::Float
                | Type::Text
                | Type::TextList
                | Type::Size
                | Type::Duration
                | Type::Money
                | Type::Percent
                | Type::Ip
                | Type::Time
                | Type::Class
                | Type::Json => problem.help(format!("write `{b}..{a}`")),
            };
            self.problems.push(problem);
        }
        Some(self.make(field, Test::Within(low, high), span, test))
    }

    /// `in [ … ]`: a set, and a range test for each range among the items.
    fn in_literal(&mut self, field: &Field, items: &'a [Term], span: Span, test: &'a ast::Test) -> Option<Checked> {
        if field.ty == Type::Time {
            self.wrong_operator(field, test);
            return None;
        }
        let mut parts = Vec::new();
        for item in items {
            if let TermKind::Range(from, to) = &item.kind {
                parts.push(self.within(field, from, to, item.span, test)?);
            }
        }
        if parts.is_empty() {
            let set = self.items(field.ty, items, test.right.span)?;
            self.never_in(field, items, test.right.span);
            let list = self.interner.literal_list(set, test.right.span);
            return Some(self.make(field, Test::In(list), span, test));
        }
        for item in items.iter().filter(|t| !matches!(t.kind, TermKind::Range(..))) {
            let constant = self.constant(field.ty, item)?;
            parts.push(self.make(field, Test::Eq(constant), item.span, test));
        }
        Some(Checked::new(CheckedKind::Or(parts), span))
    }

    pub(super) fn never_in(&mut self, field: &Field, items: &[Term], span: Span) {
        if items.is_empty() {
            self.problems.push(
                Diagnostic::new(Code::W0302, span, "nothing is in an empty list")
                    .help("put values into it, or drop the test"),
            );
        }
        for (text, at) in items.iter().filter_map(|t| value::text(t).ok().map(|text| (text, t.span))) {
            self.never_equal(field, &Constant::Text(text.into()), at);
        }
    }

    fn list_fits(&mut self, field: &Field, list: ListId, ty: Type, test: &ast::Test) -> Option<()> {
        let labels = field.ty == Type::Class && ty == Type::Text;
        let json = field.ty == Type::Json && matches!(ty, Type::Text | Type::Int | Type::Float);
        let fits = field.ty == ty || labels || json;
        if fits {
            return Some(());
        }
        let declared = self.interner.list_of(list).map(|l| l.span).unwrap_or_default();
        let message = format!("`{}` is {}, and this list holds {}", field.name, article(field.ty), plural(ty));
        self.problems.push(
            Diagnostic::new(Code::E0301, test.right.span, message)
                .also(declared, "the list")
                .help("use a list of the field's type"),
        );
        None
    }

    /// `E0302`: the operator has no meaning for this type, and which ones do.
    pub(super) fn wrong_operator(&mut self, field: &Field, test: &ast::Test) {
        let message = format!(
            "`{}` cannot be used on `{}`, which is {}",
            op_text(test.op),
            field.name,
            article(if is_list(field) { Type::TextList } else { field.ty })
        );
        let help = if is_list(field) {
            "use `contains`, `contains any`, `contains all` or `count(…)`"
        } else {
            operators_of(field.ty)
        };
        self.problems.push(
            Diagnostic::new(Code::E0302, test.op_span, message).also(test.left.span, article(field.ty)).help(help),
        );
    }
}

fn operators_of(ty: Type) -> &'static str {
    match ty {
        Type::Bool => "write it alone, or with `not`",
        Type::Int | Type::Float | Type::Size | Type::Duration | Type::Money | Type::Percent | Type::Clock => {
            "use `== != < <= > >=` or `in FROM..TO`"
        }
        Type::Text | Type::Json => "use `== != in like matches starts_with ends_with contains`",
        Type::TextList => "use `contains`, `contains any`, `contains all` or `count(…)`",
        Type::Ip => "use `in [10.0.0.0/8]` or `==`",
        Type::Weekday => "use `==`, `in [sat, sun]` or `in mon..fri`",
        Type::Class => "use `==`, `!=` or `in [ … ]`",
        Type::Time => "use `in SCHEDULE`, or `time.clock` and `time.weekday`",
    }
}

/// Several values of a type, in words.
pub(super) fn plural(ty: Type) -> &'static str {
    match ty {
        Type::Bool => "booleans",
        Type::Int => "whole numbers",
        Type::Float => "numbers",
        Type::Text | Type::TextList | Type::Class | Type::Json => "texts",
        Type::Size => "sizes",
        Type::Duration => "lengths of time",
        Type::Money => "amounts of money",
        Type::Percent => "per cents",
        Type::Ip => "networks",
        Type::Clock => "times of the day",
        Type::Weekday => "days",
        Type::Time => "instants",
    }
}

/// The operator as written, without `not`.
pub(super) fn op_text(op: Op) -> &'static str {
    match op {
        Op::Eq | Op::Ne => "==",
        Op::Lt => "<",
        Op::Le => "<=",
        Op::Gt => ">",
        Op::Ge => ">=",
        Op::In => "in",
        Op::Like => "like",
        Op::Matches => "matches",
        Op::StartsWith => "starts_with",
        Op::EndsWith => "ends_with",
        Op::Contains => "contains",
        Op::ContainsAny => "contains any",
        Op::ContainsAll => "contains all",
    }
}
