//! Which members of a pool could serve the request, and under which names.

use std::sync::Arc;

use crate::hir::{Endpoint, Member, Model};

use super::{AttemptModel, Demand};

/// What a member would be asked for; `None` when it cannot serve the request.
///
/// The member's own `as` says how this member calls the model, so it goes before the route's or fallback's `as`,
/// which goes before what the request asks for.
pub(super) fn served(
    member: &Member,
    endpoint: &Endpoint,
    as_model: Option<&Arc<str>>,
    demand: &Demand,
) -> Option<Option<AttemptModel>> {
    let Some(public) = member.as_model.as_ref().or(as_model).or(demand.model.as_ref()) else { return Some(None) };
    let same_name = || AttemptModel { public: Arc::clone(public), upstream: Arc::clone(public) };
    if endpoint.models.is_empty() {
        return Some(Some(same_name()));
    }
    let model = endpoint.models.iter().find(|model| model.public == *public)?;
    suffices(model, demand)
        .then(|| Some(AttemptModel { public: Arc::clone(public), upstream: Arc::clone(&model.upstream) }))
}

/// What is not stated is not held against a model.
fn suffices(model: &Model, demand: &Demand) -> bool {
    let fits = match (model.context, demand.tokens_wanted) {
        (Some(context), Some(wanted)) => wanted <= context,
        (Some(_), None) | (None, Some(_) | None) => true,
    };
    fits && (model.supports.is_empty() || demand.supports.iter().all(|wanted| model.supports.contains(wanted)))
}
