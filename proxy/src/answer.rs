//! The one place that turns what went wrong into status codes and into the client's own words.
//!
//! Stations say *what* happened ([`Refusal`], the last [`Failure`] of the attempts, [`Bug`]); this module alone
//! knows what that is in HTTP, and the client's dialect writes it. Messages name the rule or limit that spoke,
//! never a secret, an upstream's address or another tenant. Codes are stable: `docs/errors.md` lists them.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, header};
use smallvec::SmallVec;
use weir_dsl::hir::FailureClass;
use weir_filters::format::{ApiError, Dialect, ErrorKind};

use crate::exchange::port::ResponseHead;

/// We said no, or could not take the request.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// The head is not what HTTP or we allow.
    #[error("{0}")]
    BadHead(Cow<'static, str>),
    /// The body is not JSON, holds a key twice, is not UTF-8 …
    #[error("{0}")]
    BadBody(String),
    /// The body is larger than the limit (bytes).
    #[error("the request body is larger than {0} bytes, the limit `limits.body_bytes_max`")]
    TooLarge(usize),
    /// The process holds as many request bodies as it may.
    #[error("the gateway holds as many request bodies as `limits.body_bytes_inflight_max` allows, try again")]
    BodyBudget,
    /// The client sends too slowly.
    #[error("the request body came too slowly")]
    TooSlow,
    /// The content type cannot be inspected.
    #[error("the content type `{0}` is not JSON")]
    ContentType(String),
    /// A coding that we do not decode.
    #[error("the content encoding `{0}` is not supported for requests, send the body uncompressed")]
    ContentEncoding(String),
    /// `deny` of a rule.
    #[error("{message}")]
    Denied {
        /// Status of the policy.
        status: u16,
        /// Text of the policy.
        message: String,
    },
    /// No such path.
    #[error("nothing is served at `{0}`")]
    NoRoute(String),
    /// No pool of the route has a member that could take the request.
    #[error("no endpoint can take this request now")]
    NoEndpoint,
    /// The process is about to end.
    #[error("the gateway is shutting down")]
    Draining,
}

/// Our invariant broke; the count of these must stay 0.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("internal error")]
pub struct Bug(
    /// Where, for the log.
    pub &'static str,
);

/// How the attempts ended when none was good.
#[derive(Clone, Debug)]
pub struct Exhausted {
    /// Class of the first failure.
    pub class: FailureClass,
    /// Which timer ran out, when the class is `timeout`.
    pub timer: Option<Timer>,
    /// The upstream's status, when it sent one.
    pub status: Option<u16>,
    /// What the upstream said, cut and cleaned by the dialect's reader.
    pub message: Option<Box<str>>,
    /// The upstream's `error.type`.
    pub kind: Option<Box<str>>,
    /// The upstream's `error.code`.
    pub vendor_code: Option<Box<str>>,
    /// When to try again, as the upstream said.
    pub retry_after: Option<Duration>,
}

/// Timers of an attempt.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Timer {
    /// Connecting.
    Connect,
    /// The first meaningful byte.
    FirstByte,
    /// Between two reads.
    Idle,
    /// All attempts together.
    Total,
}

/// An error on its way to the client, with what HTTP needs beside it.
#[derive(Clone, Debug)]
pub struct ErrorAnswer {
    /// For the dialect.
    pub error: ApiError,
    /// `Retry-After`.
    pub retry_after: Option<Duration>,
    /// `x-should-retry`, which the vendors' SDKs obey.
    pub should_retry: Option<bool>,
}

/// `Retry-After` when we have no better idea, in seconds.
const RETRY_AFTER_DEFAULT: Duration = Duration::from_secs(1);

// === impl ErrorAnswer ===

impl ErrorAnswer {
    /// Of a refusal. `rule` is named in the message where a rule spoke.
    #[must_use]
    pub fn refusal(refusal: &Refusal, id: &str) -> Self {
        let (kind, code, status) = classify(refusal);
        let busy = matches!(status, 429 | 503);
        Self {
            error: api_error(kind, code, refusal.to_string(), status, id),
            retry_after: busy.then_some(RETRY_AFTER_DEFAULT),
            should_retry: (!busy).then_some(false),
        }
    }

    /// Of attempts that all failed. They were retried here as the policy says: the client's SDK must not multiply
    /// that, except where the upstream asked for patience.
    #[must_use]
    pub fn exhausted(end: &Exhausted, attempts: u32, id: &str) -> Self {
        let (kind, code, status) = failure(end);
        let mut message = failure_text(end);
        if attempts > 1 {
            message.push_str(&format!(" ({attempts} attempts)"));
        }
        let busy = matches!(status, 429 | 503 | 529);
        Self {
            error: api_error(kind, code, message, status, id),
            retry_after: end.retry_after.or_else(|| busy.then_some(RETRY_AFTER_DEFAULT)),
            should_retry: Some(busy && attempts <= 1),
        }
    }

    /// Of a bug of ours.
    #[must_use]
    pub fn bug(bug: Bug, id: &str) -> Self {
        Self {
            error: api_error(ErrorKind::Internal, "internal", bug.to_string(), 500, id),
            retry_after: None,
            should_retry: None,
        }
    }

    /// Head and body in the dialect.
    #[must_use]
    pub fn render(&self, dialect: Dialect) -> (ResponseHead, Bytes) {
        let body = dialect.error_body(&self.error);
        let mut headers: SmallVec<[(HeaderName, HeaderValue); 16]> = SmallVec::new();
        headers.push((header::CONTENT_TYPE, HeaderValue::from_static("application/json")));
        if let Some(after) = self.retry_after {
            let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
            headers.push((header::RETRY_AFTER, HeaderValue::from(seconds)));
        }
        if let Some(should) = self.should_retry {
            let value = if should { "true" } else { "false" };
            headers.push((HeaderName::from_static("x-should-retry"), HeaderValue::from_static(value)));
        }
        let status = StatusCode::from_u16(self.error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let length = u64::try_from(body.len()).ok();
        (ResponseHead { status, headers, length }, body)
    }
}

fn api_error(kind: ErrorKind, code: &'static str, message: String, status: u16, id: &str) -> ApiError {
    ApiError { kind, code: Cow::Borrowed(code), message, param: None, status, request_id: Some(id.to_owned()) }
}

fn classify(refusal: &Refusal) -> (ErrorKind, &'static str, u16) {
    match refusal {
        Refusal::BadHead(_) => (ErrorKind::InvalidRequest, "request.head", 400),
        Refusal::BadBody(_) => (ErrorKind::InvalidRequest, "request.body", 400),
        Refusal::TooLarge(_) => (ErrorKind::TooLarge, "request.too_large", 413),
        Refusal::BodyBudget => (ErrorKind::Overloaded, "overload.body_budget", 503),
        Refusal::TooSlow => (ErrorKind::InvalidRequest, "request.too_slow", 408),
        Refusal::ContentType(_) => (ErrorKind::InvalidRequest, "request.content_type", 415),
        Refusal::ContentEncoding(_) => (ErrorKind::InvalidRequest, "request.content_encoding", 415),
        Refusal::Denied { status, .. } => (kind_of(*status), "policy.deny", *status),
        Refusal::NoRoute(_) => (ErrorKind::NotFound, "request.not_found", 404),
        Refusal::NoEndpoint => (ErrorKind::Overloaded, "upstream.no_endpoint", 503),
        Refusal::Draining => (ErrorKind::Overloaded, "overload.draining", 503),
    }
}

/// The kind of error that a status of the policy means.
fn kind_of(status: u16) -> ErrorKind {
    match status {
        401 => ErrorKind::Authentication,
        403 | 451 => ErrorKind::Permission,
        404 => ErrorKind::NotFound,
        413 => ErrorKind::TooLarge,
        402 | 429 => ErrorKind::RateLimited,
        503 | 529 => ErrorKind::Overloaded,
        504 => ErrorKind::Timeout,
        502 => ErrorKind::Upstream,
        500..=599 => ErrorKind::Internal,
        _ => ErrorKind::InvalidRequest,
    }
}

fn failure(end: &Exhausted) -> (ErrorKind, &'static str, u16) {
    match end.class {
        FailureClass::Connect => (ErrorKind::Upstream, "upstream.connect", 502),
        FailureClass::Timeout => (ErrorKind::Timeout, timer_code(end.timer), 504),
        FailureClass::ServerError => (ErrorKind::Upstream, "upstream.5xx", end.status.unwrap_or(502)),
        FailureClass::RateLimited => (ErrorKind::RateLimited, "upstream.429", 429),
        FailureClass::ClientError => {
            let status = end.status.unwrap_or(400);
            (kind_of(status), "upstream.4xx", status)
        }
        FailureClass::Overloaded => (ErrorKind::Overloaded, "upstream.overloaded", end.status.unwrap_or(503)),
        FailureClass::ContextExceeded => {
            (ErrorKind::InvalidRequest, "context_length_exceeded", end.status.unwrap_or(400))
        }
        FailureClass::ContentFilter => (ErrorKind::InvalidRequest, "content_filter", end.status.unwrap_or(400)),
        FailureClass::Refused => (ErrorKind::InvalidRequest, "upstream.refused", end.status.unwrap_or(400)),
        FailureClass::BadResponse => (ErrorKind::Upstream, "upstream.bad_response", 502),
        FailureClass::StreamBroken => (ErrorKind::Upstream, "upstream.stream_broken", 502),
        // The endpoint refused the gateway's credential, not the client's: 401 would send the client looking for a
        // fault in its own key.
        FailureClass::Auth => (ErrorKind::Upstream, "upstream.auth", 502),
    }
}

fn timer_code(timer: Option<Timer>) -> &'static str {
    match timer {
        Some(Timer::Connect) => "upstream.timeout.connect",
        Some(Timer::FirstByte) | None => "upstream.timeout.first_byte",
        Some(Timer::Idle) => "upstream.timeout.idle",
        Some(Timer::Total) => "upstream.timeout.total",
    }
}

/// What the client reads. The vendor's own words are passed on where they concern the request; what concerns the
/// gateway's account with the vendor is not.
fn failure_text(end: &Exhausted) -> String {
    let own = match end.class {
        FailureClass::Connect => "the endpoint cannot be reached",
        FailureClass::Timeout => match end.timer {
            Some(Timer::Connect) => "connecting to the endpoint took longer than `timeout connect`",
            Some(Timer::FirstByte) | None => "the endpoint did not begin to answer within `timeout first_byte`",
            Some(Timer::Idle) => "the endpoint fell silent for longer than `timeout idle`",
            Some(Timer::Total) => "the answer took longer than `timeout total`",
        },
        FailureClass::ServerError => "the endpoint failed",
        FailureClass::RateLimited => "the endpoint limits its requests",
        FailureClass::ClientError => "the endpoint refused the request",
        FailureClass::Overloaded => "the endpoint is overloaded",
        FailureClass::ContextExceeded => "the prompt does not fit the model's context",
        FailureClass::ContentFilter => "the endpoint's content filter refused the request",
        FailureClass::Refused => "the model refused the request",
        FailureClass::BadResponse => "the endpoint's answer is not what its API promises",
        FailureClass::StreamBroken => "the endpoint's answer broke off",
        FailureClass::Auth => "the endpoint does not accept the gateway's credential",
    };
    match (&end.message, end.class) {
        (None, _) | (_, FailureClass::Auth) => own.to_owned(),
        (Some(said), _) => format!("{own}: {said}"),
    }
}
