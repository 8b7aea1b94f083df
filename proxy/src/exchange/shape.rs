//! Station 7: what goes upstream instead of what came.
//!
//! The body keeps its bytes except for the spans that the policy changes: `model`, parameters, injected system text,
//! and the question for a stream's usage. What depends on the endpoint (the model's name there, credentials, the
//! path) is put in for each attempt; the rest is done once. This station refuses to choose the endpoint.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use smallvec::SmallVec;
use weir_dsl::plan::{Pair, Placed, Plan};
use weir_filters::format::shape::{self, ShapeError};
use weir_filters::format::splice::Edits;
use weir_filters::format::{Dialect, UsageAsked};

use super::accept::Accepted;
use super::port::UpstreamRequest;
use super::read::Received;
use crate::answer::Bug;
use crate::provider::Target;
use crate::sign;

/// A request that is ready but for what an endpoint adds.
#[derive(Debug)]
pub(crate) struct Shaped {
    dialect: Dialect,
    target: Arc<str>,
    received: Received,
    /// Everything but the model and the question for usage.
    edits: Edits,
    /// The model as the client wrote it; a name equal to it needs no edit.
    written_model: Option<Box<str>>,
    headers: sign::RequestHeaders,
    stream: bool,
}

/// Why a plan's changes cannot be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unshapable {
    /// The body has no place for it.
    #[error(transparent)]
    Shape(#[from] ShapeError),
}

/// Makes the changes that do not depend on the endpoint.
pub(crate) fn shape(
    accepted: &Accepted,
    received: Received,
    dialect: Dialect,
    client: &HeaderMap,
    plan: &Plan,
) -> Result<Shaped, Unshapable> {
    let mut edits = Edits::default();
    let (seen, body) = (&received.seen, &received.body);
    for Placed { value: Pair { key, value }, .. } in &plan.shape.params {
        shape::set_param(&mut edits, dialect, seen, body, key, value);
    }
    for Placed { value: cap, .. } in &plan.shape.caps {
        // Caps are whole numbers far below 2^53.
        let at_most = i32::try_from(cap.at_most).map_or(f64::from(i32::MAX), f64::from);
        shape::cap_param(&mut edits, dialect, seen, body, &cap.param, at_most);
    }
    if !plan.shape.inject_system.is_empty() {
        let texts: SmallVec<[&str; 4]> = plan.shape.inject_system.iter().map(|text| &*text.value).collect();
        shape::inject_system(&mut edits, dialect, seen, body, &texts)?;
    }
    Ok(Shaped {
        dialect,
        target: Arc::clone(&accepted.target),
        written_model: received.seen.model().map(Into::into),
        stream: received.seen.stream(),
        headers: forwarded(client, plan),
        edits,
        received,
    })
}

/// The client's headers that may go on, as the policy changes them. What is sent is JSON, whatever the client called
/// it: the same that was judged.
fn forwarded(client: &HeaderMap, plan: &Plan) -> sign::RequestHeaders {
    let removed = |name: &HeaderName| plan.shape.remove_headers.iter().any(|r| *r.value == *name.as_str());
    let set = |name: &HeaderName| plan.shape.headers.iter().any(|h| *h.value.key == *name.as_str());
    let mut headers = sign::RequestHeaders::new();
    headers.push((header::CONTENT_TYPE, HeaderValue::from_static("application/json")));
    let kept = |name: &HeaderName| *name != header::CONTENT_TYPE && !removed(name) && !set(name);
    let forwarded = sign::forward_headers(client).filter(|(name, _)| kept(name));
    headers.extend(forwarded.map(|(name, value)| (name.clone(), value.clone())));
    for Placed { value: Pair { key, value }, .. } in &plan.shape.headers {
        // The checker let only header names and values through.
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(&**key), HeaderValue::from_str(value)) {
            headers.push((name, value));
        }
    }
    headers
}

// === impl Shaped ===

impl Shaped {
    /// The request for one endpoint, and who asked for its stream's usage.
    ///
    /// # Errors
    /// A [`Bug`] when edits overlap: they name distinct members, which never do.
    pub(crate) fn request(&self, target: &Target, model: Option<&str>) -> Result<(UpstreamRequest, UsageAsked), Bug> {
        let rename = model.filter(|m| self.written_model.as_deref() != Some(*m));
        let ask_usage = self.stream;
        let (body, asked) = if rename.is_none() && !ask_usage && self.edits.is_empty() {
            (SmallVec::from_iter([self.received.body.clone()]), UsageAsked::AsClientSaid)
        } else {
            self.edited(rename, ask_usage)?
        };
        let headers = sign::request_headers(target, &self.headers);
        let request = UpstreamRequest { method: Method::POST, target: target.path(&self.target), headers, body };
        Ok((request, asked))
    }

    fn edited(&self, rename: Option<&str>, ask_usage: bool) -> Result<(SmallVec<[Bytes; 4]>, UsageAsked), Bug> {
        let mut edits = self.edits.clone();
        if let Some(model) = rename {
            shape::set_model(&mut edits, model);
        }
        let seen = &self.received.seen;
        let asked =
            if ask_usage { shape::ask_usage(&mut edits, self.dialect, seen) } else { UsageAsked::AsClientSaid };
        let rope = edits.apply(seen, &self.received.body).map_err(|_| Bug("edits of a body overlap"))?;
        Ok((rope.into_parts().into_iter().collect(), asked))
    }
}
