//! What operators ask and tell a running process: health, metrics, the policy in force, its endpoints.
//!
//! [`respond`] is a function of a request and the process's [`Control`]; the listener that hosts it lives in `edge`.
//! `docs/admin.md` shows every path with its answer. This module refuses to know sockets and how a reload works,
//! and it never answers on a listener for model traffic.

mod guard;
mod routes;
mod show;

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use serde::Serialize;

use crate::observe::Metrics;
use crate::pool::{EndpointReport, UnknownEndpoint};
use crate::secret::Secret;

/// What a running process offers to its operators.
pub trait Control: Send + Sync {
    /// Whether new traffic is welcome, and if not, why.
    ///
    /// # Errors
    /// The reason: starting, draining.
    fn ready(&self) -> Result<(), &'static str>;

    /// The policy in force.
    fn policy(&self) -> PolicyReport;

    /// Reads all files again and puts them in force if they are right. May take as long as a compilation.
    ///
    /// # Errors
    /// Everything that is wrong; the last good set stays in force.
    fn reload(&self) -> Result<Arc<str>, String>;

    /// Puts the set before the one in force back.
    ///
    /// # Errors
    /// When there is none.
    fn rollback(&self) -> Result<Arc<str>, String>;

    /// The endpoints as they are now.
    fn endpoints(&self) -> Vec<EndpointReport>;

    /// Takes an endpoint out of use, or puts it back.
    ///
    /// # Errors
    /// When there is no such endpoint.
    fn set_drained(&self, endpoint: &str, drained: bool) -> Result<(), UnknownEndpoint>;
}

/// The policy in force, for `GET /policy`.
#[derive(Clone, Debug, Default, Serialize)]
pub struct PolicyReport {
    /// Identity of the set in force.
    pub hash: String,
    /// Files that it was read from.
    pub files: Vec<String>,
    /// Warnings of its compiler.
    pub warnings: Vec<String>,
    /// The newest sets, the one in force first.
    pub sets: Vec<SetReport>,
    /// What was wrong with the files at the last reload; absent when they are in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
}

/// One set that was in force.
#[derive(Clone, Debug, Serialize)]
pub struct SetReport {
    /// Its identity.
    pub hash: String,
    /// When it came into force, RFC 3339.
    pub since: String,
}

/// What the admin listener needs.
pub struct AdminState {
    /// The address that it is bound to.
    pub own: SocketAddr,
    /// What callers must present; `None` only on loopback.
    pub token: Option<Secret>,
    /// The process.
    pub control: Arc<dyn Control>,
    /// Its metrics.
    pub metrics: Arc<Metrics>,
}

/// An answer of the admin listener. The host adds `content-length`, `extra` and [`AdminResponse::HEADERS`].
#[derive(Clone, Debug)]
pub struct AdminResponse {
    /// Status.
    pub status: StatusCode,
    /// `content-type`.
    pub content_type: &'static str,
    /// `allow` with a 405, `www-authenticate` with a 401.
    pub extra: Option<(&'static str, &'static str)>,
    /// Body.
    pub body: Bytes,
}

// === impl AdminState ===

impl std::fmt::Debug for AdminState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AdminState").field("own", &self.own).field("token", &self.token).finish_non_exhaustive()
    }
}

// === impl AdminResponse ===

impl AdminResponse {
    /// Headers of every answer: nothing here is for caches, frames or guesses.
    pub const HEADERS: &'static [(&'static str, &'static str)] = &[
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
    ];

    fn text(status: StatusCode, body: impl Into<Bytes>) -> Self {
        Self { status, content_type: "text/plain; charset=utf-8", extra: None, body: body.into() }
    }

    fn json(status: StatusCode, value: &impl Serialize) -> Self {
        // Only structs and texts are written: serialising them into memory cannot fail.
        let mut body = serde_json::to_vec_pretty(value).unwrap_or_default();
        body.push(b'\n');
        Self { status, content_type: "application/json", extra: None, body: body.into() }
    }

    fn error(status: StatusCode, code: &'static str, message: &str) -> Self {
        Self::json(status, &serde_json::json!({ "error": { "code": code, "message": message } }))
    }
}

/// Answers one request. `path` is without its query; bodies are not needed and not read. A reload compiles, so
/// call this off the workers.
#[must_use]
pub fn respond(state: &AdminState, method: &Method, path: &str, headers: &HeaderMap) -> AdminResponse {
    let Some(found) = routes::find(path) else {
        return AdminResponse::error(StatusCode::NOT_FOUND, "admin.unknown_path", "there is no such page: see `/`");
    };
    if !found.open
        && let Err(refused) = guard::check(state, headers)
    {
        return refused;
    }
    if !found.verb.allows(method) {
        let message = format!("use {}", found.verb.word());
        let refused = AdminResponse::error(StatusCode::METHOD_NOT_ALLOWED, "admin.method", &message);
        return AdminResponse { extra: Some(("allow", found.verb.allow())), ..refused };
    }
    (found.answer)(state, found.name)
}

#[cfg(test)]
mod tests;
