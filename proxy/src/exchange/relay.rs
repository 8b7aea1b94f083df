//! Station 10: the answer goes to the client, event by event, and ends honestly.
//!
//! From the first byte on nothing is tried again. A stream that breaks ends with one error event in the client's
//! dialect; bytes that cannot carry such an event end with a broken connection. Back-pressure is natural: the next
//! piece is read when the last one was written. This station refuses to know endpoints and policies.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use smallvec::SmallVec;
use tokio::time::{Instant, Sleep, sleep_until};
use weir_dsl::hir::FailureClass;
use weir_filters::format::stream::DONE_EVENT;
use weir_filters::format::{Dialect, Meaning, Relay, StreamEnd, Usage};

use super::begin::{Streaming, keep};
use super::outcome::Failed;
use super::port::{Answer, Downstream, Gone, now_or_never};
use crate::answer::{ErrorAnswer, Timer};

/// How an answer ended.
#[derive(Debug)]
pub(crate) enum Ending {
    /// As its dialect says that it ends.
    Complete,
    /// It broke; the client was told in band, or saw the connection break.
    Broken(Failed),
    /// The client left.
    Gone,
}

/// What was relayed.
#[derive(Debug)]
pub(crate) struct Relayed {
    pub(crate) ending: Ending,
    pub(crate) usage: Option<Usage>,
    pub(crate) bytes_out: u64,
    /// The upstream's body was read to its end: its connection can be used again.
    pub(crate) drained: bool,
}

/// Timers while an answer runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// Longest silence of the upstream.
    pub(crate) idle: Duration,
    /// When everything must be over.
    pub(crate) deadline: Instant,
    /// Silence towards the client after which it gets an event that says nothing.
    pub(crate) keepalive: Duration,
}

/// Relays a stream. The head was written.
pub(crate) async fn stream<D: Downstream, A: Answer>(
    down: &mut D,
    answer: &mut A,
    mut streaming: Streaming,
    dialect: Dialect,
    pace: Pace,
    id: &str,
) -> Relayed {
    let mut out = Relayed { ending: Ending::Complete, usage: None, bytes_out: 0, drained: false };
    let held = std::mem::take(&mut streaming.held);
    let first = join(held);
    if write(down, first, &mut out).await.is_err() {
        out.ending = Ending::Gone;
        return out;
    }
    let ended =
        if streaming.ended { Ok(()) } else { pump(down, answer, &mut streaming, dialect, pace, &mut out).await };
    out.usage = streaming.reader.usage();
    out.drained = streaming.ended;
    let ended = ended.and_then(|()| finish(&mut streaming));
    match ended {
        Ok(last) => {
            out.bytes_out += len(&last);
            if down.write_body(last, true).await.is_err() {
                out.ending = Ending::Gone;
            }
        }
        Err(Stop::Gone) => out.ending = Ending::Gone,
        Err(Stop::Broken(failed)) => {
            let told = ErrorAnswer::exhausted(&failed.exhausted(), 1, id);
            let event = streaming.reader.error_event(&told.error);
            out.bytes_out += len(&event);
            out.ending = match down.write_body(event, true).await {
                Ok(()) => Ending::Broken(failed),
                Err(Gone) => Ending::Gone,
            };
        }
        // The vendor's own error event has gone out and is the last word.
        Err(Stop::Told(failed)) => {
            out.ending = match down.write_body(Bytes::new(), true).await {
                Ok(()) => Ending::Broken(failed),
                Err(Gone) => Ending::Gone,
            };
        }
    }
    out
}

enum Stop {
    Gone,
    Broken(Failed),
    Told(Failed),
}

impl From<Gone> for Stop {
    fn from(_: Gone) -> Self {
        Self::Gone
    }
}

/// Moves events until the upstream ends.
async fn pump<D: Downstream, A: Answer>(
    down: &mut D,
    answer: &mut A,
    streaming: &mut Streaming,
    dialect: Dialect,
    pace: Pace,
    out: &mut Relayed,
) -> Result<(), Stop> {
    let mut clock = Quiet::new(pace);
    loop {
        let woken = tokio::select! {
            biased;
            piece = answer.body() => Woken::Piece(piece),
            () = down.gone() => return Err(Stop::Gone),
            () = clock.sleep() => Woken::Clock,
        };
        match woken {
            Woken::Piece(Ok(Some(chunk))) => {
                clock.heard();
                match forward(down, answer, streaming, chunk, out).await? {
                    Flow::Open => {}
                    Flow::Ended => {
                        streaming.ended = true;
                        return Ok(());
                    }
                }
            }
            Woken::Piece(Ok(None)) => {
                streaming.ended = true;
                return Ok(());
            }
            // After the dialect's own last event a broken connection takes nothing from the client.
            Woken::Piece(Err(_)) if streaming.reader.is_done() => return Ok(()),
            Woken::Piece(Err(_)) => return Err(Stop::Broken(Failed::new(FailureClass::StreamBroken))),
            Woken::Clock => match clock.due() {
                Due::Nothing => {}
                Due::Keepalive => {
                    if streaming.decoder.buffered() == 0 {
                        write(down, dialect.keepalive(), out).await?;
                    }
                }
                Due::Timer(timer) => return Err(Stop::Broken(Failed::timer(timer))),
            },
        }
    }
}

enum Woken {
    Piece(Result<Option<Bytes>, super::port::Fault>),
    Clock,
}

/// Pieces that have already arrived are written together, up to here: a burst costs one write, a lone event waits for
/// nobody.
const TOGETHER_BYTES: usize = 32 * 1024;

enum Flow {
    Open,
    Ended,
}

/// Sends a piece on, and with it whatever else is there already.
async fn forward<D: Downstream, A: Answer>(
    down: &mut D,
    answer: &mut A,
    streaming: &mut Streaming,
    chunk: Bytes,
    out: &mut Relayed,
) -> Result<Flow, Stop> {
    let (mut data, mut told) = translate(streaming, chunk)?;
    let mut more: SmallVec<[Bytes; 8]> = SmallVec::new();
    let mut bytes = data.len();
    let mut after = Ok(Flow::Open);
    while told.is_none() && bytes < TOGETHER_BYTES {
        match now_or_never(answer.body()).await {
            None => break,
            Some(Ok(Some(chunk))) => match translate(streaming, chunk) {
                Ok((next, failed)) => {
                    bytes += next.len();
                    more.push(next);
                    told = failed;
                }
                // What came before the fault is good and goes out first.
                Err(stop) => {
                    after = Err(stop);
                    break;
                }
            },
            Some(Ok(None)) => {
                after = Ok(Flow::Ended);
                break;
            }
            Some(Err(_)) => {
                after = if streaming.reader.is_done() {
                    Ok(Flow::Ended)
                } else {
                    Err(Stop::Broken(Failed::new(FailureClass::StreamBroken)))
                };
                break;
            }
        }
    }
    if !more.is_empty() {
        more.insert(0, data);
        data = join(more);
    }
    write(down, data, out).await?;
    match told {
        Some(failed) => Err(Stop::Told(failed)),
        None => after,
    }
}

/// Reads the frames of a chunk. A chunk of whole frames that all go out as they came is passed on in one piece.
fn translate(streaming: &mut Streaming, chunk: Bytes) -> Result<(Bytes, Option<Failed>), Stop> {
    let aligned = streaming.decoder.buffered() == 0;
    streaming.decoder.push(chunk.clone());
    let mut parts: SmallVec<[Bytes; 8]> = SmallVec::new();
    let mut as_is = true;
    let mut told = None;
    let broken = || Stop::Broken(Failed::new(FailureClass::BadResponse));
    while let Some(frame) = streaming.decoder.next_frame().map_err(|_| broken())? {
        let heard = streaming.reader.read(&frame);
        as_is &= heard.relay == Relay::AsIs;
        match heard.meaning {
            Meaning::Garbled => return Err(broken()),
            Meaning::Error(error) => {
                keep(&mut parts, heard.relay, frame.into_raw());
                as_is = false;
                told = Some(Failed::vendor(error));
                break;
            }
            Meaning::Hold
            | Meaning::Content
            | Meaning::Unknown
            | Meaning::Usage
            | Meaning::Finish(_)
            | Meaning::Done => keep(&mut parts, heard.relay, frame.into_raw()),
        }
    }
    let whole = aligned && as_is && streaming.decoder.buffered() == 0;
    Ok((if whole { chunk } else { join(parts) }, told))
}

/// The upstream has ended well: was that the end of the stream? What the dialect wants as its last event is added
/// where a vendor left it out.
fn finish(streaming: &mut Streaming) -> Result<Bytes, Stop> {
    match streaming.reader.end() {
        StreamEnd::Complete => Ok(Bytes::new()),
        StreamEnd::Unmarked => Ok(Bytes::from_static(DONE_EVENT)),
        StreamEnd::Failed | StreamEnd::Cut => Err(Stop::Broken(Failed::new(FailureClass::StreamBroken))),
    }
}

/// Relays bytes that are not looked at. The head was written; a break can only be shown by breaking too.
pub(crate) async fn opaque<D: Downstream, A: Answer>(
    down: &mut D,
    answer: &mut A,
    first: Bytes,
    pace: Pace,
) -> Relayed {
    let mut out = Relayed { ending: Ending::Complete, usage: None, bytes_out: 0, drained: false };
    let ended = copy(down, answer, first, pace, &mut out).await;
    out.ending = match ended {
        Ok(()) => match down.write_body(Bytes::new(), true).await {
            Ok(()) => Ending::Complete,
            Err(Gone) => Ending::Gone,
        },
        Err(Stop::Gone) => Ending::Gone,
        Err(Stop::Broken(failed) | Stop::Told(failed)) => {
            down.abort().await;
            Ending::Broken(failed)
        }
    };
    out
}

async fn copy<D: Downstream, A: Answer>(
    down: &mut D,
    answer: &mut A,
    first: Bytes,
    pace: Pace,
    out: &mut Relayed,
) -> Result<(), Stop> {
    write(down, first, out).await?;
    let mut clock = Quiet::new(pace);
    loop {
        let piece = tokio::select! {
            biased;
            piece = answer.body() => piece,
            () = down.gone() => return Err(Stop::Gone),
            () = clock.sleep() => match clock.due() {
                Due::Nothing | Due::Keepalive => continue,
                Due::Timer(timer) => return Err(Stop::Broken(Failed::timer(timer))),
            },
        };
        match piece {
            Ok(Some(bytes)) => {
                clock.heard();
                write(down, bytes, out).await?;
            }
            Ok(None) => {
                out.drained = true;
                return Ok(());
            }
            Err(_) => return Err(Stop::Broken(Failed::new(FailureClass::StreamBroken))),
        }
    }
}

async fn write<D: Downstream>(down: &mut D, data: Bytes, out: &mut Relayed) -> Result<(), Gone> {
    if data.is_empty() {
        return Ok(());
    }
    out.bytes_out += len(&data);
    down.write_body(data, false).await
}

fn len(bytes: &Bytes) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

/// Several pieces as one, without a copy where there is only one.
fn join(mut parts: SmallVec<[Bytes; 8]>) -> Bytes {
    match parts.len() {
        0 => Bytes::new(),
        1 => parts.pop().unwrap_or_default(),
        _ => {
            let mut whole = BytesMut::with_capacity(parts.iter().map(Bytes::len).sum());
            for part in &parts {
                whole.extend_from_slice(part);
            }
            whole.freeze()
        }
    }
}

/// One timer for all silences. It is not moved when something is heard, only when it fires: a busy stream costs a
/// look at the clock for each event, and no timer operation.
struct Quiet {
    pace: Pace,
    heard: Instant,
    /// Last byte towards the client.
    kept: Instant,
    sleep: std::pin::Pin<Box<Sleep>>,
}

enum Due {
    Nothing,
    Keepalive,
    Timer(Timer),
}

impl Quiet {
    fn new(pace: Pace) -> Self {
        let now = Instant::now();
        let first = (now + pace.idle.min(pace.keepalive)).min(pace.deadline);
        Self { pace, heard: now, kept: now, sleep: Box::pin(sleep_until(first)) }
    }

    fn heard(&mut self) {
        self.heard = Instant::now();
        self.kept = self.heard;
    }

    async fn sleep(&mut self) {
        self.sleep.as_mut().await;
    }

    /// What the timer that fired means, and when it fires next.
    fn due(&mut self) -> Due {
        let now = Instant::now();
        let due = if now >= self.pace.deadline {
            Due::Timer(Timer::Total)
        } else if now >= self.heard + self.pace.idle {
            Due::Timer(Timer::Idle)
        } else if now >= self.kept + self.pace.keepalive {
            self.kept = now;
            Due::Keepalive
        } else {
            Due::Nothing
        };
        let next = (self.heard + self.pace.idle).min(self.kept + self.pace.keepalive).min(self.pace.deadline);
        self.sleep.as_mut().reset(next);
        due
    }
}
