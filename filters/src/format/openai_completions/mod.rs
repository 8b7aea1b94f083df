//! OpenAI's older Completions. <https://platform.openai.com/docs/api-reference/completions>

mod compose;

use bytes::Bytes;

use super::compose::Answer;
use super::error::ApiError;
use super::shape::{Layout, System};
use super::stream::{Heard, StreamState};
use super::whole::Reading;
use super::{Format, openai};
use crate::frame::sse::Frame;
use crate::json::scan::JsonError;

/// The dialect.
#[derive(Debug)]
pub(crate) struct OpenAiCompletions;

static LAYOUT: Layout =
    Layout { turns: None, plain: Some("prompt"), system: System::Nowhere, max_tokens: &["max_tokens"] };

impl Format for OpenAiCompletions {
    fn name(&self) -> &'static str {
        "openai_completions"
    }

    fn api(&self) -> &'static str {
        "completions"
    }

    fn read_frame(&self, state: &mut StreamState, frame: &Frame, data: &[u8]) -> Heard {
        openai::read_frame(state, frame, data)
    }

    fn read_whole(&self, body: &[u8]) -> Result<Reading, JsonError> {
        openai::read_whole(body)
    }

    fn error_body(&self, error: &ApiError) -> Bytes {
        openai::error_body(error)
    }

    fn error_event(&self, error: &ApiError, _sequence: u64) -> Bytes {
        openai::error_event(error)
    }

    fn layout(&self) -> &'static Layout {
        &LAYOUT
    }

    fn compose(&self, answer: &Answer<'_>) -> Bytes {
        compose::whole(answer)
    }

    fn compose_stream(&self, answer: &Answer<'_>, include_usage: bool) -> Vec<Bytes> {
        compose::stream(answer, include_usage)
    }
}
