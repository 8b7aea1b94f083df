//! The merge rules of `language.md` §8.

use std::sync::Arc;

use crate::hir::{ActionKind, PolicyStmt, Rank};
use crate::span::Span;

use super::{Cap, Log, Pair, Placed, Plan, Shape, Terminal};

/// Merges the actions of the statements that hold. A deciding statement without a terminal does not get past
/// the checker; should one be handed in, its requests are refused.
pub(super) fn merge(policy: &Arc<str>, stmts: &[PolicyStmt], deciding: Rank, applied: &[Rank]) -> Plan {
    let decider = stmt(stmts, deciding);
    let refusal = Terminal::Deny { status: 500, message: "the policy does not decide".into() };
    let mut plan = Plan {
        policy: Arc::clone(policy),
        rule: decider.map_or_else(|| "".into(), |stmt| Arc::clone(&stmt.name)),
        deciding,
        applied: applied.into(),
        shape: Shape::default(),
        terminal: Placed::new(refusal, deciding, decider.map(|stmt| stmt.span).unwrap_or_default()),
        log: None,
        tags: Vec::new(),
    };
    for rank in applied.iter().copied().chain(std::iter::once(deciding)) {
        for action in stmt(stmts, rank).map_or(&[][..], |stmt| &stmt.actions) {
            plan.add(&action.kind, rank, action.span);
        }
    }
    plan
}

fn stmt(stmts: &[PolicyStmt], rank: Rank) -> Option<&PolicyStmt> {
    stmts.get(usize::try_from(rank.0).ok()?)
}

// === impl Plan ===

impl Plan {
    fn add(&mut self, action: &ActionKind, by: Rank, span: Span) {
        match action {
            ActionKind::Deny { status, message } => {
                let deny = Terminal::Deny { status: *status, message: Arc::clone(message) };
                self.terminal = Placed::new(deny, by, span);
            }
            ActionKind::Respond { status, json, body } => {
                let respond = Terminal::Respond { status: *status, json: *json, body: Arc::clone(body) };
                self.terminal = Placed::new(respond, by, span);
            }
            ActionKind::Route(route) => self.terminal = Placed::new(Terminal::Route(Arc::clone(route)), by, span),
            ActionKind::Split(split) => self.terminal = Placed::new(Terminal::Split(Arc::clone(split)), by, span),
            ActionKind::SetModel(model) => self.shape.model = Some(Placed::new(Arc::clone(model), by, span)),
            ActionKind::SetParam(key, value) => set(&mut self.shape.params, key, value, by, span),
            ActionKind::SetHeader(key, value) => set(&mut self.shape.headers, key, value, by, span),
            ActionKind::RemoveHeader(name) => {
                if !self.shape.remove_headers.iter().any(|placed| placed.value == *name) {
                    self.shape.remove_headers.push(Placed::new(Arc::clone(name), by, span));
                }
            }
            ActionKind::Cap(param, at_most) => self.cap(param, *at_most, by, span),
            ActionKind::InjectSystem(text) => {
                self.shape.inject_system.push(Placed::new(Arc::clone(text), by, span));
            }
            ActionKind::Tag(key, value) => set(&mut self.tags, key, value, by, span),
            ActionKind::Log(level, sample) => {
                self.record(Log { level: *level, sample: sample.unwrap_or(100.0) }, by, span);
            }
        }
    }

    /// The lowest cap wins.
    fn cap(&mut self, param: &Arc<str>, at_most: i64, by: Rank, span: Span) {
        let cap = Placed::new(Cap { param: Arc::clone(param), at_most }, by, span);
        match self.shape.caps.iter_mut().find(|placed| placed.value.param == *param) {
            Some(known) if known.value.at_most <= at_most => {}
            Some(known) => *known = cap,
            None => self.shape.caps.push(cap),
        }
    }

    /// The least data wins: the lower level, and of the samples at most the smallest.
    fn record(&mut self, log: Log, by: Rank, span: Span) {
        let Some(known) = &mut self.log else {
            self.log = Some(Placed::new(log, by, span));
            return;
        };
        let tightest = Log { level: known.value.level.min(log.level), sample: known.value.sample.min(log.sample) };
        if tightest != known.value {
            *known = Placed::new(tightest, by, span);
        }
    }
}

/// The last value of a key wins; keys stay in the order of their first mention.
fn set(pairs: &mut Vec<Placed<Pair>>, key: &Arc<str>, value: &Arc<str>, by: Rank, span: Span) {
    let pair = Placed::new(Pair { key: Arc::clone(key), value: Arc::clone(value) }, by, span);
    match pairs.iter_mut().find(|placed| placed.value.key == *key) {
        Some(known) => *known = pair,
        None => pairs.push(pair),
    }
}
