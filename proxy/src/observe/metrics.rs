//! Events as Prometheus metrics.
//!
//! A finished exchange costs one lookup and a few atomic additions. Gauges of endpoints are computed when somebody
//! asks. The registry is our own: what pingora or a library registers elsewhere does not appear here.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use prometheus::core::Collector;
use prometheus::{
    Encoder, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry, TextEncoder,
};

use super::event::{Attempt, End, Event, Exchange, Observer, Tokens};
use super::series::Series;
use super::table::{self, Kind, Row};
use crate::pool::EndpointReport;

/// The metrics of the process.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    request_series: Series<6, IntCounter>,
    request_seconds: HistogramVec,
    request_seconds_series: Series<1, Histogram>,
    overhead: Histogram,
    first_token: HistogramVec,
    first_token_series: Series<1, Histogram>,
    tokens: TokenCounters,
    attempts: IntCounterVec,
    attempt_series: Series<2, IntCounter>,
    inflight: IntGauge,
    endpoint_up: IntGaugeVec,
    endpoint_inflight: IntGaugeVec,
    ejections: IntCounterVec,
    policy_info: IntGaugeVec,
    policy: ArcSwapOption<String>,
    reloads_ok: IntCounter,
    reloads_failed: IntCounter,
    log_dropped: IntCounter,
}

#[derive(Debug)]
struct TokenCounters {
    fresh: IntCounter,
    cached: IntCounter,
    answer: IntCounter,
    reasoning: IntCounter,
}

/// Values of no label.
const NONE: &[&str] = &[];

/// The metrics could not be set up: two have the same name.
#[derive(Debug, thiserror::Error)]
#[error("metrics cannot be registered: {0}")]
pub struct MetricsError(#[from] prometheus::Error);

// === impl Metrics ===

impl Metrics {
    /// Registers everything of `docs/metrics.md`.
    ///
    /// # Errors
    /// When the table names a metric twice.
    pub fn new() -> Result<Self, MetricsError> {
        let registry = Registry::new();
        let tokens = counters(&registry, &table::TOKENS)?;
        let reloads = counters(&registry, &table::POLICY_RELOADS)?;
        Ok(Self {
            requests: counters(&registry, &table::REQUESTS)?,
            request_series: Series::default(),
            request_seconds: histograms(&registry, &table::REQUEST_SECONDS)?,
            request_seconds_series: Series::default(),
            overhead: histograms(&registry, &table::OVERHEAD_SECONDS)?.with_label_values(&["all"]),
            first_token: histograms(&registry, &table::FIRST_TOKEN_SECONDS)?,
            first_token_series: Series::default(),
            tokens: TokenCounters {
                fresh: tokens.with_label_values(&["input", "fresh"]),
                cached: tokens.with_label_values(&["input", "cached"]),
                answer: tokens.with_label_values(&["output", "answer"]),
                reasoning: tokens.with_label_values(&["output", "reasoning"]),
            },
            attempts: counters(&registry, &table::ATTEMPTS)?,
            attempt_series: Series::default(),
            inflight: gauges(&registry, &table::INFLIGHT)?.with_label_values(NONE),
            endpoint_up: gauges(&registry, &table::ENDPOINT_UP)?,
            endpoint_inflight: gauges(&registry, &table::ENDPOINT_INFLIGHT)?,
            ejections: counters(&registry, &table::EJECTIONS)?,
            policy_info: gauges(&registry, &table::POLICY_INFO)?,
            policy: ArcSwapOption::empty(),
            reloads_ok: reloads.with_label_values(&["ok"]),
            reloads_failed: reloads.with_label_values(&["failed"]),
            log_dropped: counters(&registry, &table::LOG_DROPPED)?.with_label_values(NONE),
            registry,
        })
    }

    /// The counter of lost log lines, for the log.
    #[must_use]
    pub fn lines_dropped(&self) -> LinesDropped {
        LinesDropped(self.log_dropped.clone())
    }

    /// Names the policy set in force, at start and after a reload.
    pub fn set_policy(&self, hash: &str) {
        if self.policy.load().as_ref().is_some_and(|known| **known == hash) {
            return;
        }
        self.policy_info.reset();
        self.policy_info.with_label_values(&[hash]).set(1);
        self.policy.store(Some(Arc::new(hash.to_owned())));
    }

    /// Everything in Prometheus's text format, with the endpoints as they are now.
    #[must_use]
    pub fn render(&self, endpoints: &[EndpointReport]) -> Vec<u8> {
        self.endpoint_up.reset();
        self.endpoint_inflight.reset();
        for endpoint in endpoints {
            self.endpoint_up.with_label_values(&[&*endpoint.name]).set(i64::from(endpoint.up));
            self.endpoint_inflight.with_label_values(&[&*endpoint.name]).set(i64::from(endpoint.in_flight));
        }
        let mut out = Vec::new();
        // Writing into memory fails only for families without a name, which registration refuses.
        drop(TextEncoder::new().encode(&self.registry.gather(), &mut out));
        out
    }

    fn ended(&self, exchange: &Exchange<'_>) {
        self.inflight.dec();
        let labels = [
            exchange.api,
            exchange.rule,
            exchange.pool.map_or("", |pool| &**pool),
            exchange.endpoint.map_or("", |endpoint| &**endpoint),
            status_class(exchange.status),
            outcome(exchange.end),
        ];
        self.request_series.with(labels, |labels| self.requests.with_label_values(&labels), IntCounter::inc);
        let of_api = |labels: [&str; 1]| self.request_seconds.with_label_values(&labels);
        self.request_seconds_series.with([exchange.api], of_api, |h| h.observe(seconds(exchange.took)));
        self.overhead.observe(seconds(exchange.overhead));
        if let (true, Some(first), Some(endpoint)) = (exchange.stream, exchange.first_byte, exchange.endpoint) {
            let of_endpoint = |labels: [&str; 1]| self.first_token.with_label_values(&labels);
            self.first_token_series.with([endpoint], of_endpoint, |h| h.observe(seconds(first)));
        }
        if let Some(tokens) = exchange.tokens {
            self.tokens.count(tokens);
        }
    }

    fn attempt(&self, attempt: &Attempt<'_>) {
        let failure = attempt.failure.map_or("none", |class| class.word());
        let child = |labels: [&str; 2]| self.attempts.with_label_values(&labels);
        self.attempt_series.with([attempt.endpoint, failure], child, IntCounter::inc);
    }
}

impl Observer for Metrics {
    fn on(&self, event: &Event<'_>) {
        match event {
            Event::Began => self.inflight.inc(),
            Event::Attempt(attempt) => self.attempt(attempt),
            Event::Ended(exchange) => self.ended(exchange),
            Event::Reload { ok, policy, message: _ } => {
                if *ok { &self.reloads_ok } else { &self.reloads_failed }.inc();
                self.set_policy(policy);
            }
            Event::Endpoint { endpoint, up: false, reason: "ejected" | "breaker_open" } => {
                self.ejections.with_label_values(&[endpoint]).inc();
            }
            Event::Endpoint { .. } => {}
        }
    }
}

/// Counts log lines that nobody will read.
#[derive(Clone, Debug)]
pub struct LinesDropped(IntCounter);

impl LinesDropped {
    /// One more.
    pub fn count(&self) {
        self.0.inc();
    }

    /// How many so far.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.get()
    }
}

impl TokenCounters {
    fn count(&self, tokens: Tokens) {
        self.fresh.inc_by(tokens.input.saturating_sub(tokens.cached));
        self.cached.inc_by(tokens.cached);
        self.answer.inc_by(tokens.output.saturating_sub(tokens.reasoning));
        self.reasoning.inc_by(tokens.reasoning);
    }
}

fn seconds(span: Duration) -> f64 {
    span.as_secs_f64()
}

fn status_class(status: u16) -> &'static str {
    match status / 100 {
        1 => "1xx",
        2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        _ => "5xx",
    }
}

/// The word of an [`End`] in metrics and logs.
pub(super) fn outcome(end: End) -> &'static str {
    match end {
        End::Complete => "complete",
        End::Refused => "refused",
        End::Failed => "failed",
        End::Broken => "broken",
        End::ClientGone => "client_gone",
        End::Bug => "bug",
    }
}

fn counters(registry: &Registry, row: &Row) -> Result<IntCounterVec, prometheus::Error> {
    register(registry, IntCounterVec::new(Opts::new(row.name, row.help), row.labels)?)
}

fn gauges(registry: &Registry, row: &Row) -> Result<IntGaugeVec, prometheus::Error> {
    register(registry, IntGaugeVec::new(Opts::new(row.name, row.help), row.labels)?)
}

fn histograms(registry: &Registry, row: &Row) -> Result<HistogramVec, prometheus::Error> {
    let buckets = match row.kind {
        Kind::Histogram(buckets) => buckets.to_vec(),
        Kind::Counter | Kind::Gauge => Vec::new(),
    };
    register(registry, HistogramVec::new(HistogramOpts::new(row.name, row.help).buckets(buckets), row.labels)?)
}

fn register<C: Collector + Clone + 'static>(registry: &Registry, metric: C) -> Result<C, prometheus::Error> {
    registry.register(Box::new(metric.clone()))?;
    Ok(metric)
}

#[cfg(test)]
pub(super) mod tests;
