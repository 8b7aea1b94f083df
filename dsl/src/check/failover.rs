//! Chains of attempts: models that nobody serves, fallbacks that cannot help, too many tries.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Checker;
use super::actions::Lowered;
use crate::diag::{Code, Diagnostic};
use crate::hir::{ActionKind, Endpoint, FailureClass, Fallback, Member, Pool, Route, Target};
use crate::span::Span;

/// Attempts that may run into a timer one after another before W0506 asks for a bound of the whole.
const UNBOUNDED_ATTEMPTS: u32 = 4;

/// A route with its place and the model that its rule sets.
struct Judged<'h> {
    route: &'h Route,
    span: Span,
    model: Option<&'h Arc<str>>,
}

// === impl Checker ===

impl Checker<'_, '_, '_> {
    /// Judges the routes of one block, once its pools and endpoints are known to be right.
    pub(super) fn judge_routes(&mut self, lowered: &Lowered) {
        let Some((_, span)) = lowered.terminals.first().filter(|_| lowered.sound) else { return };
        let model = lowered
            .actions
            .iter()
            .rev()
            .find_map(|a| if let ActionKind::SetModel(m) = &a.kind { Some(m) } else { None });
        for action in &lowered.actions {
            for route in super::models::routes(action) {
                self.judge(&Judged { route, span: *span, model });
            }
        }
    }

    fn judge(&mut self, judged: &Judged<'_>) {
        let route = judged.route;
        let targets = std::iter::once(&route.to).chain(route.fallbacks.iter().map(|f| &f.to));
        if targets.clone().any(|t| self.broken_pools.contains(&t.pool) || self.has_broken_member(t)) {
            return;
        }
        let mut found = Vec::new();
        self.model_is_served(judged, &route.to, judged.span, &mut found);
        for fallback in &route.fallbacks {
            self.model_is_served(judged, &fallback.to, fallback.span, &mut found);
        }
        self.chain_returns(judged, &mut found);
        self.attempts(judged, &mut found);
        self.smaller_context(judged, &mut found);
        self.other_provider(judged, &mut found);
        self.one_region(judged, &mut found);
        self.unbounded(judged, &mut found);
        self.problems.append(&mut found);
    }

    fn has_broken_member(&self, target: &Target) -> bool {
        self.pool_of(target.pool)
            .is_none_or(|pool| pool.members.iter().any(|m| self.broken_endpoints.contains(&m.endpoint)))
    }

    fn members(&self, target: &Target) -> impl Iterator<Item = (&Member, &Endpoint)> {
        let members: &[Member] = self.pool_of(target.pool).map_or(&[], |p| &p.members);
        members.iter().filter_map(|m| Some((m, self.endpoint_of(m.endpoint)?)))
    }

    fn pool_name(&self, target: &Target) -> &str {
        self.pool_of(target.pool).map_or("", |p| p.name.as_ref())
    }

    /// E0502: no member can be asked for the model.
    fn model_is_served(&self, judged: &Judged<'_>, target: &Target, span: Span, found: &mut Vec<Diagnostic>) {
        let Some(wanted) = target.as_model.as_ref().or(judged.model) else { return };
        let serves =
            |(member, endpoint): (&Member, &Endpoint)| serves(endpoint, member.as_model.as_ref().unwrap_or(wanted));
        if self.members(target).any(serves) {
            return;
        }
        let name = self.pool_name(target);
        let known: BTreeSet<&str> =
            self.members(target).flat_map(|(_, e)| e.models.iter().map(|m| m.public.as_ref())).collect();
        let problem = Diagnostic::new(Code::E0502, span, format!("no member of `{name}` serves \"{wanted}\""));
        found.push(match self.names.nearest(wanted, known.iter().copied()) {
            Some(near) => problem.help(format!("did you mean \"{near}\"?")),
            None => problem
                .help(format!("models of `{name}`: {}", known.into_iter().collect::<Vec<_>>().join(", ")))
                .help(format!("or add `model \"{wanted}\"` to one of its endpoints")),
        });
    }

    /// E0503 and E0504: the chain comes back to where it was.
    fn chain_returns(&self, judged: &Judged<'_>, found: &mut Vec<Diagnostic>) {
        let own = self.goal(&judged.route.to, judged.model);
        for (i, fallback) in judged.route.fallbacks.iter().enumerate() {
            let goal = self.goal(&fallback.to, judged.model);
            let name = self.pool_name(&fallback.to);
            if goal == own {
                found.push(
                    Diagnostic::new(Code::E0504, fallback.span, format!("`{name}` falls back to itself"))
                        .also(judged.span, "it is tried here already, with the same model")
                        .help("name another pool, or `as` another model; for more tries write `retry n on […]`"),
                );
                continue;
            }
            let before = judged.route.fallbacks.iter().take(i);
            let twice =
                before.into_iter().find(|f| f.on.0 & fallback.on.0 != 0 && self.goal(&f.to, judged.model) == goal);
            if let Some(first) = twice {
                found.push(
                    Diagnostic::new(Code::E0503, fallback.span, format!("the chain comes back to `{name}`"))
                        .also(first.span, "it is tried here already, with the same model and for the same failures")
                        .help("take one of the two out"),
                );
            }
        }
    }

    /// What a target asks: which endpoints for which models.
    fn goal<'h>(&self, target: &'h Target, model: Option<&'h Arc<str>>) -> (BTreeSet<u32>, Option<&'h Arc<str>>) {
        (self.members(target).map(|(m, _)| m.endpoint.0).collect(), target.as_model.as_ref().or(model))
    }

    fn tries(&self, judged: &Judged<'_>, target: &Target) -> u32 {
        let retry = judged.route.retry.or_else(|| self.pool_of(target.pool).and_then(|p| p.retry));
        retry.map_or(1, |r| r.attempts.saturating_add(1))
    }

    /// E0506.
    fn attempts(&self, judged: &Judged<'_>, found: &mut Vec<Diagnostic>) {
        let targets = std::iter::once(&judged.route.to).chain(judged.route.fallbacks.iter().map(|f| &f.to));
        let total = targets.map(|t| self.tries(judged, t)).fold(0, u32::saturating_add);
        let max = self.limits.attempts;
        if total > max {
            found.push(
                Diagnostic::new(
                    Code::E0506,
                    judged.span,
                    format!("this route can try {total} times, more than {max}"),
                )
                .label("every fallback starts with the retries of its pool")
                .help("lower `retry`, or take fallbacks out"),
            );
        }
    }

    /// W0501: after a prompt that did not fit, a smaller window does not help.
    fn smaller_context(&self, judged: &Judged<'_>, found: &mut Vec<Diagnostic>) {
        for fallback in judged.route.fallbacks.iter().filter(|f| f.on.has(FailureClass::ContextExceeded)) {
            let Some((own, own_name)) = self.contexts(judged, &judged.route.to).into_iter().flatten().min() else {
                continue;
            };
            let Some(theirs) = self.contexts(judged, &fallback.to) else { continue };
            let Some((largest, name)) = theirs.into_iter().max() else { continue };
            if largest > own {
                continue;
            }
            let message = format!(
                "\"{name}\" ({}) cannot help after `context_exceeded` of \"{own_name}\" ({})",
                tokens(largest),
                tokens(own)
            );
            found.push(
                Diagnostic::new(Code::W0501, fallback.span, message)
                    .also(judged.span, format!("starts with {}", tokens(own)))
                    .help(format!("drop `context_exceeded` here, or name a model with more than {}", tokens(own))),
            );
        }
    }

    /// Windows of the models that a target can ask for; `None` if one is not known.
    fn contexts(&self, judged: &Judged<'_>, target: &Target) -> Option<Vec<(u64, Arc<str>)>> {
        let mut out = Vec::new();
        for (member, endpoint) in self.members(target) {
            let wanted = member.as_model.as_ref().or(target.as_model.as_ref()).or(judged.model);
            let models = endpoint.models.iter().filter(|m| wanted.is_none_or(|w| *w == m.public));
            for model in models {
                out.push((model.context?, Arc::clone(&model.public)));
            }
            if endpoint.models.is_empty() {
                return None;
            }
        }
        (!out.is_empty()).then_some(out)
    }

    /// W0502: another vendor hardly knows a model by the same name.
    fn other_provider(&self, judged: &Judged<'_>, found: &mut Vec<Diagnostic>) {
        let own: BTreeSet<&str> = self.members(&judged.route.to).map(|(_, e)| e.provider.as_ref()).collect();
        for fallback in &judged.route.fallbacks {
            if fallback.to.as_model.is_some() || judged.model.is_some() {
                continue;
            }
            let stranger = self.members(&fallback.to).find(|(member, endpoint)| {
                member.as_model.is_none() && endpoint.models.is_empty() && !own.contains(endpoint.provider.as_ref())
            });
            let Some((_, endpoint)) = stranger else { continue };
            let own = own.iter().copied().collect::<Vec<_>>().join(", ");
            found.push(
                Diagnostic::new(
                    Code::W0502,
                    fallback.span,
                    format!("`{}` is asked for a model of another provider", self.pool_name(&fallback.to)),
                )
                .label(format!("provider `{}` instead of `{own}`, and no `as`", endpoint.provider))
                .help(format!("write `fallback {} as \"…\" on […]`", self.pool_name(&fallback.to))),
            );
        }
    }

    /// W0505: when the region is down, every one of them is.
    fn one_region(&self, judged: &Judged<'_>, found: &mut Vec<Diagnostic>) {
        let Some(last) = judged.route.fallbacks.last() else { return };
        let targets = std::iter::once(&judged.route.to).chain(judged.route.fallbacks.iter().map(|f| &f.to));
        let regions: Option<BTreeSet<&str>> =
            targets.flat_map(|t| self.members(t)).map(|(_, endpoint)| endpoint.region.as_deref()).collect();
        let Some(regions) = regions.filter(|r| r.len() == 1) else { return };
        let region = regions.into_iter().next().unwrap_or_default();
        found.push(
            Diagnostic::new(
                Code::W0505,
                last.span,
                format!("all fallbacks run in region \"{region}\", like the first choice"),
            )
            .also(judged.span, format!("runs in \"{region}\" too"))
            .help("add a fallback in another region"),
        );
    }

    /// W0506: many timers one after another and none over all.
    fn unbounded(&self, judged: &Judged<'_>, found: &mut Vec<Diagnostic>) {
        let slow = |f: &&Fallback| f.on.has(FailureClass::Timeout);
        let targets =
            std::iter::once(&judged.route.to).chain(judged.route.fallbacks.iter().filter(slow).map(|f| &f.to));
        let bounded = judged.route.timeouts.total.is_some()
            || targets.clone().any(|t| {
                self.pool_of(t.pool).is_some_and(bounds_itself)
                    || self.members(t).any(|(_, e)| e.timeouts.total.is_some())
            });
        let tries = targets.map(|t| self.slow_tries(judged, t)).fold(0, u32::saturating_add);
        if !bounded && tries >= UNBOUNDED_ATTEMPTS {
            found.push(
                Diagnostic::new(
                    Code::W0506,
                    judged.span,
                    format!("{tries} attempts can time out one after another, and nothing bounds the whole"),
                )
                .label("a client waits for all of them")
                .help("write `timeout total 60s` in the route"),
            );
        }
    }

    /// Tries that a timeout leads to.
    fn slow_tries(&self, judged: &Judged<'_>, target: &Target) -> u32 {
        let retry = judged.route.retry.or_else(|| self.pool_of(target.pool).and_then(|p| p.retry));
        retry.filter(|r| r.on.has(FailureClass::Timeout)).map_or(1, |r| r.attempts.saturating_add(1))
    }
}

fn bounds_itself(pool: &Pool) -> bool {
    pool.timeouts.total.is_some()
}

/// Whether an endpoint can be asked for a model: without `model` lines it serves any name.
pub(super) fn serves(endpoint: &Endpoint, model: &Arc<str>) -> bool {
    endpoint.models.is_empty() || endpoint.models.iter().any(|m| m.public == *model)
}

/// `128k` as a policy writes it.
fn tokens(n: u64) -> String {
    if n >= 1_000 && n.is_multiple_of(1_000) { format!("{}k", n / 1_000) } else { n.to_string() }
}
