//! Station 3: the whole body, bounded, and one look at it.
//!
//! Bodies are kept whole because they may have to be sent more than once. Every byte held is taken from one budget
//! of the process, so that many large prompts cannot exhaust its memory. This station refuses to know what a
//! policy wants of the body.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, header};
use weir_filters::format::peek::{self, Peek};

use super::port::{BodyError, Downstream};
use crate::answer::Refusal;

/// Bytes of request bodies that the process may still take in.
#[derive(Clone, Debug)]
pub struct BodyBudget(Arc<AtomicUsize>);

/// Bytes taken from a [`BodyBudget`]; dropping gives them back.
#[derive(Debug)]
pub(crate) struct Held {
    budget: Arc<AtomicUsize>,
    bytes: usize,
}

/// A body that was read and understood.
#[derive(Debug)]
pub(crate) struct Received {
    /// As it came.
    pub(crate) body: Bytes,
    /// Where its members are.
    pub(crate) seen: Peek,
    /// Its share of the budget, given back with the body.
    _held: Held,
}

/// Why there is no body.
#[derive(Debug)]
pub(crate) enum Unread {
    /// An answer for the client.
    Refused(Refusal),
    /// Nobody to answer.
    Gone,
}

// === impl BodyBudget ===

impl BodyBudget {
    /// A budget of so many bytes.
    #[must_use]
    pub fn new(bytes: usize) -> Self {
        Self(Arc::new(AtomicUsize::new(bytes)))
    }

    /// Bytes left.
    #[must_use]
    pub fn left(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    fn hold(&self) -> Held {
        Held { budget: Arc::clone(&self.0), bytes: 0 }
    }
}

// === impl Held ===

impl Held {
    /// Takes more; `false` when the budget is spent.
    fn take(&mut self, bytes: usize) -> bool {
        let taken = self.budget.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes));
        if taken.is_ok() {
            self.bytes += bytes;
        }
        taken.is_ok()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.budget.fetch_add(self.bytes, Ordering::Relaxed);
    }
}

/// Reads the body to its end and looks at it once.
pub(crate) async fn read<D: Downstream>(down: &mut D, budget: &BodyBudget, max: usize) -> Result<Received, Unread> {
    check_head(down.headers(), max).map_err(Unread::Refused)?;
    let mut held = budget.hold();
    let body = collect(down, &mut held, max).await?;
    let seen = peek::peek(&body).map_err(|e| Unread::Refused(Refusal::BadBody(e.to_string())))?;
    Ok(Received { body, seen, _held: held })
}

/// What the head already says against reading the body.
fn check_head(headers: &HeaderMap, max: usize) -> Result<(), Refusal> {
    if let Some(coding) = headers.get(header::CONTENT_ENCODING)
        && !coding.as_bytes().eq_ignore_ascii_case(b"identity")
    {
        return Err(Refusal::ContentEncoding(String::from_utf8_lossy(coding.as_bytes()).into_owned()));
    }
    if let Some(kind) = headers.get(header::CONTENT_TYPE) {
        check_type(&String::from_utf8_lossy(kind.as_bytes()))?;
    }
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > max) { Err(Refusal::TooLarge(max)) } else { Ok(()) }
}

/// The body is read as JSON whatever its type says (curl says `x-www-form-urlencoded`), and goes out as JSON; only
/// what cannot be JSON is refused at once.
fn check_type(kind: &str) -> Result<(), Refusal> {
    let lower = kind.to_ascii_lowercase();
    let other_charset = lower.split(';').skip(1).any(|parameter| {
        parameter
            .trim()
            .strip_prefix("charset=")
            .is_some_and(|c| !matches!(c.trim_matches('"'), "utf-8" | "utf8" | "us-ascii"))
    });
    if lower.starts_with("multipart/") || other_charset { Err(Refusal::ContentType(kind.to_owned())) } else { Ok(()) }
}

/// The usual body comes in one piece and is not copied.
async fn collect<D: Downstream>(down: &mut D, held: &mut Held, max: usize) -> Result<Bytes, Unread> {
    let Some(first) = next(down, held, 0, max).await? else { return Ok(Bytes::new()) };
    let Some(second) = next(down, held, first.len(), max).await? else { return Ok(first) };
    let announced = down.headers().get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<usize>().ok());
    // The budget was asked for what has come, not for what is announced: room is made within reason only.
    let room = announced.unwrap_or(first.len() + second.len()).min(max).min(4 << 20);
    let mut whole = BytesMut::with_capacity(room.max(first.len() + second.len()));
    whole.extend_from_slice(&first);
    whole.extend_from_slice(&second);
    while let Some(more) = next(down, held, whole.len(), max).await? {
        whole.extend_from_slice(&more);
    }
    Ok(whole.freeze())
}

async fn next<D: Downstream>(
    down: &mut D,
    held: &mut Held,
    so_far: usize,
    max: usize,
) -> Result<Option<Bytes>, Unread> {
    match down.read_body().await {
        Ok(Some(bytes)) => {
            if so_far + bytes.len() > max {
                return Err(Unread::Refused(Refusal::TooLarge(max)));
            }
            if !held.take(bytes.len()) {
                return Err(Unread::Refused(Refusal::BodyBudget));
            }
            Ok(Some(bytes))
        }
        Ok(None) => Ok(None),
        Err(BodyError::Gone) => Err(Unread::Gone),
        Err(BodyError::Slow) => Err(Unread::Refused(Refusal::TooSlow)),
        Err(BodyError::Malformed) => Err(Unread::Refused(Refusal::BadHead("the body's framing is broken".into()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_never_overdrawn_and_always_returned() {
        let budget = BodyBudget::new(100);
        let mut a = budget.hold();
        assert!(a.take(60));
        let mut b = budget.hold();
        assert!(!b.take(60));
        assert!(b.take(40));
        assert_eq!(budget.left(), 0);
        drop(a);
        assert_eq!(budget.left(), 60);
        drop(b);
        assert_eq!(budget.left(), 100);
    }

    #[test]
    fn content_types() {
        for good in
            ["application/json", "application/json; charset=UTF-8", "text/plain", "application/x-www-form-urlencoded"]
        {
            assert!(check_type(good).is_ok(), "{good}");
        }
        for wrong in [
            "multipart/form-data; boundary=x",
            "application/json; charset=utf-16",
            "application/json;charset=\"latin1\"",
        ] {
            assert!(check_type(wrong).is_err(), "{wrong}");
        }
    }
}
