//! The first byte of an answer: its head, and who relays the rest.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use smallvec::SmallVec;
use tokio::time::Instant;
use weir_dsl::hir::FailureClass;
use weir_filters::format::Dialect;

use super::attempt::Good;
use super::begin::BegunBody;
use super::outcome::{Failed, Said};
use super::port::{Answer, Downstream, ResponseHead};
use super::record::Record;
use super::relay::{self, Ending, Pace, Relayed};
use super::{KEEPALIVE, Outcome};
use crate::answer::ErrorAnswer;
use crate::observe::event::End;
use crate::pool;
use crate::sign;

type Headers = SmallVec<[(HeaderName, HeaderValue); 16]>;

/// Gives the client the answer of a good attempt.
pub(crate) async fn give<D: Downstream, A: Answer>(
    good: Good<A>,
    dialect: Dialect,
    down: &mut D,
    record: &mut Record,
) -> Outcome {
    let Good { begun, mut lease, idle, deadline, failed_over } = good;
    let mut answer = begun.answer;
    let mut headers: Headers = answer_headers(answer.headers(), failed_over);
    record.own_headers(&mut headers);
    record.answering(begun.status);
    let pace = Pace { idle, deadline, keepalive: KEEPALIVE };
    let head = |length, headers| ResponseHead { status: begun.status, headers, length };
    let relayed = match begun.body {
        BegunBody::Whole { body, usage } => {
            let bytes = u64::try_from(body.len()).unwrap_or(u64::MAX);
            answer.release().await;
            record.used(usage);
            if down.write_head(head(Some(bytes), headers)).await.is_err()
                || down.write_body(body, true).await.is_err()
            {
                return Outcome::Gone;
            }
            record.wrote(bytes);
            return Outcome::Answered(End::Complete);
        }
        BegunBody::Stream(streaming) => {
            stream_headers(&mut headers);
            if down.write_head(head(None, headers)).await.is_err() {
                return Outcome::Gone;
            }
            Box::pin(relay::stream(down, &mut answer, *streaming, dialect, pace, record.id())).await
        }
        BegunBody::Opaque { first, length } => {
            if down.write_head(head(length, headers)).await.is_err() {
                return Outcome::Gone;
            }
            Box::pin(relay::opaque(down, &mut answer, first, pace)).await
        }
    };
    let Relayed { ending, usage, bytes_out, drained } = relayed;
    record.used(usage);
    record.wrote(bytes_out);
    match ending {
        Ending::Complete => {
            if drained {
                answer.release().await;
            }
            Outcome::Answered(End::Complete)
        }
        Ending::Broken(failed) => {
            let now = Instant::now();
            lease.report(&pool::Outcome::failed(failed.class, std::time::Duration::ZERO), now);
            record.broke(failed.class);
            Outcome::Answered(End::Broken)
        }
        Ending::Gone => Outcome::Gone,
    }
}

/// Tells the client that no endpoint answered. The first vendor's own words are passed on as they came where they
/// are about the request; where they are about the gateway's account they are not.
pub(crate) async fn failed<D: Downstream>(
    failed: &Failed,
    dialect: Dialect,
    down: &mut D,
    record: &mut Record,
) -> End {
    let told = ErrorAnswer::exhausted(&failed.exhausted(), record.attempts(), record.id());
    match &failed.said {
        Some(said) if is_for_the_client(failed.class, said) => pass_on(said, &told, down, record).await,
        Some(_) | None => error(&told, dialect, down, record, End::Failed).await,
    }
}

fn is_for_the_client(class: FailureClass, said: &Said) -> bool {
    let json = said.headers.get(header::CONTENT_TYPE).is_some_and(|v| v.as_bytes().starts_with(b"application/json"));
    json && class != FailureClass::Auth
}

async fn pass_on<D: Downstream>(said: &Said, told: &ErrorAnswer, down: &mut D, record: &mut Record) -> End {
    let mut headers: Headers = answer_headers(&said.headers, false);
    let has = |headers: &Headers, name: &str| headers.iter().any(|(n, _)| n.as_str() == name);
    if let (Some(after), false) = (told.retry_after, has(&headers, "retry-after")) {
        headers.push((header::RETRY_AFTER, HeaderValue::from(after.as_secs().max(1))));
    }
    if let (Some(should), false) = (told.should_retry, has(&headers, "x-should-retry")) {
        let value = HeaderValue::from_static(if should { "true" } else { "false" });
        headers.push((HeaderName::from_static("x-should-retry"), value));
    }
    record.own_headers(&mut headers);
    record.answering(said.status);
    record.code(told.error.code.clone());
    let head = ResponseHead { status: said.status, headers, length: u64::try_from(said.body.len()).ok() };
    write(head, said.body.clone(), down, record, End::Failed).await
}

/// Writes an error of ours in the client's dialect.
pub(crate) async fn error<D: Downstream>(
    answer: &ErrorAnswer,
    dialect: Dialect,
    down: &mut D,
    record: &mut Record,
    end: End,
) -> End {
    let (mut head, body) = answer.render(dialect);
    record.own_headers(&mut head.headers);
    record.answering(head.status);
    record.code(answer.error.code.clone());
    write(head, body, down, record, end).await
}

async fn write<D: Downstream>(head: ResponseHead, body: Bytes, down: &mut D, record: &mut Record, end: End) -> End {
    let bytes = u64::try_from(body.len()).unwrap_or(u64::MAX);
    if down.write_head(head).await.is_err() || down.write_body(body, true).await.is_err() {
        return End::ClientGone;
    }
    record.wrote(bytes);
    end
}

fn answer_headers(theirs: &HeaderMap, failed_over: bool) -> Headers {
    let origin = if failed_over { sign::Origin::Failover } else { sign::Origin::First };
    sign::answer_headers(theirs, origin).map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// What keeps proxies in between from holding a stream back (`wire.md` W11).
fn stream_headers(headers: &mut Headers) {
    headers.retain(|(name, _)| *name != header::CACHE_CONTROL);
    headers.push((header::CACHE_CONTROL, HeaderValue::from_static("no-cache")));
    headers.push((HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")));
}
