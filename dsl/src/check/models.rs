//! W0507: a model that some endpoint serves can reach a pool where no member does.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Checker;
use super::clause::{CLAUSES_MAX, Clause, Literal, clauses};
use super::domain::Domains;
use super::failover::serves;
use super::policy::{PolicyFacts, StmtFacts};
use crate::diag::{Code, Diagnostic};
use crate::hir::{
    Action, ActionKind, Constant, Field, FieldKind, Policy, PolicyStmtKind, Route, Target, Test, Tier, Type,
};
use crate::span::Span;

/// Models times statements beyond which this analysis looks away.
const WORK_MAX: usize = 50_000;

// === impl Checker ===

impl Checker<'_, '_, '_> {
    /// Follows every declared model through every policy. Only where a rule can be shown to be open to it.
    pub(super) fn analyse_models(&mut self) {
        let catalogue: BTreeSet<Arc<str>> =
            self.hir.endpoints.iter().flat_map(|e| e.models.iter().map(|m| Arc::clone(&m.public))).collect();
        let statements: usize = self.policies.iter().map(|p| p.stmts.len()).sum();
        // With an endpoint that serves any name the catalogue is not all that clients may ask for.
        let open = self.hir.endpoints.iter().any(|e| e.models.is_empty());
        if open || catalogue.len() < 2 || catalogue.len().saturating_mul(statements) > WORK_MAX {
            return;
        }
        // The tests made here are not the policy's own: they are taken back below.
        let mark = self.interner.mark();
        let mut atoms = Vec::new();
        for model in &catalogue {
            let field = self.interner.field(model_field());
            let atom =
                self.interner
                    .atom(field, Test::Eq(Constant::Text(Arc::clone(model))), Span::default(), || Arc::clone(model));
            atoms.push((Arc::clone(model), Literal { atom, positive: true, span: Span::default() }));
        }
        let domains = Domains::new(&self.interner);
        let mut found = Vec::new();
        for (facts, policy) in self.policies.iter().zip(&self.hir.policies) {
            for (model, literal) in &atoms {
                self.follow(model, *literal, facts, policy, &domains, &mut found);
            }
        }
        self.interner.rewind(mark);
        self.problems.append(&mut found);
    }

    /// One model from the top of a policy down to the statement that takes all that is left of its requests.
    fn follow(
        &self,
        model: &Arc<str>,
        is_model: Literal,
        facts: &PolicyFacts,
        policy: &Policy,
        domains: &Domains<'_>,
        found: &mut Vec<Diagnostic>,
    ) {
        let mut left: Vec<Clause> = vec![vec![is_model]];
        for (fact, stmt) in facts.stmts.iter().zip(&policy.stmts) {
            if fact.kind == PolicyStmtKind::Apply {
                // An `apply` may set another model; then nothing is known any more.
                if stmt.actions.iter().any(sets_model) {
                    return;
                }
                continue;
            }
            let Some(after) = remainder(&left, fact, domains) else { return };
            if after.is_empty() {
                self.unserved(model, fact, &stmt.actions, found);
                return;
            }
            left = after;
        }
    }

    fn unserved(&self, model: &Arc<str>, fact: &StmtFacts, actions: &[Action], found: &mut Vec<Diagnostic>) {
        if actions.iter().any(sets_model) {
            return;
        }
        for route in actions.iter().flat_map(routes) {
            if route.to.as_model.is_some() || self.any_serves(&route.to, model) {
                continue;
            }
            let pool = self.pool_of(route.to.pool).map_or("", |p| p.name.as_ref());
            let rule = if fact.kind == PolicyStmtKind::Default {
                "`default`".to_owned()
            } else {
                format!("rule `{}`", fact.name)
            };
            found.push(
                Diagnostic::new(
                    Code::W0507,
                    fact.span,
                    format!("{rule} sends requests for \"{model}\" to `{pool}`, where nobody serves it"),
                )
                .help(format!("write a rule for it above: `rule … when model == \"{model}\" {{ route … }}`"))
                .help(format!("or `route {pool} as \"…\"`, or add the model to an endpoint of `{pool}`")),
            );
            return;
        }
    }

    fn any_serves(&self, target: &Target, model: &Arc<str>) -> bool {
        self.pool_of(target.pool).is_none_or(|pool| {
            pool.members
                .iter()
                .any(|m| self.endpoint_of(m.endpoint).is_none_or(|e| serves(e, m.as_model.as_ref().unwrap_or(model))))
        })
    }
}

/// What a rule leaves of some requests; `None` when that becomes too long to follow.
fn remainder(left: &[Clause], fact: &StmtFacts, domains: &Domains<'_>) -> Option<Vec<Clause>> {
    let Some(cond) = &fact.cond else { return Some(Vec::new()) };
    if product(left, &clauses(cond, true)?, domains)?.is_empty() {
        return Some(left.to_vec());
    }
    product(left, &clauses(cond, false)?, domains)
}

/// Both at once, without what cannot be; `None` above [`CLAUSES_MAX`].
fn product(left: &[Clause], right: &[Clause], domains: &Domains<'_>) -> Option<Vec<Clause>> {
    if left.len().saturating_mul(right.len()) > CLAUSES_MAX {
        return None;
    }
    let pairs = left.iter().flat_map(|l| right.iter().map(|r| l.iter().chain(r).copied().collect::<Clause>()));
    Some(pairs.filter(|clause| domains.contradiction(clause).is_none()).collect())
}

fn sets_model(action: &Action) -> bool {
    matches!(action.kind, ActionKind::SetModel(_))
}

/// The routes of an action: one, or one for each branch of a split.
pub(super) fn routes(action: &Action) -> Vec<&Route> {
    if let ActionKind::Route(route) = &action.kind {
        return vec![route];
    }
    if let ActionKind::Split(split) = &action.kind {
        return split.branches.iter().map(|(_, route)| route.as_ref()).collect();
    }
    Vec::new()
}

fn model_field() -> Field {
    Field {
        kind: FieldKind::Model,
        name: "model".into(),
        lower: false,
        count: false,
        ty: Type::Text,
        tier: Tier::Peek,
        optional: true,
    }
}
