//! Reading answers and events of the Messages API.

use crate::format::failure;
use crate::format::stream::{FinishReason, Heard, Meaning, Relay, StreamState};
use crate::format::usage::Counts;
use crate::format::whole::{Reading, Whole};
use crate::frame::sse::Frame;
use crate::json::scan::{JsonError, Kind, Scanner, inside};

/// What one event, or a whole message, says.
#[derive(Debug, Default)]
struct Event<'b> {
    kind: &'b [u8],
    /// A delta or a starting block with something in it.
    has_content: bool,
    /// `content_block.type`.
    block: &'b [u8],
    is_error: bool,
    message: Message,
}

/// What a message object, or the delta of one, says.
#[derive(Debug, Default)]
struct Message {
    counts: Counts,
    has_usage: bool,
    has_content: bool,
    finish: Option<FinishReason>,
}

pub(super) fn frame(state: &mut StreamState, frame: &Frame, data: &[u8]) -> Heard {
    Heard { meaning: meaning(state, frame, data), relay: Relay::AsIs }
}

fn meaning(state: &mut StreamState, frame: &Frame, data: &[u8]) -> Meaning {
    if data.trim_ascii().is_empty() {
        return Meaning::Hold;
    }
    let mut event = Event {
        message: Message { counts: state.counts.unwrap_or_default(), ..Message::default() },
        ..Event::default()
    };
    if event.read(data).is_err() {
        return Meaning::Garbled;
    }
    // Cumulative: a later report overwrites what it names, `message_start` tells the rest.
    if event.message.has_usage {
        state.counts = Some(event.message.counts);
    }
    state.finish = event.message.finish.or(state.finish);
    let kind = if event.kind.is_empty() { frame.event().unwrap_or_default() } else { event.kind };
    match kind {
        b"message_start" | b"ping" | b"content_block_stop" => Meaning::Hold,
        b"content_block_start" if matches!(event.block, b"text" | b"thinking") && !event.has_content => Meaning::Hold,
        b"content_block_start" => Meaning::Content,
        b"content_block_delta" if event.has_content => Meaning::Content,
        b"content_block_delta" => Meaning::Hold,
        b"message_delta" => event.message.finish.map_or(Meaning::Usage, Meaning::Finish),
        b"message_stop" => {
            state.done = true;
            Meaning::Done
        }
        b"error" => Meaning::Error(failure::read(None, data)),
        _other if event.is_error => Meaning::Error(failure::read(None, data)),
        _other => Meaning::Unknown,
    }
}

pub(super) fn whole(body: &[u8]) -> Result<Reading, JsonError> {
    let mut message = Message::default();
    let mut is_error = false;
    let mut scan = Scanner::new(body);
    scan.members(|scan, key| match key {
        b"error" => {
            is_error |= scan.skip()?.kind != Kind::Null;
            Ok(())
        }
        _other => message.read_member(scan, key),
    })?;
    scan.end()?;
    Ok(Reading {
        whole: Whole { usage: message.has_usage.then(|| message.counts.usage()), finish: message.finish },
        is_answer: message.has_content,
        is_error,
    })
}

// === impl Event ===

impl<'b> Event<'b> {
    fn read(&mut self, data: &'b [u8]) -> Result<(), JsonError> {
        let mut scan = Scanner::new(data);
        scan.members(|scan, key| {
            match key {
                b"type" => self.kind = scan.word()?,
                b"message" | b"delta" if scan.kind()? == Kind::Object => scan.members(|scan, key| {
                    match key {
                        b"usage" | b"stop_reason" | b"content" => return self.message.read_member(scan, key),
                        b"type" | b"stop_sequence" => {
                            scan.skip()?;
                        }
                        _other => self.has_content |= !scan.skip_blank()?,
                    }
                    Ok(())
                })?,
                b"content_block" if scan.kind()? == Kind::Object => scan.members(|scan, key| {
                    match key {
                        b"type" => self.block = scan.word()?,
                        _other => self.has_content |= !scan.skip_blank()?,
                    }
                    Ok(())
                })?,
                b"usage" => self.message.read_member(scan, key)?,
                b"error" => self.is_error |= scan.skip()?.kind != Kind::Null,
                _other => {
                    scan.skip()?;
                }
            }
            Ok(())
        })?;
        scan.end()
    }
}

// === impl Message ===

impl Message {
    fn read_member(&mut self, scan: &mut Scanner<'_>, key: &[u8]) -> Result<(), JsonError> {
        match key {
            b"usage" => self.has_usage |= self.counts.read(scan)?,
            b"content" => self.has_content |= scan.skip()?.kind == Kind::Array,
            b"stop_reason" => {
                let value = scan.skip()?;
                if value.kind.is_string() {
                    self.finish = Some(finish_reason(inside(scan.bytes(), value)));
                }
            }
            _other => {
                scan.skip()?;
            }
        }
        Ok(())
    }
}

/// <https://docs.anthropic.com/en/api/handling-stop-reasons>
fn finish_reason(word: &[u8]) -> FinishReason {
    match word {
        b"end_turn" | b"stop_sequence" | b"pause_turn" => FinishReason::Stop,
        b"max_tokens" | b"model_context_window_exceeded" => FinishReason::Length,
        b"tool_use" => FinishReason::ToolCalls,
        b"refusal" => FinishReason::Refusal,
        _other => FinishReason::Other,
    }
}
