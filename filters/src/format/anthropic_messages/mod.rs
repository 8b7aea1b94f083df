//! Anthropic Messages. <https://docs.anthropic.com/en/api/messages>, streams:
//! <https://docs.anthropic.com/en/docs/build-with-claude/streaming>

mod compose;
mod read;

use bytes::Bytes;

use super::Format;
use super::compose::Answer;
use super::error::{ApiError, ErrorKind};
use super::shape::{Layout, System};
use super::stream::{Heard, StreamState};
use super::whole::Reading;
use crate::frame::sse::Frame;
use crate::json::scan::JsonError;
use crate::json::text;

/// The dialect.
#[derive(Debug)]
pub(crate) struct AnthropicMessages;

static LAYOUT: Layout =
    Layout { turns: Some("messages"), plain: None, system: System::Member("system"), max_tokens: &["max_tokens"] };

impl Format for AnthropicMessages {
    fn name(&self) -> &'static str {
        "anthropic_messages"
    }

    fn api(&self) -> &'static str {
        "messages"
    }

    fn read_frame(&self, state: &mut StreamState, frame: &Frame, data: &[u8]) -> Heard {
        read::frame(state, frame, data)
    }

    fn read_whole(&self, body: &[u8]) -> Result<Reading, JsonError> {
        read::whole(body)
    }

    fn error_body(&self, error: &ApiError) -> Bytes {
        error_object(error).into()
    }

    fn error_event(&self, error: &ApiError, _sequence: u64) -> Bytes {
        format!("event: error\ndata: {}\n\n", error_object(error)).into()
    }

    /// A `ping` may stand anywhere, and clients know it; a comment would do as well.
    fn keepalive(&self) -> &'static [u8] {
        b"event: ping\ndata: {\"type\": \"ping\"}\n\n"
    }

    fn layout(&self) -> &'static Layout {
        &LAYOUT
    }

    fn compose(&self, answer: &Answer<'_>) -> Bytes {
        compose::whole(answer)
    }

    fn compose_stream(&self, answer: &Answer<'_>, _include_usage: bool) -> Vec<Bytes> {
        compose::stream(answer)
    }
}

/// `{"type":"error","error":{"type":…,"message":…},"request_id":…}`: <https://docs.anthropic.com/en/api/errors>
fn error_object(error: &ApiError) -> String {
    let mut json = String::with_capacity(error.message.len() + 128);
    json.push_str("{\"type\":\"error\",\"error\":{\"type\":");
    text::quote_into(error_type(error.kind), &mut json);
    json.push_str(",\"message\":");
    text::quote_into(&error.message, &mut json);
    json.push_str("},\"request_id\":");
    match &error.request_id {
        Some(id) => text::quote_into(id, &mut json),
        None => json.push_str("null"),
    }
    json.push('}');
    json
}

fn error_type(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::InvalidRequest => "invalid_request_error",
        ErrorKind::Authentication => "authentication_error",
        ErrorKind::Permission => "permission_error",
        ErrorKind::NotFound => "not_found_error",
        ErrorKind::TooLarge => "request_too_large",
        ErrorKind::RateLimited => "rate_limit_error",
        ErrorKind::Overloaded => "overloaded_error",
        ErrorKind::Timeout => "timeout_error",
        ErrorKind::Upstream | ErrorKind::Internal => "api_error",
    }
}
