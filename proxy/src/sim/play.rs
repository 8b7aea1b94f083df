//! The pure core: one request in, the steps of its answer out.
//!
//! Both actors perform the same steps, so a script means the same in process and on a socket. This module refuses
//! to know clocks, sockets and the grammar of bodies.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderName, HeaderValue, StatusCode, header};

use super::asked::{Asked, Dialect};
use super::echo;
use super::say::{self, Said};
use super::script::{Answer, Content, Fault, FaultKind, Pace, Place, Script};

/// One thing that an actor does.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Step {
    /// Waits.
    Wait(Duration),
    /// Sends the head.
    Head(Head),
    /// Sends a piece of the body, flushed.
    Body(Bytes),
    /// Breaks the framing of the body.
    Garble,
    /// Refuses the connection.
    Refuse,
    /// Resets the connection.
    Reset,
    /// Closes the connection where the answer is not complete.
    Close,
    /// Does nothing until the client leaves.
    Stall,
    /// The answer is complete.
    End,
}

/// The head of an answer, without framing.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Head {
    pub(super) status: StatusCode,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    /// Length of the body; chunked when unknown.
    pub(super) length: Option<usize>,
}

/// What an answer consists of before anything goes wrong: pieces to flush one by one.
#[derive(Debug)]
struct Plan {
    status: StatusCode,
    content_type: HeaderValue,
    /// Stream events; a whole body is one.
    events: Vec<say::Event>,
    stream: bool,
}

/// The steps of the answer to one request.
pub(super) fn play(script: &Script, asked: &Asked<'_>, number: u64) -> Vec<Step> {
    match script.find(asked) {
        Some(rule) => scripted(script, asked, number, &rule.answer),
        None => scripted(script, asked, number, &Answer::default()),
    }
}

/// The steps of one answer.
pub(super) fn scripted(script: &Script, asked: &Asked<'_>, number: u64, answer: &Answer) -> Vec<Step> {
    let mut steps = Vec::with_capacity(4);
    wait(&mut steps, answer.pace.head);
    if let Some(Fault { kind, place: Place::Head }) = answer.fault {
        steps.push(broken(kind));
        return steps;
    }
    let plan = plan(script, asked, number, answer);
    let length = (!plan.stream).then(|| plan.events.iter().map(|event| event.bytes.len()).sum());
    // A garbled chunk needs chunks.
    let garbles = matches!(answer.fault, Some(Fault { kind: FaultKind::MalformedChunk, .. }));
    let mut headers = Vec::with_capacity(answer.headers.len() + 2);
    headers.push((header::CONTENT_TYPE, plan.content_type.clone()));
    if plan.stream {
        headers.push((header::CACHE_CONTROL, HeaderValue::from_static("no-cache")));
    }
    for (name, value) in &answer.headers {
        headers.retain(|(known, _)| known != name || name == header::SET_COOKIE);
        headers.push((name.clone(), value.clone()));
    }
    steps.push(Step::Head(Head { status: plan.status, headers, length: length.filter(|_| !garbles) }));
    wait(&mut steps, answer.pace.body);
    body(&mut steps, asked, answer, plan.events);
    steps
}

fn wait(steps: &mut Vec<Step>, time: Duration) {
    if !time.is_zero() {
        steps.push(Step::Wait(time));
    }
}

/// What an actor does at the place of a fault that is not a piece of text.
fn broken(kind: FaultKind) -> Step {
    match kind {
        FaultKind::Refuse => Step::Refuse,
        FaultKind::Reset => Step::Reset,
        FaultKind::Close => Step::Close,
        FaultKind::Stall => Step::Stall,
        FaultKind::MalformedChunk => Step::Garble,
        FaultKind::InvalidJson | FaultKind::ErrorEvent | FaultKind::Eof => Step::End,
    }
}

// === content ===

fn plan(script: &Script, asked: &Asked<'_>, number: u64, answer: &Answer) -> Plan {
    let json = HeaderValue::from_static("application/json");
    let whole = |status, content_type, bytes| Plan {
        status,
        content_type,
        events: vec![say::Event { bytes, token: true }],
        stream: false,
    };
    let status = answer.status;
    match &answer.content {
        Content::Raw(body) => return whole(status, json, Bytes::copy_from_slice(body.as_bytes())),
        Content::Error(message) => return whole(status, json, say::error(asked, status, message)),
        Content::Default if status.as_u16() >= 400 => {
            return whole(status, json, say::error(asked, status, "the simulated vendor was told to fail"));
        }
        Content::Default | Content::Pieces(_) => {}
    }
    match asked.dialect {
        Dialect::Models => whole(status, json, say::models(&script.models)),
        Dialect::Other => whole(status, json, echo::echo(asked)),
        Dialect::CountTokens => whole(status, json, say::token_count(asked)),
        Dialect::Embeddings => whole(status, json, say::embeddings(asked, number)),
        Dialect::Chat | Dialect::Completions | Dialect::Responses | Dialect::Messages => {
            let said = Said::new(asked, number, answer);
            if asked.stream {
                let content_type = HeaderValue::from_static("text/event-stream");
                Plan { status, content_type, events: say::events(asked, &said), stream: true }
            } else {
                whole(status, json, say::whole(asked, &said))
            }
        }
    }
}

// === body ===

/// The body's steps, with the fault where the script puts it.
fn body(steps: &mut Vec<Step>, asked: &Asked<'_>, answer: &Answer, mut events: Vec<say::Event>) {
    let mut ending = Step::End;
    let mut bytes_max = usize::MAX;
    if let Some(fault) = answer.fault {
        match fault.place {
            Place::Head => {}
            Place::Bytes(n) => bytes_max = n,
            Place::Events(n) => events.truncate(n),
            Place::Tokens(n) => events.truncate(position_after_tokens(&events, n)),
        }
        ending = broken(fault.kind);
        if let Some(bytes) = last_words(asked, fault.kind) {
            events.push(say::Event { bytes, token: false });
        }
    }
    paced(steps, answer.pace, events, bytes_max);
    steps.push(ending);
}

/// How many events come before the `n + 1`-th token.
fn position_after_tokens(events: &[say::Event], n: usize) -> usize {
    events.iter().enumerate().filter(|(_, event)| event.token).nth(n).map_or(events.len(), |(at, _)| at)
}

/// What a fault still sends.
fn last_words(asked: &Asked<'_>, kind: FaultKind) -> Option<Bytes> {
    match kind {
        FaultKind::InvalidJson => Some(Bytes::from_static(b"data: {not json\n\n")),
        FaultKind::ErrorEvent => Some(say::error_event(asked, "the simulated vendor broke off")),
        FaultKind::Refuse
        | FaultKind::Reset
        | FaultKind::Close
        | FaultKind::Stall
        | FaultKind::MalformedChunk
        | FaultKind::Eof => None,
    }
}

/// Sends the events at their pace. Without a pace neighbours go out together, as they would on a fast network.
fn paced(steps: &mut Vec<Step>, pace: Pace, events: Vec<say::Event>, bytes_max: usize) {
    let mut left = bytes_max;
    let apart = !pace.event.is_zero();
    let mut joined = BytesMut::new();
    for (at, event) in events.into_iter().enumerate() {
        let mut bytes = event.bytes;
        bytes.truncate(left);
        left -= bytes.len();
        if !apart && pace.chunk_bytes.is_none() && at == 0 && left == 0 {
            push(steps, bytes);
            return;
        }
        if apart {
            if at > 0 {
                steps.push(Step::Wait(pace.event));
            }
            pieces(steps, pace.chunk_bytes, bytes);
        } else {
            joined.extend_from_slice(&bytes);
        }
        if left == 0 {
            break;
        }
    }
    pieces(steps, pace.chunk_bytes, joined.freeze());
}

fn pieces(steps: &mut Vec<Step>, chunk_bytes: Option<usize>, mut bytes: Bytes) {
    if let Some(size) = chunk_bytes {
        while bytes.len() > size {
            push(steps, bytes.split_to(size));
        }
    }
    push(steps, bytes);
}

fn push(steps: &mut Vec<Step>, bytes: Bytes) {
    if !bytes.is_empty() {
        steps.push(Step::Body(bytes));
    }
}
