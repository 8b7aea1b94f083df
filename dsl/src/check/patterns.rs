//! Operators on texts and lists: `like`, `matches`, `starts_with`, `ends_with`, `contains`.

use std::sync::Arc;

use super::Checker;
use super::cond::Checked;
use super::test::{is_list, is_text, op_text, plural};
use super::text;
use crate::diag::{Code, Diagnostic};
use crate::hir::{Constant, Field, FieldKind, ListItems, Test, Type};
use crate::resolve::value;
use crate::span::Span;
use crate::syntax::ast::{self, Op, Term, TermKind};
use crate::words::Refers;

// === impl Checker ===

impl<'a> Checker<'a, '_, '_> {
    pub(super) fn like(&mut self, field: &Field, span: Span, test: &'a ast::Test) -> Option<Checked> {
        if !is_text(field) {
            self.wrong_operator(field, test);
            return None;
        }
        let glob = self.text_of(field, &test.right)?;
        let max = self.limits.glob_stars;
        if glob.matches('*').count() > max {
            self.problems.push(
                Diagnostic::new(Code::E0309, test.right.span, format!("a `like` pattern may have {max} stars"))
                    .help("use `contains`, `contains any` or `matches`"),
            );
            return None;
        }
        Some(self.make(field, Test::Like(glob), span, test))
    }

    pub(super) fn matches(&mut self, field: &Field, span: Span, test: &'a ast::Test) -> Option<Checked> {
        if !is_text(field) {
            self.wrong_operator(field, test);
            return None;
        }
        let Ok(pattern) = value::text(&test.right) else {
            self.mismatch(Type::Text, &test.right);
            return None;
        };
        match text::regex(pattern, test.right.span, &self.limits) {
            Ok(facts) => {
                if matches!(field.kind, FieldKind::Path | FieldKind::Host) && !facts.anchored && !facts.matches_empty
                {
                    self.problems.push(
                        Diagnostic::new(
                            Code::W0306,
                            test.right.span,
                            format!("this pattern is searched anywhere in `{}`", field.name),
                        )
                        .label("no `^` at its beginning")
                        .help(format!("write `^{pattern}`; if anywhere is meant, say `contains` or `^.*`")),
                    );
                }
                Some(self.make(field, Test::Matches(pattern.into()), span, test))
            }
            Err(problem) => {
                self.problems.push(*problem);
                None
            }
        }
    }

    pub(super) fn edge(&mut self, field: &Field, span: Span, test: &'a ast::Test) -> Option<Checked> {
        if !is_text(field) {
            self.wrong_operator(field, test);
            return None;
        }
        let texts = self.texts_of(field, &test.right)?;
        let test_kind = if test.op == Op::StartsWith { Test::StartsWith(texts) } else { Test::EndsWith(texts) };
        Some(self.make(field, test_kind, span, test))
    }

    pub(super) fn contains(&mut self, field: &Field, span: Span, test: &'a ast::Test) -> Option<Checked> {
        let plain = test.op == Op::Contains;
        if !is_text(field) && !is_list(field) {
            self.wrong_operator(field, test);
            return None;
        }
        let is_set = matches!(test.right.kind, TermKind::List(_) | TermKind::Path(_));
        if plain == is_set && !matches!(test.right.kind, TermKind::Path(_)) {
            self.any_or_all(test, plain);
            return None;
        }
        if let (true, TermKind::Path(path)) = (plain, &test.right.kind) {
            if self.names.decl(Refers::Set, value::single(path).unwrap_or_default()).is_some() {
                self.any_or_all(test, plain);
            } else {
                self.mismatch(Type::Text, &test.right);
            }
            return None;
        }
        let all = test.op == Op::ContainsAll;
        if is_list(field) {
            let members = self.members_of(field, &test.right, plain)?;
            let kind = if all { Test::HasAll(members) } else { Test::HasAny(members) };
            return Some(self.make(field, kind, span, test));
        }
        let texts = self.texts_of(field, &test.right)?;
        let kind = if all { Test::ContainsAllText(texts) } else { Test::ContainsText(texts) };
        Some(self.make(field, kind, span, test))
    }

    fn any_or_all(&mut self, test: &ast::Test, plain: bool) {
        let problem = if plain {
            Diagnostic::new(Code::E0302, test.op_span, "`contains` takes one value, not a list")
                .help("say `contains any [ … ]` or `contains all [ … ]`")
        } else {
            Diagnostic::new(Code::E0302, test.op_span, format!("`{}` takes a list", op_text(test.op)))
                .help("for one value write `contains`")
        };
        self.problems.push(problem);
    }

    fn members_of(&mut self, field: &Field, right: &'a Term, plain: bool) -> Option<Vec<Constant>> {
        let ty = if field.ty == Type::TextList { Type::Text } else { field.ty };
        if plain {
            return self.constant(ty, right).map(|c| vec![c]);
        }
        if let TermKind::List(items) = &right.kind {
            return items.items.iter().map(|item| self.constant(ty, item)).collect();
        }
        self.texts_of(field, right).map(|texts| texts.into_iter().map(Constant::Text).collect())
    }

    /// One text on the right.
    fn text_of(&mut self, field: &Field, right: &Term) -> Option<Arc<str>> {
        let Ok(text) = value::text(right) else {
            self.mismatch(Type::Text, right);
            return None;
        };
        self.upper_case(field, text, right.span);
        Some(text.into())
    }

    /// A text, a list of texts or the name of such a list.
    fn texts_of(&mut self, field: &Field, right: &'a Term) -> Option<Vec<Arc<str>>> {
        match &right.kind {
            TermKind::List(items) => {
                let texts: Option<Vec<_>> = items.items.iter().map(|t| self.text_of(field, t)).collect();
                if items.items.is_empty() {
                    self.never_in(field, &[], right.span);
                }
                texts
            }
            TermKind::Path(path) => {
                let (list, ty) = self.named_list(path)?;
                if let Some(ListItems::Text(texts)) = self.interner.list_of(list).map(|l| &l.items) {
                    return Some(texts.clone());
                }
                let message = format!("this list holds {}; texts are needed here", plural(ty));
                self.problems.push(Diagnostic::new(Code::E0301, right.span, message).help("use a list of texts"));
                None
            }
            TermKind::Literal(_)
            | TermKind::Range(..)
            | TermKind::Call(..)
            | TermKind::Any
            | TermKind::All
            | TermKind::Group(_)
            | TermKind::Error => self.text_of(field, right).map(|text| vec![text]),
        }
    }
}
