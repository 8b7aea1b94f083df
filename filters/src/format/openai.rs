//! What OpenAI's APIs share: the shape of an error, and chunks made of choices.
//!
//! Sources: <https://platform.openai.com/docs/api-reference/chat-streaming>, the `openai` SDKs' stream readers (they
//! raise on any event with an `error` member).

use bytes::Bytes;

use super::error::{ApiError, ErrorKind};
use super::failure;
use super::stream::{FinishReason, Heard, Meaning, Relay, StreamState, UsageAsked};
use super::usage::{Counts, Usage};
use super::whole::{Reading, Whole};
use crate::frame::sse::Frame;
use crate::json::scan::{JsonError, Kind, Scanner, Value, inside};
use crate::json::text;

// --- errors -----------------------------------------------------------------------------------------------------

/// `{"message":…,"type":…,"param":…,"code":…}`
pub(crate) fn error_object(error: &ApiError) -> String {
    let mut json = String::with_capacity(error.message.len() + 128);
    json.push_str("{\"message\":");
    text::quote_into(&error.message, &mut json);
    json.push_str(",\"type\":");
    text::quote_into(error_type(error.kind), &mut json);
    json.push_str(",\"param\":");
    match &error.param {
        Some(param) => text::quote_into(param, &mut json),
        None => json.push_str("null"),
    }
    json.push_str(",\"code\":");
    text::quote_into(&error.code, &mut json);
    json.push('}');
    json
}

/// `{"error":{…}}`
pub(crate) fn error_body(error: &ApiError) -> Bytes {
    format!("{{\"error\":{}}}", error_object(error)).into()
}

/// The same as an event, on which the SDKs raise `APIError`. No `[DONE]` follows it.
pub(crate) fn error_event(error: &ApiError) -> Bytes {
    format!("data: {{\"error\":{}}}\n\n", error_object(error)).into()
}

/// <https://platform.openai.com/docs/guides/error-codes>
fn error_type(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::InvalidRequest | ErrorKind::NotFound | ErrorKind::TooLarge => "invalid_request_error",
        ErrorKind::Authentication => "authentication_error",
        ErrorKind::Permission => "permission_error",
        ErrorKind::RateLimited => "rate_limit_error",
        ErrorKind::Overloaded | ErrorKind::Timeout | ErrorKind::Upstream | ErrorKind::Internal => "server_error",
    }
}

// --- chunks -----------------------------------------------------------------------------------------------------

/// What one chunk or whole answer made of choices says.
#[derive(Debug, Default)]
struct Chunk {
    has_choices: bool,
    /// How many choices it has.
    choices: u32,
    has_content: bool,
    finish: Option<FinishReason>,
    has_usage: bool,
    is_error: bool,
    /// Where `"usage":null` stands: key and value.
    null_usage: Option<(Value, Value)>,
}

/// Reads a frame of a stream of choices; `[DONE]` ends it.
pub(crate) fn read_frame(state: &mut StreamState, frame: &Frame, data: &[u8]) -> Heard {
    let meaning = match data {
        b"[DONE]" => {
            state.done = true;
            Meaning::Done
        }
        blank if blank.trim_ascii().is_empty() => Meaning::Hold,
        _ if frame.event() == Some(b"error") => Meaning::Error(failure::read(None, data)),
        _ => return read_chunk(state, frame, data),
    };
    Heard { meaning, relay: Relay::AsIs }
}

fn read_chunk(state: &mut StreamState, frame: &Frame, data: &[u8]) -> Heard {
    let mut counts = state.counts.unwrap_or_default();
    let mut scan = Scanner::new(data);
    let chunk = match Chunk::read(&mut scan, &mut counts, Some(state)).and_then(|chunk| scan.end().map(|()| chunk)) {
        Ok(chunk) => chunk,
        Err(_) => return Heard { meaning: Meaning::Garbled, relay: Relay::AsIs },
    };
    if chunk.has_usage {
        state.counts = Some(counts);
    }
    state.finish = chunk.finish.or(state.finish);
    let meaning = if chunk.is_error {
        Meaning::Error(failure::read(None, data))
    } else if chunk.has_content {
        Meaning::Content
    } else if let Some(reason) = chunk.finish {
        Meaning::Finish(reason)
    } else if chunk.has_usage {
        Meaning::Usage
    } else if chunk.has_choices {
        Meaning::Hold
    } else {
        Meaning::Unknown
    };
    Heard { meaning, relay: chunk.relay(state.asked, frame, data) }
}

/// Reads a whole answer made of choices.
pub(crate) fn read_whole(body: &[u8]) -> Result<Reading, JsonError> {
    let mut counts = Counts::default();
    let mut scan = Scanner::new(body);
    let chunk = Chunk::read(&mut scan, &mut counts, None)?;
    scan.end()?;
    let usage = chunk.has_usage.then(|| counts.usage());
    Ok(Reading {
        whole: Whole { usage, finish: chunk.finish },
        is_answer: chunk.has_choices,
        is_error: chunk.is_error,
    })
}

// === impl Chunk ===

impl Chunk {
    fn read(
        scan: &mut Scanner<'_>,
        counts: &mut Counts,
        mut state: Option<&mut StreamState>,
    ) -> Result<Self, JsonError> {
        let mut chunk = Self::default();
        scan.enter_object()?;
        let mut first = true;
        while let Some(key) = scan.next_key(first)? {
            first = false;
            match inside(scan.bytes(), key) {
                b"choices" if scan.kind()? == Kind::Array => {
                    chunk.has_choices = true;
                    scan.items(|scan| chunk.read_choice(scan, state.as_deref_mut()))?;
                }
                b"usage" => {
                    let is_null = scan.kind()? == Kind::Null;
                    if is_null {
                        chunk.null_usage = Some((key, scan.skip()?));
                    } else {
                        chunk.has_usage |= counts.read(scan)?;
                    }
                }
                // Groq's own place for usage: <https://console.groq.com/docs/api-reference>
                b"x_groq" if scan.kind()? == Kind::Object => scan.members(|scan, key| match key {
                    b"usage" => {
                        chunk.has_usage |= counts.read(scan)?;
                        Ok(())
                    }
                    _other => scan.skip().map(drop),
                })?,
                b"error" => chunk.is_error |= scan.skip()?.kind != Kind::Null,
                _other => {
                    scan.skip()?;
                }
            }
        }
        Ok(chunk)
    }

    fn read_choice(&mut self, scan: &mut Scanner<'_>, state: Option<&mut StreamState>) -> Result<(), JsonError> {
        self.choices += 1;
        if scan.kind()? != Kind::Object {
            return scan.skip().map(drop);
        }
        let mut index = 0;
        let mut finish = None;
        scan.members(|scan, key| {
            match key {
                b"delta" | b"message" if scan.kind()? == Kind::Object => scan.members(|scan, key| {
                    self.has_content |= !scan.skip_blank()? && key != b"role";
                    Ok(())
                })?,
                b"text" => self.has_content |= !scan.skip_blank()?,
                b"finish_reason" => {
                    let value = scan.skip()?;
                    if value.kind.is_string() {
                        finish = Some(finish_reason(inside(scan.bytes(), value)));
                    }
                }
                b"index" => {
                    let value = scan.skip()?;
                    let digits = std::str::from_utf8(value.span.of(scan.bytes())).unwrap_or_default();
                    index = digits.parse().unwrap_or(0);
                }
                _other => {
                    scan.skip()?;
                }
            }
            Ok(())
        })?;
        self.finish = finish.or(self.finish);
        if let Some(state) = state {
            state.choice(index, finish.is_some());
        }
        Ok(())
    }

    /// What the client gets: in a stream whose usage we asked for, what it would have got if we had not.
    fn relay(&self, asked: UsageAsked, frame: &Frame, data: &[u8]) -> Relay {
        if asked == UsageAsked::AsClientSaid || self.is_error {
            return Relay::AsIs;
        }
        if self.has_usage && self.has_choices && self.choices == 0 {
            return Relay::Swallow;
        }
        let (Some((key, value)), Some(data_span)) = (self.null_usage, frame.data_span()) else { return Relay::AsIs };
        let Some((start, end)) = member_with_comma(data, key, value) else { return Relay::AsIs };
        let base = data_span.range().start;
        let raw = frame.raw();
        let front = raw.get(..base + start).unwrap_or_default();
        let back = raw.get(base + end..).unwrap_or_default();
        Relay::Instead([front, back].concat().into())
    }
}

/// The bytes of a member together with the comma in front of it or else the one behind it.
fn member_with_comma(data: &[u8], key: Value, value: Value) -> Option<(usize, usize)> {
    let (start, end) = (key.span.range().start, value.span.range().end);
    let front = data.get(..start)?.trim_ascii_end();
    if front.ends_with(b",") {
        return Some((front.len() - 1, end));
    }
    let back = data.get(end..)?;
    let comma = back.iter().position(|byte| !byte.is_ascii_whitespace())?;
    Some((start, if back.get(comma) == Some(&b',') { end + comma + 1 } else { end }))
}

fn finish_reason(word: &[u8]) -> FinishReason {
    match word {
        b"stop" | b"eos" | b"eos_token" | b"stop_sequence" => FinishReason::Stop,
        b"length" | b"max_tokens" => FinishReason::Length,
        b"tool_calls" | b"function_call" => FinishReason::ToolCalls,
        b"content_filter" => FinishReason::ContentFilter,
        _other => FinishReason::Other,
    }
}

/// The vendors' word for a reason.
pub(crate) fn finish_word(reason: FinishReason) -> &'static str {
    match reason {
        FinishReason::Stop | FinishReason::Refusal | FinishReason::Other => "stop",
        FinishReason::Length => "length",
        FinishReason::ToolCalls => "tool_calls",
        FinishReason::ContentFilter => "content_filter",
    }
}

/// A `usage` object.
pub(crate) fn usage(usage: Usage) -> String {
    format!(
        "{{\"prompt_tokens\":{},\"completion_tokens\":{},\"total_tokens\":{},\
         \"prompt_tokens_details\":{{\"cached_tokens\":{}}},\
         \"completion_tokens_details\":{{\"reasoning_tokens\":{}}}}}",
        usage.input,
        usage.output,
        usage.total(),
        usage.cached,
        usage.reasoning,
    )
}
