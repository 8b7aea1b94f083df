//! The answers of the admin listener.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use serde::Serialize;
use serde_json::json;

use super::{AdminResponse, AdminState};
use crate::pool::{EndpointReport, MemberReport};

/// One endpoint of `GET /endpoints`.
#[derive(Serialize)]
struct Endpoint<'a> {
    name: &'a str,
    up: bool,
    /// `up`, or the strongest reason why it is not.
    state: &'static str,
    resting_ms: Option<u64>,
    in_flight: u32,
    latency_p50_ms: f64,
    latency_p95_ms: f64,
    error_rate_percent: f64,
    pools: Vec<Member<'a>>,
}

/// An endpoint's place in a pool.
#[derive(Serialize)]
struct Member<'a> {
    pool: &'a str,
    tier: u32,
    weight: u32,
    capacity: Option<u32>,
    consecutive_failures: u32,
    ejected_ms: Option<u64>,
    on_trial: bool,
}

pub(super) fn live() -> AdminResponse {
    AdminResponse::text(StatusCode::OK, "ok\n")
}

pub(super) fn ready(state: &AdminState, _: &str) -> AdminResponse {
    match state.control.ready() {
        Ok(()) => AdminResponse::text(StatusCode::OK, "ok\n"),
        Err(reason) => AdminResponse::text(StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")),
    }
}

pub(super) fn metrics(state: &AdminState, _: &str) -> AdminResponse {
    let body = state.metrics.render(&state.control.endpoints());
    // https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
    AdminResponse {
        content_type: "text/plain; version=0.0.4; charset=utf-8",
        ..AdminResponse::text(StatusCode::OK, body)
    }
}

pub(super) fn policy(state: &AdminState, _: &str) -> AdminResponse {
    AdminResponse::json(StatusCode::OK, &state.control.policy())
}

pub(super) fn reload(state: &AdminState, _: &str) -> AdminResponse {
    changed(state.control.reload(), StatusCode::UNPROCESSABLE_ENTITY, "policy.broken")
}

pub(super) fn rollback(state: &AdminState, _: &str) -> AdminResponse {
    changed(state.control.rollback(), StatusCode::CONFLICT, "policy.no_earlier_set")
}

pub(super) fn endpoints(state: &AdminState, _: &str) -> AdminResponse {
    let reports = state.control.endpoints();
    let shown: Vec<Endpoint<'_>> = reports.iter().map(Endpoint::from).collect();
    AdminResponse::json(StatusCode::OK, &json!({ "endpoints": shown }))
}

pub(super) fn drain(state: &AdminState, name: &str) -> AdminResponse {
    set_drained(state, name, true)
}

pub(super) fn resume(state: &AdminState, name: &str) -> AdminResponse {
    set_drained(state, name, false)
}

pub(super) fn limits(_: &AdminState, _: &str) -> AdminResponse {
    // The language refuses `limit` and `budget` in this build, so there are none to show.
    AdminResponse::json(StatusCode::OK, &json!({ "limits": [] }))
}

pub(super) fn decision(_: &AdminState, id: &str) -> AdminResponse {
    let message = format!("no decision is kept for `{id}`: this build records none, the access log has its outcome");
    AdminResponse::error(StatusCode::NOT_FOUND, "decision.unknown", &message)
}

fn set_drained(state: &AdminState, name: &str, drained: bool) -> AdminResponse {
    match state.control.set_drained(name, drained) {
        Ok(()) => AdminResponse::json(StatusCode::OK, &json!({ "endpoint": name, "drained": drained })),
        Err(error) => AdminResponse::error(StatusCode::NOT_FOUND, "endpoint.unknown", &error.to_string()),
    }
}

fn changed(result: Result<Arc<str>, String>, status: StatusCode, code: &'static str) -> AdminResponse {
    match result {
        Ok(hash) => AdminResponse::json(StatusCode::OK, &json!({ "hash": &*hash })),
        Err(message) => AdminResponse::error(status, code, &message),
    }
}

// === impl Endpoint ===

impl<'a> From<&'a EndpointReport> for Endpoint<'a> {
    fn from(report: &'a EndpointReport) -> Self {
        Self {
            name: &report.name,
            up: report.up,
            state: match report {
                EndpointReport { drained: true, .. } => "drained",
                EndpointReport { down: true, .. } => "down",
                EndpointReport { resting: Some(_), .. } => "resting",
                EndpointReport { up: false, .. } => "ejected",
                EndpointReport { .. } => "up",
            },
            resting_ms: report.resting.map(whole_millis),
            in_flight: report.in_flight,
            latency_p50_ms: millis(report.latency_p50),
            latency_p95_ms: millis(report.latency_p95),
            error_rate_percent: report.error_rate,
            pools: report.pools.iter().map(Member::from).collect(),
        }
    }
}

// === impl Member ===

impl<'a> From<&'a MemberReport> for Member<'a> {
    fn from(report: &'a MemberReport) -> Self {
        Self {
            pool: &report.pool,
            tier: report.tier,
            weight: report.weight,
            capacity: report.capacity,
            consecutive_failures: report.consecutive_failures,
            ejected_ms: report.ejected.map(whole_millis),
            on_trial: report.on_trial,
        }
    }
}

fn whole_millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

fn millis(span: Duration) -> f64 {
    f64::from(u32::try_from(span.as_micros()).unwrap_or(u32::MAX)) / 1_000.0
}
