//! Reading answers and events of the Responses API.

use crate::format::failure;
use crate::format::stream::{FinishReason, Heard, Meaning, Relay, StreamState};
use crate::format::usage::Counts;
use crate::format::whole::{Reading, Whole};
use crate::frame::sse::Frame;
use crate::json::scan::{JsonError, Kind, Scanner, inside};

/// What one event says.
#[derive(Debug, Default)]
struct Event<'b> {
    kind: &'b [u8],
    sequence: Option<u64>,
    /// Of `response`.
    response: Response,
    /// `item.type`.
    item: &'b [u8],
    has_delta: bool,
}

/// What a response object says.
#[derive(Debug, Default)]
struct Response {
    counts: Counts,
    has_usage: bool,
    has_output: bool,
    calls_tool: bool,
    is_error: bool,
    incomplete: Option<FinishReason>,
}

pub(super) fn frame(state: &mut StreamState, frame: &Frame, data: &[u8]) -> Heard {
    Heard { meaning: meaning(state, frame, data), relay: Relay::AsIs }
}

fn meaning(state: &mut StreamState, frame: &Frame, data: &[u8]) -> Meaning {
    if data == b"[DONE]" || data.trim_ascii().is_empty() {
        return Meaning::Hold;
    }
    let Ok(event) = Event::read(data) else { return Meaning::Garbled };
    state.sequence = event.sequence.or(state.sequence);
    let kind = if event.kind.is_empty() { frame.event().unwrap_or_default() } else { event.kind };
    match kind {
        b"response.created"
        | b"response.in_progress"
        | b"response.queued"
        | b"response.content_part.added"
        | b"response.reasoning_summary_part.added"
        | b"keepalive"
        | b"ping" => Meaning::Hold,
        b"response.output_item.added" if matches!(event.item, b"message" | b"reasoning") => Meaning::Hold,
        b"response.completed" | b"response.incomplete" => {
            state.done = true;
            state.finish = Some(event.response.finish());
            if event.response.has_usage {
                state.counts = Some(event.response.counts);
            }
            Meaning::Done
        }
        b"response.failed" | b"error" => {
            if event.response.has_usage {
                state.counts = Some(event.response.counts);
            }
            Meaning::Error(failure::read(None, data))
        }
        delta if delta.ends_with(b".delta") && !event.has_delta => Meaning::Hold,
        known
            if known.starts_with(b"response.output_") || known.ends_with(b".delta") || known.ends_with(b".done") =>
        {
            Meaning::Content
        }
        _other => Meaning::Unknown,
    }
}

pub(super) fn whole(body: &[u8]) -> Result<Reading, JsonError> {
    let mut scan = Scanner::new(body);
    let mut response = Response::default();
    response.read(&mut scan)?;
    scan.end()?;
    Ok(Reading {
        whole: Whole {
            usage: response.has_usage.then(|| response.counts.usage()),
            finish: response.has_output.then(|| response.finish()),
        },
        is_answer: response.has_output,
        is_error: response.is_error,
    })
}

// === impl Event ===

impl<'b> Event<'b> {
    fn read(data: &'b [u8]) -> Result<Self, JsonError> {
        let mut event = Self::default();
        let mut scan = Scanner::new(data);
        scan.members(|scan, key| {
            match key {
                b"type" => event.kind = scan.word()?,
                b"sequence_number" => {
                    let number = scan.skip()?.span.of(data);
                    event.sequence = std::str::from_utf8(number).ok().and_then(|number| number.parse().ok());
                }
                b"response" if scan.kind()? == Kind::Object => event.response.read(scan)?,
                b"item" if scan.kind()? == Kind::Object => scan.members(|scan, key| {
                    match key {
                        b"type" => event.item = scan.word()?,
                        _other => {
                            scan.skip()?;
                        }
                    }
                    Ok(())
                })?,
                b"delta" => event.has_delta = !scan.skip_blank()?,
                _other => {
                    scan.skip()?;
                }
            }
            Ok(())
        })?;
        scan.end()?;
        Ok(event)
    }
}

// === impl Response ===

impl Response {
    fn read(&mut self, scan: &mut Scanner<'_>) -> Result<(), JsonError> {
        scan.members(|scan, key| {
            match key {
                b"usage" => self.has_usage |= self.counts.read(scan)?,
                b"error" => self.is_error |= scan.skip()?.kind != Kind::Null,
                b"output" if scan.kind()? == Kind::Array => {
                    self.has_output = true;
                    scan.items(|scan| self.read_item(scan))?;
                }
                b"incomplete_details" if scan.kind()? == Kind::Object => scan.members(|scan, key| {
                    let value = scan.skip()?;
                    if key == b"reason" {
                        self.incomplete = Some(match inside(scan.bytes(), value) {
                            b"max_output_tokens" => FinishReason::Length,
                            b"content_filter" => FinishReason::ContentFilter,
                            _other => FinishReason::Other,
                        });
                    }
                    Ok(())
                })?,
                _other => {
                    scan.skip()?;
                }
            }
            Ok(())
        })
    }

    fn read_item(&mut self, scan: &mut Scanner<'_>) -> Result<(), JsonError> {
        if scan.kind()? != Kind::Object {
            return scan.skip().map(drop);
        }
        scan.members(|scan, key| {
            let value = scan.skip()?;
            self.calls_tool |=
                key == b"type" && matches!(inside(scan.bytes(), value), b"function_call" | b"custom_tool_call");
            Ok(())
        })
    }

    fn finish(&self) -> FinishReason {
        match self.incomplete {
            Some(reason) => reason,
            None if self.calls_tool => FinishReason::ToolCalls,
            None => FinishReason::Stop,
        }
    }
}
