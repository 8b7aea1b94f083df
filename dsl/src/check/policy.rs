//! `policy` blocks: statements in order, their conditions and what they do.

use std::collections::HashMap;
use std::sync::Arc;

use super::Checker;
use super::actions::Lowered;
use super::cond::{Checked, CheckedKind};
use super::statements::{Entry, Opened};
use crate::diag::{Code, Diagnostic};
use crate::hir::{Cond, Policy, PolicyStmt, PolicyStmtKind};
use crate::span::Span;
use crate::words::Place;

/// What the analyses know about a policy beside its lowered form.
#[derive(Debug)]
pub(super) struct PolicyFacts {
    /// One for each lowered statement, in the same order.
    pub(super) stmts: Vec<StmtFacts>,
}

/// A statement with its places.
#[derive(Debug)]
pub(super) struct StmtFacts {
    pub(super) kind: PolicyStmtKind,
    pub(super) name: Arc<str>,
    /// The rule's name, or its word.
    pub(super) span: Span,
    /// `None` without `when`.
    pub(super) cond: Option<Checked>,
}

// === impl Checker ===

impl<'a> Checker<'a, '_, '_> {
    pub(super) fn policy_lines(&mut self, top: &Opened<'a>) {
        let mut rules = 0_usize;
        for entry in top.of("policy") {
            let opened = self.open(entry.stmts(), Place::Policy, entry.node.block.is_some().then_some(entry.node));
            rules = rules.saturating_add(opened.entries.len());
            if rules > self.limits.rules {
                let message = format!("more than {} rules", self.limits.rules);
                self.problems.push(
                    Diagnostic::new(Code::E0309, entry.name_span(), message)
                        .help("rules that differ in one value become one rule with a `list`"),
                );
                return;
            }
            self.policy(entry, &opened);
        }
    }

    fn policy(&mut self, entry: &Entry<'a>, opened: &Opened<'a>) {
        let mut facts = PolicyFacts { stmts: Vec::with_capacity(opened.entries.len()) };
        let mut stmts = Vec::with_capacity(opened.entries.len());
        for line in &opened.entries {
            let (stmt, fact) = self.policy_stmt(line);
            stmts.push(stmt);
            facts.stmts.push(fact);
        }
        self.default_is_last(entry, opened);
        self.rule_ids(opened);
        self.hir.policies.push(Policy {
            name: entry.name().unwrap_or_default().into(),
            span: entry.name_span(),
            stmts,
        });
        self.policies.push(facts);
    }

    fn policy_stmt(&mut self, line: &Entry<'a>) -> (PolicyStmt, StmtFacts) {
        let kind = match line.word.name {
            "rule" => PolicyStmtKind::Rule,
            "default" => PolicyStmtKind::Default,
            _ => PolicyStmtKind::Apply,
        };
        let name: Arc<str> = match kind {
            PolicyStmtKind::Rule => line.name().unwrap_or_default().into(),
            PolicyStmtKind::Default => "default".into(),
            PolicyStmtKind::Apply => "".into(),
        };
        let cond = line.node.when.as_ref().map(|when| self.condition(&when.expr));
        let lowered = self.actions(line.stmts(), &name, 0);
        self.terminals(kind, line, &lowered);
        self.judge_routes(&lowered);
        let span = if kind == PolicyStmtKind::Rule { line.name_span() } else { line.node.word.span };
        let lowered_cond = cond.as_ref().map_or(Cond::Const(true), Checked::lower);
        let head = line.node.span_of_head();
        let stmt =
            PolicyStmt { kind, name: Arc::clone(&name), span: head, cond: lowered_cond, actions: lowered.actions };
        (stmt, StmtFacts { kind, name, span, cond })
    }

    /// E0401 to E0403: a rule decides once, an `apply` never.
    fn terminals(&mut self, kind: PolicyStmtKind, line: &Entry<'a>, lowered: &Lowered) {
        let name = if kind == PolicyStmtKind::Rule {
            format!("rule `{}`", line.name().unwrap_or_default())
        } else {
            format!("`{}`", line.word.name)
        };
        let head = if kind == PolicyStmtKind::Rule { line.name_span() } else { line.node.word.span };
        match (kind, lowered.terminals.as_slice()) {
            (PolicyStmtKind::Apply, [(word, span), ..]) => self.problems.push(
                Diagnostic::new(Code::E0403, *span, format!("`{word}` decides, and an `apply` cannot decide"))
                    .also(line.node.word.span, "`apply` adds and goes on")
                    .help(if line.node.when.is_some() {
                        "make it a rule: `rule NAME when … { … }`"
                    } else {
                        "move it into `default` or a `rule`"
                    }),
            ),
            (PolicyStmtKind::Rule | PolicyStmtKind::Default, []) if lowered.sound && line.node.block.is_some() => {
                self.problems.push(
                    Diagnostic::new(Code::E0401, head, format!("{name} does not say what happens with the request"))
                        .help("add `route POOL`, `split …`, `deny STATUS \"…\"` or `respond STATUS text \"…\"`; to only add something, write `apply`"),
                );
            }
            (PolicyStmtKind::Rule | PolicyStmtKind::Default, [(first, at), (second, span), ..]) => {
                self.problems.push(
                    Diagnostic::new(Code::E0402, *span, format!("{name} decides twice"))
                        .label(format!("`{second}` is never reached"))
                        .also(*at, format!("`{first}` has decided"))
                        .help("keep one of them; for a second try write `fallback POOL on […]` in the route"),
                )
            }
            (PolicyStmtKind::Apply, []) | (PolicyStmtKind::Rule | PolicyStmtKind::Default, [_] | []) => {}
        }
    }

    /// E0404 and E0405.
    fn default_is_last(&mut self, entry: &Entry<'a>, opened: &Opened<'a>) {
        let at = opened.entries.iter().position(|e| e.word.name == "default");
        match at {
            None if opened.sound && entry.node.block.is_some() => {
                let name = entry.name().unwrap_or_default();
                self.problems.push(
                    Diagnostic::new(Code::E0404, entry.name_span(), format!("policy `{name}` has no `default`"))
                        .label("requests that no rule takes would have no answer")
                        .help("end it with `default { deny 404 \"not here\" }` or `default { route POOL }`"),
                );
            }
            Some(at) => {
                let default = opened.entries.get(at);
                let after = opened.entries.iter().skip(at + 1).find(|e| e.word.name != "default");
                if let (Some(default), Some(after)) = (default, after) {
                    self.problems.push(
                        Diagnostic::new(
                            Code::E0405,
                            default.node.word.span,
                            "`default` is not the last statement of its policy",
                        )
                        .also(after.node.word.span, "this would never be reached")
                        .help("move `default` to the end"),
                    );
                }
            }
            None => {}
        }
    }

    /// E0406.
    fn rule_ids(&mut self, opened: &Opened<'a>) {
        let mut first: HashMap<&str, Span> = HashMap::new();
        for line in opened.of("rule") {
            let Some(name) = line.name() else { continue };
            let span = line.name_span();
            if let Some(before) = first.insert(name, span) {
                self.problems.push(
                    Diagnostic::new(Code::E0406, span, format!("a second rule is named `{name}`"))
                        .also(before, "the first one")
                        .help("every rule has a name of its own: logs, metrics and tests use it"),
                );
            }
        }
    }

    /// Whether a condition is there and says nothing.
    pub(super) fn is_always(cond: Option<&Checked>) -> bool {
        cond.is_none_or(|c| matches!(c.kind, CheckedKind::Const(true)))
    }
}
