//! What became of one attempt: three separate questions, three functions.
//!
//! *What class of failure is it* ([`of_fault`], [`of_vendor`]), *what does the client hear* ([`Failed`]), and
//! *may it be tried again*, which is `dsl::failover`'s to say. Blame is the pool's ([`crate::pool::Lease`]).

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode};
use weir_dsl::hir::FailureClass;
use weir_filters::format::{Failure, VendorError};

use super::port::Fault;
use crate::answer::{Exhausted, Timer};

/// A failed attempt.
#[derive(Debug)]
pub(crate) struct Failed {
    /// What policies call it.
    pub(crate) class: FailureClass,
    /// Which timer ran out.
    pub(crate) timer: Option<Timer>,
    /// What the vendor said about it.
    pub(crate) vendor: Option<Box<VendorError>>,
    /// The vendor's own answer, to be passed on when nothing better comes.
    pub(crate) said: Option<Box<Said>>,
    /// `Retry-After` of the vendor.
    pub(crate) retry_after: Option<Duration>,
}

/// A vendor's error answer, as it came.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    /// Status.
    pub(crate) status: StatusCode,
    /// Headers that go to the client.
    pub(crate) headers: HeaderMap,
    /// Body; never cut.
    pub(crate) body: Bytes,
}

// === impl Failed ===

impl Failed {
    /// A failure of a class with nothing more to say.
    pub(crate) fn new(class: FailureClass) -> Self {
        Self { class, timer: None, vendor: None, said: None, retry_after: None }
    }

    /// A timer ran out.
    pub(crate) fn timer(timer: Timer) -> Self {
        Self { timer: Some(timer), ..Self::new(FailureClass::Timeout) }
    }

    /// The transport failed before an answer began.
    pub(crate) fn fault(fault: Fault) -> Self {
        let timer = (fault == Fault::ConnectTimeout).then_some(Timer::Connect);
        Self { timer, ..Self::new(of_fault(fault)) }
    }

    /// A vendor's error, inside a 200 or as an answer of its own.
    pub(crate) fn vendor(error: Box<VendorError>) -> Self {
        let class = of_vendor(error.failure);
        Self { vendor: Some(error), ..Self::new(class) }
    }

    /// What the client hears when this was the first failure and nothing good followed.
    pub(crate) fn exhausted(&self) -> Exhausted {
        let vendor = self.vendor.as_deref();
        Exhausted {
            class: self.class,
            timer: self.timer,
            status: vendor.and_then(|v| v.status),
            message: vendor.and_then(|v| v.message.clone()),
            kind: vendor.and_then(|v| v.kind.clone()),
            vendor_code: vendor.and_then(|v| v.code.clone()),
            retry_after: self.retry_after,
        }
    }
}

/// The class of a transport failure before the answer began.
pub(crate) fn of_fault(fault: Fault) -> FailureClass {
    match fault {
        Fault::Connect | Fault::Tls => FailureClass::Connect,
        Fault::ConnectTimeout => FailureClass::Timeout,
        // The request was on the wire; whether it was acted upon is unknown. Policies that name `stream_broken`
        // accept that.
        Fault::Reset { .. } | Fault::Truncated => FailureClass::StreamBroken,
        Fault::Garbled => FailureClass::BadResponse,
    }
}

/// The class of what a vendor said.
pub(crate) fn of_vendor(failure: Failure) -> FailureClass {
    match failure {
        Failure::RateLimited => FailureClass::RateLimited,
        Failure::ServerError => FailureClass::ServerError,
        Failure::ClientError => FailureClass::ClientError,
        Failure::Overloaded => FailureClass::Overloaded,
        Failure::ContextExceeded => FailureClass::ContextExceeded,
        Failure::ContentFilter => FailureClass::ContentFilter,
        Failure::Auth => FailureClass::Auth,
        Failure::BadResponse => FailureClass::BadResponse,
    }
}

/// `retry-after-ms`, then `retry-after` in seconds (a float is tolerated) or as an HTTP date (RFC 9110 §10.2.3), as
/// the vendors' SDKs read them. `now` is wall time.
pub(crate) fn retry_after(headers: &HeaderMap, now: std::time::SystemTime) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|v: &HeaderValue| v.to_str().ok()).map(str::trim);
    let number = |text: &str| text.parse::<f64>().ok().filter(|n| n.is_finite() && *n >= 0.0 && *n < 1e9);
    if let Some(ms) = text("retry-after-ms").and_then(number) {
        return Some(Duration::from_secs_f64(ms / 1000.0));
    }
    let after = text("retry-after")?;
    if let Some(seconds) = number(after) {
        return Some(Duration::from_secs_f64(seconds));
    }
    httpdate::parse_http_date(after).ok()?.duration_since(now).ok()
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn every_shape_of_retry_after() {
        let now = UNIX_EPOCH + Duration::from_secs(784_111_770);
        let read = |name: &'static str, value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, HeaderValue::from_static(value));
            retry_after(&headers, now)
        };
        assert_eq!(read("retry-after", "3"), Some(Duration::from_secs(3)));
        assert_eq!(read("retry-after", "0.25"), Some(Duration::from_millis(250)));
        assert_eq!(read("retry-after-ms", "150"), Some(Duration::from_millis(150)));
        assert_eq!(read("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::from_secs(7)));
        assert_eq!(read("retry-after", "Sun, 06 Nov 1994 08:49:00 GMT"), None);
        for junk in ["", "soon", "-1", "NaN", "inf", "1e99"] {
            assert_eq!(read("retry-after", junk), None, "{junk}");
        }
    }

    #[test]
    fn faults_have_the_class_that_policies_name() {
        let table = [
            (Fault::Connect, FailureClass::Connect),
            (Fault::Tls, FailureClass::Connect),
            (Fault::ConnectTimeout, FailureClass::Timeout),
            (Fault::Reset { stale: false }, FailureClass::StreamBroken),
            (Fault::Reset { stale: true }, FailureClass::StreamBroken),
            (Fault::Truncated, FailureClass::StreamBroken),
            (Fault::Garbled, FailureClass::BadResponse),
        ];
        for (fault, class) in table {
            assert_eq!(of_fault(fault), class, "{fault:?}");
        }
    }
}
