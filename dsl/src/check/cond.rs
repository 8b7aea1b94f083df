//! Conditions: the tree of a `when` or a `let`, typed, with every part's place.
//!
//! A [`Cond`](hir::Cond) has no places; the analyses need them. So a condition lives here as [`Checked`] and is
//! lowered at the end.

use std::sync::Arc;

use super::Checker;
use super::statements::Opened;
use crate::diag::{Code, Diagnostic};
use crate::hir::{self, AtomId, Test, Type};
use crate::resolve::names::Entity;
use crate::resolve::value;
use crate::span::Span;
use crate::syntax::ast::{Expr, ExprKind, Literal, Node, Path, Term, TermKind};
use crate::words::Refers;

/// A checked condition with its place.
#[derive(Clone, Debug)]
pub(super) struct Checked {
    pub(super) kind: CheckedKind,
    pub(super) span: Span,
}

/// What it is.
#[derive(Clone, Debug)]
pub(super) enum CheckedKind {
    /// Something that has been complained about.
    Hole,
    /// Constant.
    Const(bool),
    /// One test.
    Atom(AtomId),
    /// Complement.
    Not(Box<Checked>),
    /// All hold.
    And(Vec<Checked>),
    /// One holds.
    Or(Vec<Checked>),
}

/// How far a `let` is.
#[derive(Clone, Debug)]
pub(super) enum LetState<'a> {
    /// Not looked at.
    Todo(&'a Node),
    /// Being read: whoever meets it again has found a circle.
    Busy,
    /// Read.
    Done(Arc<Checked>),
}

// === impl Checked ===

impl Checked {
    pub(super) fn new(kind: CheckedKind, span: Span) -> Self {
        Self { kind, span }
    }

    pub(super) fn hole(span: Span) -> Self {
        Self::new(CheckedKind::Hole, span)
    }

    /// The complement.
    pub(super) fn negate(self) -> Self {
        let span = self.span;
        Self::new(CheckedKind::Not(Box::new(self)), span)
    }

    /// Whether every part was understood.
    pub(super) fn is_sound(&self) -> bool {
        match &self.kind {
            CheckedKind::Hole => false,
            CheckedKind::Const(_) | CheckedKind::Atom(_) => true,
            CheckedKind::Not(inner) => inner.is_sound(),
            CheckedKind::And(parts) | CheckedKind::Or(parts) => parts.iter().all(Self::is_sound),
        }
    }

    /// Number of leaves, doubles counted: what bounds the tree.
    pub(super) fn size(&self) -> usize {
        match &self.kind {
            CheckedKind::Hole | CheckedKind::Const(_) | CheckedKind::Atom(_) => 1,
            CheckedKind::Not(inner) => inner.size(),
            CheckedKind::And(parts) | CheckedKind::Or(parts) => parts.iter().map(Self::size).sum(),
        }
    }

    /// Without places.
    pub(super) fn lower(&self) -> hir::Cond {
        match &self.kind {
            CheckedKind::Hole => hir::Cond::Const(false),
            CheckedKind::Const(value) => hir::Cond::Const(*value),
            CheckedKind::Atom(atom) => hir::Cond::Atom(*atom),
            CheckedKind::Not(inner) => hir::Cond::Not(Box::new(inner.lower())),
            CheckedKind::And(parts) => hir::Cond::And(parts.iter().map(Self::lower).collect()),
            CheckedKind::Or(parts) => hir::Cond::Or(parts.iter().map(Self::lower).collect()),
        }
    }
}

// === impl Checker ===

impl<'a> Checker<'a, '_, '_> {
    /// Reads every `let`, also those that nothing uses: their mistakes are mistakes.
    pub(super) fn let_lines(&mut self, top: &Opened<'a>) {
        self.lets = top.of("let").map(|entry| LetState::Todo(entry.node)).collect();
        for entry in top.of("let") {
            self.hides_field(entry.name(), entry.name_span());
        }
        for index in 0..self.lets.len() {
            self.named_condition(index, 0);
        }
    }

    /// `E0206`: a name that is also a field would be read in two ways.
    fn hides_field(&mut self, name: Option<&str>, span: Span) {
        let Some(name) = name else { return };
        let hit = crate::words::fields::names().find(|f| f.split('.').next() == Some(name));
        if let Some(hit) = hit {
            self.problems.push(
                Diagnostic::new(Code::E0206, span, format!("the name `{name}` hides the field `{hit}`"))
                    .label("conditions could not say which of the two they mean")
                    .help(format!("choose another name, for example `is_{name}`")),
            );
        }
    }

    /// The condition of a `let`, read at most once. `depth` counts `let` names inside `let` names.
    fn named_condition(&mut self, index: usize, depth: usize) -> Option<Arc<Checked>> {
        let node = match self.lets.get(index)? {
            LetState::Done(done) => return Some(Arc::clone(done)),
            LetState::Busy => return None,
            LetState::Todo(node) => *node,
        };
        self.set_let(index, LetState::Busy);
        let span = node.span_of_head();
        let checked = match &node.value {
            Some(expr) if depth < self.limits.let_depth => self.condition_at(expr, depth + 1),
            Some(expr) => {
                let message = format!("more than {} `let` names stand inside each other", self.limits.let_depth);
                self.problems
                    .push(Diagnostic::new(Code::E0309, span, message).help("write the inner conditions out"));
                Checked::hole(expr.span)
            }
            None => Checked::hole(span),
        };
        let checked = Arc::new(self.bounded(checked));
        self.set_let(index, LetState::Done(Arc::clone(&checked)));
        Some(checked)
    }

    fn set_let(&mut self, index: usize, state: LetState<'a>) {
        if let Some(slot) = self.lets.get_mut(index) {
            *slot = state;
        }
    }

    /// A condition of a statement.
    pub(super) fn condition(&mut self, expr: &'a Expr) -> Checked {
        let checked = self.condition_at(expr, 0);
        self.bounded(checked)
    }

    /// `E0309` for a condition with too many tests.
    fn bounded(&mut self, checked: Checked) -> Checked {
        let (size, max) = (checked.size(), self.limits.atoms_per_condition);
        if size <= max {
            return checked;
        }
        self.problems.push(
            Diagnostic::new(Code::E0309, checked.span, format!("this condition has {size} tests, more than {max}"))
                .label("`let` names count with everything they stand for")
                .help("put values into a list (`model in [\"a\", \"b\"]`), or make several rules of it"),
        );
        Checked::hole(checked.span)
    }

    fn condition_at(&mut self, expr: &'a Expr, depth: usize) -> Checked {
        let kind = match &expr.kind {
            ExprKind::Error => CheckedKind::Hole,
            ExprKind::And(parts) => {
                CheckedKind::And(parts.iter().map(|p| self.condition_at(&p.expr, depth)).collect())
            }
            ExprKind::Or(parts) => CheckedKind::Or(parts.iter().map(|p| self.condition_at(&p.expr, depth)).collect()),
            ExprKind::Not(inner) => CheckedKind::Not(Box::new(self.condition_at(inner, depth))),
            ExprKind::Term(term) => return self.lone(term, depth),
            ExprKind::Test(test) => return self.test(expr.span, test),
            ExprKind::Presence { of, present } => return self.presence(expr.span, of, *present),
        };
        Checked::new(kind, expr.span)
    }

    /// An operand that stands alone: a bool field, a `let`, a group.
    fn lone(&mut self, term: &'a Term, depth: usize) -> Checked {
        match &term.kind {
            TermKind::Literal(Literal::Bool(value)) => Checked::new(CheckedKind::Const(*value), term.span),
            TermKind::Group(inner) => {
                let inner = self.condition_at(inner, depth);
                Checked::new(inner.kind, term.span)
            }
            TermKind::Path(path) => self.lone_path(path, term, depth),
            TermKind::Error => Checked::hole(term.span),
            TermKind::Literal(_)
            | TermKind::Range(..)
            | TermKind::Call(..)
            | TermKind::List(_)
            | TermKind::Any
            | TermKind::All => {
                let message = format!("a condition must stand here, not {}", value::found(term));
                self.problems.push(
                    Diagnostic::new(Code::E0302, term.span, message).help("compare a field: `model == \"gpt-4o\"`"),
                );
                Checked::hole(term.span)
            }
        }
    }

    fn lone_path(&mut self, path: &'a Path, term: &'a Term, depth: usize) -> Checked {
        let name = value::single(path).filter(|n| self.names.decl(Refers::Condition, n).is_some());
        if name.is_some() {
            return self.lone_let(path, depth);
        }
        let Some(field) = self.field(path) else { return Checked::hole(term.span) };
        if field.ty == Type::Bool {
            let id = self.interner.field(field);
            return self.atom(id, Test::IsTrue, term.span);
        }
        let said = value::path_text(path);
        let problem =
            Diagnostic::new(Code::E0302, term.span, format!("`{said}` is {}, not a condition", article(field.ty)));
        self.problems.push(match field.ty {
            Type::Json => problem.help(format!("write `{said} == true`")),
            Type::Text | Type::Class => problem.help(format!("write `{said} is present` or `{said} == \"…\"`")),
            Type::TextList => problem.help(format!("write `{said} contains \"…\"`")),
            Type::Time => problem.help(format!("write `{said} in SCHEDULE`")),
            Type::Bool
            | Type::Int
            | Type::Float
            | Type::Size
            | Type::Duration
            | Type::Money
            | Type::Percent
            | Type::Ip
            | Type::Clock
            | Type::Weekday => problem.help(format!("compare it: `{said} == …`")),
        });
        Checked::hole(term.span)
    }

    fn lone_let(&mut self, path: &'a Path, depth: usize) -> Checked {
        let Some(Entity::Condition(index)) = self.refer(Refers::Condition, path) else {
            return Checked::hole(path.span);
        };
        match self.named_condition(index, depth) {
            Some(checked) if checked.is_sound() => Checked::new(checked.kind.clone(), path.span),
            Some(_) => Checked::hole(path.span),
            None => {
                let said = value::path_text(path);
                self.problems.push(
                    Diagnostic::new(Code::E0310, path.span, format!("`let {said}` stands for itself"))
                        .label("the circle closes here")
                        .help("write the condition out in one of the `let` lines"),
                );
                Checked::hole(path.span)
            }
        }
    }

    fn presence(&mut self, span: Span, of: &'a Term, present: bool) -> Checked {
        let Some(field) = self.operand(of) else { return Checked::hole(span) };
        let id = self.interner.field(field);
        let atom = self.atom(id, Test::Present, span);
        if present { atom } else { Checked::new(CheckedKind::Not(Box::new(atom)), span) }
    }

    /// An interned test as a condition.
    pub(super) fn atom(&mut self, field: hir::FieldId, test: Test, span: Span) -> Checked {
        let sources = &self.files.sources;
        let id = self.interner.atom(field, test, span, || sources.text(span).into());
        Checked::new(CheckedKind::Atom(id), span)
    }
}

/// "a text", "a number": a type in words.
pub(super) fn article(ty: Type) -> &'static str {
    match ty {
        Type::Bool => "true or false",
        Type::Int => "a whole number",
        Type::Float => "a number",
        Type::Text => "a text",
        Type::TextList => "a list of texts",
        Type::Size => "a size in bytes",
        Type::Duration => "a length of time",
        Type::Money => "an amount of money",
        Type::Percent => "per cent",
        Type::Ip => "an address",
        Type::Clock => "a time of the day",
        Type::Weekday => "a day of the week",
        Type::Time => "an instant",
        Type::Class => "a label",
        Type::Json => "a JSON value",
    }
}
