//! What is known about one exchange, written down as it goes; in the end one event for those who watch.
//!
//! The record refuses to influence the exchange: stations write into it and read back only the request id.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue, StatusCode};
use smallvec::SmallVec;
use tokio::time::Instant;
use weir_dsl::failover::Attempt;
use weir_dsl::hir::{FailureClass, LogLevel};
use weir_dsl::plan::{Plan, share};
use weir_filters::format::Usage;

use super::accept::{Accepted, Kind};
use super::port::Downstream;
use super::read::Received;
use crate::clock::Dice;
use crate::conf::{HeaderDetail, ListenerSettings};
use crate::observe::event::{End, Exchange, Tokens};
use crate::pool::Lease;
use crate::snapshot::Snapshot;

/// Our name for one exchange: 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RequestId([u8; 32]);

/// What is known about one exchange.
#[derive(Debug)]
pub struct Record {
    id: RequestId,
    client_id: Option<HeaderValue>,
    snapshot_id: Arc<str>,
    detail: HeaderDetail,
    method: http::Method,
    path: Arc<str>,
    path_len: usize,
    api: &'static str,
    client_ip: Option<IpAddr>,
    model: Option<Arc<str>>,
    plan: Option<Arc<Plan>>,
    pool: Option<Arc<str>>,
    endpoint: Option<Arc<str>>,
    attempts: u32,
    stream: bool,
    status: u16,
    code: Option<Cow<'static, str>>,
    broke: Option<FailureClass>,
    bytes_in: u64,
    bytes_out: u64,
    usage: Option<Usage>,
    began: Instant,
    received: Option<Instant>,
    /// Time spent waiting for upstreams before the answer began.
    waited: Duration,
    dialled: Option<Instant>,
    first_byte: Option<Instant>,
}

// === impl RequestId ===

impl RequestId {
    /// A new one, from 128 random bits.
    #[must_use]
    pub fn roll(dice: &Dice) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let bits = (u128::from(dice.roll()) << 64) | u128::from(dice.roll());
        Self(std::array::from_fn(|at| {
            let nibble = u32::try_from(at).map_or(0, |at| (bits >> (4 * at)) & 15);
            usize::try_from(nibble).ok().and_then(|n| DIGITS.get(n)).copied().unwrap_or(b'0')
        }))
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

// === impl Record ===

impl Record {
    pub(crate) fn new<D: Downstream>(
        snapshot: &Snapshot,
        id: RequestId,
        down: &D,
        listener: &ListenerSettings,
    ) -> Self {
        Self {
            id,
            client_id: down.headers().get("x-request-id").cloned(),
            snapshot_id: Arc::clone(&snapshot.id),
            detail: listener.headers,
            method: down.method().clone(),
            path: Arc::from(""),
            path_len: 0,
            api: "",
            client_ip: None,
            model: None,
            plan: None,
            pool: None,
            endpoint: None,
            attempts: 0,
            stream: false,
            status: 499,
            code: None,
            broke: None,
            bytes_in: 0,
            bytes_out: 0,
            usage: None,
            began: Instant::now(),
            received: None,
            waited: Duration::ZERO,
            dialled: None,
            first_byte: None,
        }
    }

    /// Our id.
    #[must_use]
    pub fn id(&self) -> &str {
        self.id.as_str()
    }

    pub(crate) fn began(&self) -> Instant {
        self.began
    }

    pub(crate) fn attempts(&self) -> u32 {
        self.attempts
    }

    pub(crate) fn accepted(&mut self, accepted: &Accepted) {
        self.path = Arc::clone(&accepted.target);
        self.path_len = accepted.path_len;
        self.client_ip = accepted.client_ip;
        self.api = match accepted.kind {
            Kind::Model(dialect) => dialect.api(),
            Kind::Models => "models",
            Kind::Preflight | Kind::Other => "",
        };
    }

    pub(crate) fn received(&mut self, received: &Received) {
        self.received = Some(Instant::now());
        self.bytes_in = u64::try_from(received.body.len()).unwrap_or(u64::MAX);
        self.stream = received.seen.stream();
    }

    /// Bytes of a body that was not read here.
    pub(crate) fn carried(&mut self, bytes_in: u64) {
        self.bytes_in = bytes_in;
    }

    pub(crate) fn decided(&mut self, plan: &Arc<Plan>, model: Option<Arc<str>>) {
        self.plan = Some(Arc::clone(plan));
        self.model = model;
    }

    pub(crate) fn attempted(&mut self, snapshot: &Snapshot, attempt: &Attempt, lease: &Lease) {
        self.attempts = attempt.number;
        self.pool = Some(Arc::clone(lease.pool_name()));
        self.endpoint = snapshot.target(attempt.endpoint).map(|target| Arc::clone(&target.name));
    }

    pub(crate) fn dialled(&mut self, at: Instant) {
        self.dialled = Some(at);
    }

    pub(crate) fn answered(&mut self, at: Instant) {
        if let Some(dialled) = self.dialled.take() {
            self.waited += at.saturating_duration_since(dialled);
        }
    }

    /// The head goes out now.
    pub(crate) fn answering(&mut self, status: StatusCode) {
        self.status = status.as_u16();
        self.first_byte = Some(Instant::now());
    }

    pub(crate) fn code(&mut self, code: Cow<'static, str>) {
        self.code = Some(code);
    }

    pub(crate) fn broke(&mut self, class: FailureClass) {
        self.broke = Some(class);
    }

    pub(crate) fn used(&mut self, usage: Option<Usage>) {
        self.usage = usage.or(self.usage);
    }

    pub(crate) fn wrote(&mut self, bytes: u64) {
        self.bytes_out += bytes;
    }

    /// The headers of ours that the client gets.
    pub(crate) fn own_headers(&self, headers: &mut SmallVec<[(HeaderName, HeaderValue); 16]>) {
        let put = |headers: &mut SmallVec<[(HeaderName, HeaderValue); 16]>, name: &'static str, value: &str| {
            // Names of a policy may hold any letter; a header cannot.
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.push((HeaderName::from_static(name), value));
            }
        };
        put(headers, "x-weir-request-id", self.id());
        if self.detail == HeaderDetail::Minimal {
            return;
        }
        put(headers, "x-weir-policy", &self.snapshot_id);
        if let Some(plan) = &self.plan {
            put(headers, "x-weir-rule", &plan.rule);
        }
        if let Some(endpoint) = &self.endpoint {
            put(headers, "x-weir-endpoint", endpoint);
            put(headers, "x-weir-attempts", itoa::Buffer::new().format(self.attempts));
            headers.push((HeaderName::from_static("x-weir-cache"), HeaderValue::from_static("off")));
        }
        let own = self.overhead(Instant::now()).as_micros();
        let up = self.waited.as_micros();
        let timing =
            format!("weir;dur={}.{:03}, upstream;dur={}.{:03}", own / 1000, own % 1000, up / 1000, up % 1000);
        put(headers, "server-timing", &timing);
    }

    /// Whether the connection may be taken for a good one.
    pub(crate) fn ended_well(&self, end: End) -> bool {
        match end {
            End::Complete | End::Refused | End::Failed | End::Bug => true,
            // Told in band, and the framing is whole; bytes that could not be told about were aborted.
            End::Broken => self.stream,
            End::ClientGone => false,
        }
    }

    /// Time in weir itself until now or until the answer began: what neither the client nor an upstream took.
    fn overhead(&self, now: Instant) -> Duration {
        let from = self.received.unwrap_or(self.began);
        let until = self.first_byte.unwrap_or(now);
        until.saturating_duration_since(from).saturating_sub(self.waited)
    }

    /// Tells those who watch; the exchange is over.
    pub(crate) fn settle(self, end: End, now: Instant, tell: impl FnOnce(&Exchange<'_>)) {
        let tags: SmallVec<[(Arc<str>, Arc<str>); 4]> = self.plan.as_ref().map_or_else(SmallVec::new, |plan| {
            plan.tags.iter().map(|t| (Arc::clone(&t.value.key), Arc::clone(&t.value.value))).collect()
        });
        let exchange = Exchange {
            id: self.id.as_str(),
            client_id: self.client_id.as_ref().and_then(|v| v.to_str().ok()),
            client_ip: self.client_ip,
            method: self.method.as_str(),
            path: self.path.get(..self.path_len).unwrap_or(&self.path),
            api: self.api,
            model: self.model.as_deref(),
            policy: &self.snapshot_id,
            rule: self.plan.as_ref().map_or("", |plan| &plan.rule),
            pool: self.pool.as_ref(),
            endpoint: self.endpoint.as_ref(),
            attempts: self.attempts,
            stream: self.stream,
            status: if end == End::ClientGone && self.first_byte.is_none() { 499 } else { self.status },
            end,
            code: self.code.as_deref(),
            bytes_in: self.bytes_in,
            bytes_out: self.bytes_out,
            took: now.saturating_duration_since(self.began),
            first_byte: self.first_byte.map(|at| at.saturating_duration_since(self.began)),
            overhead: self.overhead(now),
            tokens: self.usage.map(tokens),
            tags: &tags,
            log: self.log_level(),
        };
        tell(&exchange);
    }

    fn log_level(&self) -> LogLevel {
        let Some(log) = self.plan.as_ref().and_then(|plan| plan.log.as_ref()) else { return LogLevel::Meta };
        let sampled = log.value.sample >= 100.0 || share::sampled("log", self.id(), log.value.sample);
        if sampled { log.value.level } else { LogLevel::Off }
    }
}

fn tokens(usage: Usage) -> Tokens {
    Tokens { input: usage.input, output: usage.output, cached: usage.cached, reasoning: usage.reasoning }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_32_hexadecimal_digits_and_differ() {
        let dice = Dice::seeded(1);
        let (a, b) = (RequestId::roll(&dice), RequestId::roll(&dice));
        assert_eq!(a.as_str().len(), 32);
        assert!(a.as_str().bytes().all(|c| c.is_ascii_hexdigit()));
        assert_ne!(a, b);
    }
}
