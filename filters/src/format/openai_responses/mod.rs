//! OpenAI Responses. <https://platform.openai.com/docs/api-reference/responses>
//!
//! Ends with `response.completed`, `.incomplete` or `.failed`; a `[DONE]` is not part of it.

mod compose;
mod read;

use bytes::Bytes;

use super::compose::Answer;
use super::error::ApiError;
use super::shape::{Layout, System};
use super::stream::{Heard, StreamState};
use super::whole::Reading;
use super::{Format, openai};
use crate::frame::sse::Frame;
use crate::json::scan::JsonError;
use crate::json::text;

/// The dialect.
#[derive(Debug)]
pub(crate) struct OpenAiResponses;

static LAYOUT: Layout = Layout {
    turns: Some("input"),
    plain: Some("input"),
    system: System::Member("instructions"),
    max_tokens: &["max_output_tokens"],
};

impl Format for OpenAiResponses {
    fn name(&self) -> &'static str {
        "openai_responses"
    }

    fn api(&self) -> &'static str {
        "responses"
    }

    fn read_frame(&self, state: &mut StreamState, frame: &Frame, data: &[u8]) -> Heard {
        read::frame(state, frame, data)
    }

    fn read_whole(&self, body: &[u8]) -> Result<Reading, JsonError> {
        read::whole(body)
    }

    fn error_body(&self, error: &ApiError) -> Bytes {
        openai::error_body(error)
    }

    /// An `error` event as the API defines it, with an `error` member besides: without one the SDKs' plain iterators
    /// would yield the event and then end as if all were well; with one they raise.
    fn error_event(&self, error: &ApiError, sequence: u64) -> Bytes {
        let param = error.param.as_deref().map_or_else(|| "null".to_owned(), text::quote);
        format!(
            "event: error\ndata: {{\"type\":\"error\",\"sequence_number\":{sequence},\"code\":{},\"message\":{},\
             \"param\":{param},\"error\":{}}}\n\n",
            text::quote(&error.code),
            text::quote(&error.message),
            openai::error_object(error),
        )
        .into()
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
