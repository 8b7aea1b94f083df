//! The beginning of one answer: everything until it is certain that this attempt is a good one.
//!
//! A stream is held back until its first meaningful event, a whole answer until its last byte, an error until its
//! words are known; only then can the attempt no longer be taken back. This module refuses to choose endpoints and to
//! talk to clients.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, StatusCode, header};
use smallvec::SmallVec;
use tokio::time::{Instant, timeout_at};
use weir_filters::format::{Dialect, Meaning, Relay, StreamEnd, StreamReader, Usage, UsageAsked};
use weir_filters::frame::sse::SseDecoder;

use super::outcome::{self, Failed, Said};
use super::port::{Answer, Dial, Fault, Peer, UpstreamRequest};
use crate::answer::Timer;
use crate::conf::Limits;

/// Timers of one attempt, all set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timers {
    pub(crate) connect: Duration,
    pub(crate) first_byte: Duration,
    pub(crate) idle: Duration,
    /// When the whole exchange must be over.
    pub(crate) deadline: Instant,
}

/// What is sent, to whom, and how the answer is read.
#[derive(Debug)]
pub(crate) struct Ask<'a> {
    pub(crate) peer: &'a Peer,
    pub(crate) request: &'a UpstreamRequest,
    pub(crate) dialect: Dialect,
    pub(crate) asked: UsageAsked,
    pub(crate) timers: Timers,
    pub(crate) limits: &'a Limits,
    pub(crate) wall: std::time::SystemTime,
}

/// An answer that will be given to the client.
#[derive(Debug)]
pub(crate) struct Begun<A> {
    pub(crate) answer: A,
    pub(crate) status: StatusCode,
    pub(crate) body: BegunBody,
}

/// What is known of its body.
#[derive(Debug)]
pub(crate) enum BegunBody {
    /// A stream that has begun to say something.
    Stream(Box<Streaming>),
    /// All of it.
    Whole { body: Bytes, usage: Option<Usage> },
    /// Bytes that are passed on unread: compressed, or larger than is held.
    Opaque { first: Bytes, length: Option<u64> },
}

/// A stream in the middle.
#[derive(Debug)]
pub(crate) struct Streaming {
    pub(crate) decoder: SseDecoder,
    pub(crate) reader: StreamReader,
    /// What the client gets first.
    pub(crate) held: SmallVec<[Bytes; 8]>,
    /// The upstream ended its answer while it was held back.
    pub(crate) ended: bool,
}

/// Sends the request and waits until the answer is certainly good or certainly not. A pooled connection that turns
/// out dead before the first byte costs one more try on a fresh one, and nobody is blamed.
pub(crate) async fn begin<N: Dial>(net: &N, ask: &Ask<'_>) -> Result<Begun<N::Answer>, Failed> {
    match once(net, ask, false).await {
        Err(Trouble::Stale) => match Box::pin(once(net, ask, true)).await {
            Ok(begun) => Ok(begun),
            Err(Trouble::Failed(failed)) => Err(failed),
            Err(Trouble::Stale) => Err(Failed::fault(Fault::Reset { stale: true })),
        },
        Err(Trouble::Failed(failed)) => Err(failed),
        Ok(begun) => Ok(begun),
    }
}

enum Trouble {
    Stale,
    Failed(Failed),
}

impl From<Failed> for Trouble {
    fn from(failed: Failed) -> Self {
        Self::Failed(failed)
    }
}

async fn once<N: Dial>(net: &N, ask: &Ask<'_>, fresh: bool) -> Result<Begun<N::Answer>, Trouble> {
    let timers = &ask.timers;
    let connect = timers.connect.min(timers.deadline.saturating_duration_since(Instant::now()));
    let sent = timeout_at(first_byte_at(timers), net.send(ask.peer, ask.request, connect, fresh));
    let mut answer = sent.await.map_err(|_| first_byte_failure(timers))?.map_err(trouble)?;
    let until = first_byte_at(timers);
    let status = timeout_at(until, answer.head()).await.map_err(|_| first_byte_failure(timers))?.map_err(trouble)?;
    if !status.is_success() {
        return Err(Trouble::Failed(Box::pin(refused(answer, status, ask)).await));
    }
    if is_encoded(answer.headers()) {
        let length = content_length(answer.headers());
        return Ok(Begun { answer, status, body: BegunBody::Opaque { first: Bytes::new(), length } });
    }
    if is_event_stream(answer.headers()) {
        let streaming = Box::pin(hold(&mut answer, ask, until)).await?;
        return Ok(Begun { answer, status, body: BegunBody::Stream(Box::new(streaming)) });
    }
    let body = whole(&mut answer, ask, until).await?;
    Ok(Begun { answer, status, body })
}

fn trouble(fault: Fault) -> Trouble {
    match fault {
        Fault::Reset { stale: true } => Trouble::Stale,
        Fault::Connect
        | Fault::Tls
        | Fault::ConnectTimeout
        | Fault::Reset { stale: false }
        | Fault::Garbled
        | Fault::Truncated => Trouble::Failed(Failed::fault(fault)),
    }
}

/// The first-byte timer runs from now, and never past the deadline.
fn first_byte_at(timers: &Timers) -> Instant {
    (Instant::now() + timers.first_byte).min(timers.deadline)
}

fn first_byte_failure(timers: &Timers) -> Failed {
    Failed::timer(if Instant::now() >= timers.deadline { Timer::Total } else { Timer::FirstByte })
}

/// Waits for the next piece within the idle timer; before the first meaningful byte also within `until`.
async fn piece<A: Answer>(answer: &mut A, timers: &Timers, until: Option<Instant>) -> Result<Option<Bytes>, Failed> {
    let idle_at = Instant::now() + timers.idle;
    let at = idle_at.min(timers.deadline).min(until.unwrap_or(timers.deadline));
    match timeout_at(at, answer.body()).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(fault)) => Err(Failed::new(outcome::of_fault(fault))),
        Err(_) if Instant::now() >= timers.deadline => Err(Failed::timer(Timer::Total)),
        Err(_) if at == idle_at => Err(Failed::timer(Timer::Idle)),
        Err(_) => Err(Failed::timer(Timer::FirstByte)),
    }
}

/// Holds a stream back until it says something that matters.
async fn hold<A: Answer>(answer: &mut A, ask: &Ask<'_>, until: Instant) -> Result<Streaming, Failed> {
    let mut streaming = Streaming {
        decoder: SseDecoder::new(ask.limits.event_bytes_max),
        reader: ask.dialect.stream_reader(ask.asked),
        held: SmallVec::new(),
        ended: false,
    };
    let (mut events, mut bytes) = (0_usize, 0_usize);
    loop {
        let Some(chunk) = piece(answer, &ask.timers, Some(until)).await? else {
            return at_end(streaming);
        };
        bytes += chunk.len();
        streaming.decoder.push(chunk);
        let mut certain = false;
        while let Some(frame) = streaming.decoder.next_frame().map_err(|_| Failed::new(BAD_RESPONSE))? {
            events += 1;
            let heard = streaming.reader.read(&frame);
            certain |= judge(heard.meaning)?;
            keep(&mut streaming.held, heard.relay, frame.into_raw());
        }
        // An upstream that never says anything may not be held for ever: past the bounds it counts as good.
        if certain || events >= ask.limits.hold_events_max || bytes >= ask.limits.hold_bytes_max {
            return Ok(streaming);
        }
    }
}

const BAD_RESPONSE: weir_dsl::hir::FailureClass = weir_dsl::hir::FailureClass::BadResponse;

/// Whether a frame makes the attempt certain, or fails it.
fn judge(meaning: Meaning) -> Result<bool, Failed> {
    match meaning {
        Meaning::Hold | Meaning::Usage => Ok(false),
        Meaning::Content | Meaning::Unknown | Meaning::Finish(_) | Meaning::Done => Ok(true),
        Meaning::Error(error) => Err(Failed::vendor(error)),
        Meaning::Garbled => Err(Failed::new(BAD_RESPONSE)),
    }
}

pub(crate) fn keep(held: &mut SmallVec<[Bytes; 8]>, relay: Relay, raw: Bytes) {
    match relay {
        Relay::AsIs => held.push(raw),
        Relay::Swallow => {}
        Relay::Instead(bytes) => held.push(bytes),
    }
}

/// The upstream ended before it said anything that matters.
fn at_end(mut streaming: Streaming) -> Result<Streaming, Failed> {
    if let Some(frame) = streaming.decoder.finish() {
        let heard = streaming.reader.read(&frame);
        judge(heard.meaning)?;
        keep(&mut streaming.held, heard.relay, frame.into_raw());
    }
    match streaming.reader.end() {
        StreamEnd::Complete | StreamEnd::Unmarked => {
            streaming.ended = true;
            Ok(streaming)
        }
        StreamEnd::Failed | StreamEnd::Cut => Err(Failed::new(weir_dsl::hir::FailureClass::StreamBroken)),
    }
}

/// Bytes of a whole answer that are held to be judged; a larger one is passed on as it comes.
const ANSWER_BYTES_MAX: usize = 16 << 20;

/// Reads a whole answer and asks the dialect whether it is one.
async fn whole<A: Answer>(answer: &mut A, ask: &Ask<'_>, until: Instant) -> Result<BegunBody, Failed> {
    let length = content_length(answer.headers());
    let mut until = Some(until);
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    while let Some(bytes) = piece(answer, &ask.timers, until.take()).await? {
        if first.is_empty() {
            first = bytes;
        } else {
            if rest.is_empty() {
                rest.extend_from_slice(&first);
            }
            rest.extend_from_slice(&bytes);
        }
        if first.len().max(rest.len()) > ANSWER_BYTES_MAX {
            let first = if rest.is_empty() { first } else { rest.freeze() };
            return Ok(BegunBody::Opaque { first, length });
        }
    }
    let body = if rest.is_empty() { first } else { rest.freeze() };
    match ask.dialect.read_whole(&body) {
        Ok(said) => Ok(BegunBody::Whole { body, usage: said.usage }),
        Err(error) => Err(Failed::vendor(error)),
    }
}

/// An answer that is not a success: reads what it says, within bounds.
async fn refused<A: Answer>(mut answer: A, status: StatusCode, ask: &Ask<'_>) -> Failed {
    let headers = answer.headers().clone();
    let mut body = BytesMut::new();
    let complete = loop {
        match piece(&mut answer, &ask.timers, None).await {
            Ok(Some(bytes)) if body.len() + bytes.len() <= ask.limits.error_bytes_max => {
                body.extend_from_slice(&bytes)
            }
            Ok(Some(_)) | Err(_) => break false,
            Ok(None) => break true,
        }
    };
    let body = body.freeze();
    let vendor = ask.dialect.read_error(status.as_u16(), &body);
    let mut failed = Failed::vendor(vendor);
    failed.retry_after = outcome::retry_after(&headers, ask.wall);
    if complete {
        answer.release().await;
        failed.said = Some(Box::new(Said { status, headers, body }));
    }
    failed
}

fn is_event_stream(headers: &HeaderMap) -> bool {
    const SSE: &[u8] = b"text/event-stream";
    headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|v| v.as_bytes().get(..SSE.len()).is_some_and(|t| t.eq_ignore_ascii_case(SSE)))
}

/// We ask for `identity`; what comes encoded all the same is passed on as it is.
fn is_encoded(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_ENCODING).is_some_and(|v| !v.as_bytes().eq_ignore_ascii_case(b"identity"))
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
