//! Actions of a block: lowered one by one, then judged together.

use std::sync::Arc;

use super::Checker;

use super::statements::{Entry, Opened};
use crate::diag::{Code, Diagnostic};
use crate::hir::{Action, ActionKind, Field, FieldKind, LogLevel, Type};
use crate::resolve::args::Val;
use crate::resolve::names::Entity;
use crate::resolve::value;
use crate::span::Span;
use crate::syntax::ast::{Literal, Node, Stmt, Term, TermKind};
use crate::words::{Place, Refers, Word};

/// The actions of one block.
#[derive(Clone, Debug, Default)]
pub(super) struct Lowered {
    /// In written order, `use` expanded.
    pub(super) actions: Vec<Action>,
    /// Everything was understood.
    pub(super) sound: bool,
    /// Places of terminal actions.
    pub(super) terminals: Vec<(&'static str, Span)>,
}

/// How far a `bundle` is.
#[derive(Clone, Debug)]
pub(super) enum BundleState<'a> {
    /// Not looked at.
    Todo(&'a Node),
    /// Being read.
    Busy,
    /// Read.
    Done(Arc<Lowered>),
}

// === impl Checker ===

impl<'a> Checker<'a, '_, '_> {
    /// Reads every `bundle`, also those that nothing uses.
    pub(super) fn bundle_lines(&mut self, top: &Opened<'a>) {
        self.bundles = top.of("bundle").map(|entry| BundleState::Todo(entry.node)).collect();
        for index in 0..self.bundles.len() {
            self.bundle(index, 0);
        }
    }

    fn bundle(&mut self, index: usize, depth: usize) -> Option<Arc<Lowered>> {
        let node = match self.bundles.get(index)? {
            BundleState::Done(done) => return Some(Arc::clone(done)),
            BundleState::Busy => return None,
            BundleState::Todo(node) => *node,
        };
        self.set_bundle(index, BundleState::Busy);
        let stmts: &'a [Stmt] = node.block.as_ref().map_or(&[], |b| &b.stmts);
        let mut lowered = if depth < self.limits.let_depth {
            self.actions(stmts, "", depth + 1)
        } else {
            let message = format!("more than {} bundles stand inside each other", self.limits.let_depth);
            self.problems
                .push(Diagnostic::new(Code::E0309, node.span_of_head(), message).help("write the inner actions out"));
            Lowered::default()
        };
        if let Some((word, span)) = lowered.terminals.first() {
            lowered.sound = false;
            self.problems.push(
                Diagnostic::new(Code::E0403, *span, format!("`{word}` decides, and a bundle cannot decide"))
                    .help("move it into the `rule` that uses the bundle"),
            );
        }
        let lowered = Arc::new(lowered);
        self.set_bundle(index, BundleState::Done(Arc::clone(&lowered)));
        Some(lowered)
    }

    fn set_bundle(&mut self, index: usize, state: BundleState<'a>) {
        if let Some(slot) = self.bundles.get_mut(index) {
            *slot = state;
        }
    }

    /// The actions of a block. `salt` is the rule's name, for splits; `depth` counts bundles inside bundles.
    pub(super) fn actions(&mut self, stmts: &'a [Stmt], salt: &str, depth: usize) -> Lowered {
        let opened = self.open(stmts, Place::Actions, None);
        let mut lowered = Lowered { sound: opened.sound, ..Lowered::default() };
        for entry in &opened.entries {
            if entry.word.terminal {
                lowered.terminals.push((entry.word.name, entry.node.word.span));
            }
            if !entry.sound {
                lowered.sound = false;
                continue;
            }
            if entry.word.name == "use" {
                self.use_bundle(&mut lowered, entry, depth);
                continue;
            }
            match self.action(entry, salt) {
                Some(kind) => lowered.actions.push(Action { kind, span: entry.stmt.span }),
                None => lowered.sound = false,
            }
        }
        self.order_of_stages(&opened);
        self.set_twice(&lowered.actions);
        lowered
    }

    fn use_bundle(&mut self, lowered: &mut Lowered, entry: &Entry<'a>, depth: usize) {
        let path = entry.args.at(0).and_then(Val::path);
        let Some(Entity::Bundle(index)) = path.and_then(|p| self.refer(Refers::Bundle, p)) else {
            lowered.sound = false;
            return;
        };
        match self.bundle(index, depth) {
            Some(bundle) if lowered.actions.len() + bundle.actions.len() <= self.limits.actions => {
                lowered.sound &= bundle.sound;
                lowered.actions.extend(bundle.actions.iter().cloned());
            }
            Some(_) => {
                lowered.sound = false;
                let message = format!("more than {} actions, bundles taken in", self.limits.actions);
                self.problems
                    .push(Diagnostic::new(Code::E0309, entry.node.span_of_head(), message).help("take a `use` out"));
            }
            None => {
                lowered.sound = false;
                self.problems.push(
                    Diagnostic::new(Code::E0310, entry.node.span_of_head(), "this bundle uses itself")
                        .label("the circle closes here")
                        .help("take the `use` out"),
                );
            }
        }
    }

    fn action(&mut self, entry: &Entry<'a>, salt: &str) -> Option<ActionKind> {
        let args = &entry.args;
        let text = |nth: usize| args.at(nth).and_then(Val::text);
        Some(match entry.word.name {
            "deny" => ActionKind::Deny { status: self.refusal(entry)?, message: text(1)? },
            "respond" => ActionKind::Respond {
                status: args.at(0).and_then(Val::int).and_then(|s| u16::try_from(s).ok())?,
                json: args.at(1).and_then(Val::choice)? == "json",
                body: text(2)?,
            },
            "route" => ActionKind::Route(Arc::new(self.route(entry)?)),
            "split" => ActionKind::Split(Arc::new(self.split(entry, salt)?)),
            "set" => self.set(entry)?,
            "remove" => ActionKind::RemoveHeader(self.remove(entry)?),
            "cap" => self.cap(entry)?,
            "inject" => ActionKind::InjectSystem(self.inject(entry)?),
            "tag" => {
                let name = args.at(0).and_then(Val::path).and_then(value::single)?;
                ActionKind::Tag(name.into(), text(1)?)
            }
            "log" => self.log(entry)?,
            _ => return None,
        })
    }

    /// `deny` is for errors; an answer that is none has `respond`.
    fn refusal(&mut self, entry: &Entry<'a>) -> Option<u16> {
        let status = entry.args.at(0).and_then(Val::int).and_then(|s| u16::try_from(s).ok())?;
        if status >= 400 {
            return Some(status);
        }
        self.problems.push(
            Diagnostic::new(Code::E0301, entry.name_span(), format!("`deny` refuses, and {status} is no refusal"))
                .help(format!("use 400 to 599, or `respond {status} text \"…\"`")),
        );
        None
    }

    fn set(&mut self, entry: &Entry<'a>) -> Option<ActionKind> {
        let path = entry.args.at(0).and_then(Val::path)?;
        let term = entry.args.at(1).and_then(Val::term)?;
        let field = self.field(path)?;
        if field.kind == FieldKind::Model {
            let text = self.text_value(term)?;
            return Some(ActionKind::SetModel(self.unaliased(&text)));
        }
        if let FieldKind::Param(name) = &field.kind {
            let json = self.json_value(&field, term)?;
            return Some(ActionKind::SetParam(Arc::clone(name), json.into()));
        }
        if let FieldKind::Header(name) = &field.kind {
            let text = self.text_value(term)?;
            self.header_may_be_set(name, path.span);
            self.header_value(&text, term.span);
            return Some(ActionKind::SetHeader(Arc::clone(name), text));
        }
        self.not_writable(&field, path.span, "set");
        None
    }

    fn not_writable(&mut self, field: &Field, span: Span, action: &str) {
        let what = match action {
            "set" => "`model`, `param.NAME` or `header.NAME`",
            "cap" => "`param.NAME`",
            _ => "`header.NAME`",
        };
        self.problems.push(
            Diagnostic::new(Code::E0308, span, format!("`{action}` cannot change `{}`", field.name))
                .label("rules see the request as it arrived")
                .help(format!("`{action}` takes {what}")),
        );
    }

    fn text_value(&mut self, term: &Term) -> Option<Arc<str>> {
        match value::text(term) {
            Ok(text) => Some(text.into()),
            Err(value::Mismatch) => {
                self.mismatch(Type::Text, term);
                None
            }
        }
    }

    /// The value of `set param.K` as JSON text, in the type that the parameter has.
    fn json_value(&mut self, field: &Field, term: &Term) -> Option<String> {
        if let TermKind::List(list) = &term.kind {
            let items: Option<Vec<_>> = list.items.iter().map(|t| self.json_value(field, t)).collect();
            return items.map(|items| format!("[{}]", items.join(",")));
        }
        if field.ty != Type::Json {
            self.constant(field.ty, term)?;
        }
        if let Ok(text) = value::text(term) {
            return Some(json_string(text));
        }
        if let TermKind::Literal(Literal::Bool(yes)) = &term.kind {
            return Some(yes.to_string());
        }
        match (value::int(term), value::float(term)) {
            (Ok(int), _) => Some(int.to_string()),
            (Err(_), Ok(float)) if float.is_finite() => Some(float.to_string()),
            (Err(_), Ok(_) | Err(_)) => {
                self.mismatch(field.ty, term);
                None
            }
        }
    }

    fn remove(&mut self, entry: &Entry<'a>) -> Option<Arc<str>> {
        let path = entry.args.at(0).and_then(Val::path)?;
        let field = self.field(path)?;
        if let FieldKind::Header(name) = &field.kind {
            self.header_may_be_set(name, path.span);
            return Some(Arc::clone(name));
        }
        self.not_writable(&field, path.span, "remove");
        None
    }

    fn cap(&mut self, entry: &Entry<'a>) -> Option<ActionKind> {
        let path = entry.args.at(0).and_then(Val::path)?;
        let limit = entry.args.at(1).and_then(Val::int)?;
        let field = self.field(path)?;
        match (&field.kind, field.ty) {
            (FieldKind::Param(name), Type::Int | Type::Json) => Some(ActionKind::Cap(Arc::clone(name), limit)),
            (FieldKind::Param(_), ty) => {
                let message =
                    format!("`cap` works on whole numbers, and `{}` is {}", field.name, super::cond::article(ty));
                self.problems.push(
                    Diagnostic::new(Code::E0302, path.span, message).help(format!("write `set {} …`", field.name)),
                );
                None
            }
            (_, _) => {
                self.not_writable(&field, path.span, "cap");
                None
            }
        }
    }

    fn inject(&mut self, entry: &Entry<'a>) -> Option<Arc<str>> {
        let text = entry.args.at(1).and_then(Val::text);
        let file = entry.args.of("from").and_then(Val::text);
        let span = entry.args.span_of("from").unwrap_or(entry.node.word.span);
        match (text, file) {
            (Some(text), None) => Some(text),
            (None, Some(file)) => {
                let (_, text) = self.files.text(span, &file).map_err(|problem| self.problems.push(*problem)).ok()?;
                let max = self.limits.inject_bytes;
                if text.len() > max {
                    let message = format!("`{file}` has {} bytes, more than {max}", text.len());
                    self.problems.push(
                        Diagnostic::new(Code::E0309, span, message)
                            .help("a system text is sent with every request: make it shorter"),
                    );
                    return None;
                }
                Some(text.trim_end_matches(['\n', '\r']).into())
            }
            (Some(_), Some(_)) | (None, None) => {
                self.problems.push(
                    Diagnostic::new(
                        Code::E0208,
                        entry.node.span_of_head(),
                        "`inject system` takes a text or a file, one of the two",
                    )
                    .help("write `inject system \"…\"` or `inject system from \"prompt.txt\"`"),
                );
                None
            }
        }
    }

    fn log(&mut self, entry: &Entry<'a>) -> Option<ActionKind> {
        let level = match entry.args.at(0).and_then(Val::choice)? {
            "off" => LogLevel::Off,
            "full" => LogLevel::Full,
            _ => LogLevel::Meta,
        };
        Some(ActionKind::Log(level, entry.args.of("sample").and_then(Val::percent)))
    }

    /// W0402: what is written after something that runs later.
    fn order_of_stages(&mut self, opened: &Opened<'a>) {
        let mut later: Option<(&Word, Span)> = None;
        for entry in &opened.entries {
            let Some(stage) = entry.word.stage else { continue };
            let reads_wrong = later.filter(|(word, _)| {
                word.terminal && !entry.word.terminal && stage < 9 && word.stage.is_some_and(|s| s > stage || s == 2)
            });
            if let Some((word, span)) = reads_wrong {
                let name = entry.word.name;
                self.problems.push(
                    Diagnostic::new(
                        Code::W0402,
                        entry.node.word.span,
                        format!("`{name}` is written after `{}` and {}", word.name, runs(word)),
                    )
                    .also(span, format!("`{}` decides", word.name))
                    .help(format!("write `{name}` above `{}`", word.name)),
                );
                return;
            }
            if entry.word.terminal {
                later = Some((entry.word, entry.node.word.span));
            }
        }
    }

    /// W0403: of two `set` lines for one thing the last one counts.
    fn set_twice(&mut self, actions: &[Action]) {
        let mut seen: std::collections::HashMap<String, Span> = std::collections::HashMap::new();
        for action in actions {
            let what = if matches!(action.kind, ActionKind::SetModel(_)) {
                "model".to_owned()
            } else if let ActionKind::SetParam(name, _) = &action.kind {
                format!("param.{name}")
            } else if let ActionKind::SetHeader(name, _) = &action.kind {
                format!("header.{name}")
            } else {
                continue;
            };
            if let Some(first) = seen.insert(what.clone(), action.span) {
                self.problems.push(
                    Diagnostic::new(Code::W0403, first, format!("this `set {what}` has no effect"))
                        .also(action.span, "a later one overrides it")
                        .help("keep the one that is meant"),
                );
            }
        }
    }
}

fn runs(word: &Word) -> &'static str {
    if word.stage == Some(2) { "has no effect: nothing is sent" } else { "runs before it" }
}

/// A JSON string literal (RFC 8259 §7).
fn json_string(text: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if u32::from(c) < 0x20 => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_strings_are_escaped() {
        assert_eq!(json_string("a\"b\\c\n\u{1}"), "\"a\\\"b\\\\c\\n\\u0001\"");
    }
}
