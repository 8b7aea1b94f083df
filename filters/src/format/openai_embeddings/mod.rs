//! OpenAI Embeddings. <https://platform.openai.com/docs/api-reference/embeddings>

mod compose;

use bytes::Bytes;

use super::compose::Answer;
use super::error::ApiError;
use super::shape::{Layout, System};
use super::stream::{Heard, Meaning, Relay, StreamState};
use super::usage::Counts;
use super::whole::Reading;
use super::{Format, openai};
use crate::frame::sse::Frame;
use crate::json::scan::{JsonError, Kind, Scanner};

/// The dialect.
#[derive(Debug)]
pub(crate) struct OpenAiEmbeddings;

static LAYOUT: Layout = Layout { turns: None, plain: Some("input"), system: System::Nowhere, max_tokens: &[] };

impl Format for OpenAiEmbeddings {
    fn name(&self) -> &'static str {
        "openai_embeddings"
    }

    fn api(&self) -> &'static str {
        "embeddings"
    }

    /// Embeddings do not stream.
    fn read_frame(&self, _state: &mut StreamState, _frame: &Frame, _data: &[u8]) -> Heard {
        Heard { meaning: Meaning::Garbled, relay: Relay::AsIs }
    }

    fn read_whole(&self, body: &[u8]) -> Result<Reading, JsonError> {
        let mut reading = Reading::default();
        let mut counts = Counts::default();
        let mut scan = Scanner::new(body);
        scan.members(|scan, key| {
            match key {
                b"data" => reading.is_answer |= scan.skip()?.kind == Kind::Array,
                b"usage" => {
                    if counts.read(scan)? {
                        reading.whole.usage = Some(counts.usage());
                    }
                }
                b"error" => reading.is_error |= scan.skip()?.kind != Kind::Null,
                _other => {
                    scan.skip()?;
                }
            }
            Ok(())
        })?;
        scan.end()?;
        Ok(reading)
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

    /// Embeddings do not stream.
    fn compose_stream(&self, _answer: &Answer<'_>, _include_usage: bool) -> Vec<Bytes> {
        Vec::new()
    }
}
