//! `alias` lines: public model names that stand for others.

use std::sync::Arc;

use super::Checker;
use super::statements::Opened;
use crate::diag::{Code, Diagnostic};
use crate::hir::Alias;
use crate::resolve::value;
use crate::span::Span;
use crate::syntax::ast::{Expr, ExprKind};

// === impl Checker ===

impl<'a> Checker<'a, '_, '_> {
    pub(super) fn alias_lines(&mut self, top: &Opened<'a>) {
        for entry in top.of("alias").filter(|e| e.sound) {
            let Some(name) = entry.args.at(0).and_then(|v| v.text()) else { continue };
            let Some(expr) = &entry.node.value else { continue };
            let Some(target) = text_of(expr) else {
                self.problems.push(
                    Diagnostic::new(Code::E0301, expr.span, "an alias stands for one model name in quotes")
                        .help(format!("write `alias \"{name}\" = \"gpt-4o\"`")),
                );
                continue;
            };
            self.alias(name, target, entry.name_span(), expr.span);
        }
        self.alias_circles();
    }

    fn alias(&mut self, name: Arc<str>, target: Arc<str>, span: Span, target_span: Span) {
        if name == target {
            self.problems.push(
                Diagnostic::new(Code::E0310, target_span, format!("the alias \"{name}\" stands for itself"))
                    .help("name the model that it stands for"),
            );
            return;
        }
        if self.aliases.contains_key(&name) {
            let first = self.hir.aliases.iter().find(|a| a.name == name).map_or(span, |a| a.span);
            self.problems.push(
                Diagnostic::new(Code::E0202, span, format!("the alias \"{name}\" is declared twice"))
                    .also(first, "the first one")
                    .help("keep one of them"),
            );
            return;
        }
        self.aliases.insert(Arc::clone(&name), Arc::clone(&target));
        self.hir.aliases.push(Alias { name, target, span });
    }

    /// An alias of an alias would need an order; it is refused with what to write.
    fn alias_circles(&mut self) {
        for alias in &self.hir.aliases {
            let Some(further) = self.aliases.get(&alias.target) else { continue };
            let message = format!("\"{}\" is itself an alias", alias.target);
            self.problems.push(
                Diagnostic::new(Code::E0310, alias.span, message)
                    .label("an alias stands for a model, not for another alias")
                    .help(format!("write `alias \"{}\" = \"{further}\"`", alias.name)),
            );
        }
    }

    /// The model that a public name stands for.
    pub(super) fn unaliased(&self, model: &Arc<str>) -> Arc<str> {
        self.aliases.get(model).map_or_else(|| Arc::clone(model), Arc::clone)
    }
}

fn text_of(expr: &Expr) -> Option<Arc<str>> {
    let ExprKind::Term(term) = &expr.kind else { return None };
    value::text(term).ok().map(Into::into)
}
