//! The grammars of model APIs: what a request, an answer, a frame and an error look like in each.
//!
//! [`Dialect`] names them. What the rest of the product needs of one goes through it: reading a stream, judging an
//! answer, telling an error in the client's words, finding what a policy asks about. One directory per dialect, none
//! of which knows another; a new one is its directory and its line in [`Dialect::format`].

mod anthropic_messages;
pub mod body;
pub mod compose;
pub mod error;
mod failure;
mod openai;
mod openai_chat;
mod openai_completions;
mod openai_embeddings;
mod openai_responses;
pub mod peek;
pub mod shape;
pub mod splice;
pub mod stream;
pub mod usage;
mod whole;

use std::fmt;

use bytes::Bytes;

pub use error::{ApiError, ErrorKind, Failure, VendorError};
pub use stream::{FinishReason, Heard, Meaning, Relay, StreamEnd, StreamReader, UsageAsked};
pub use usage::Usage;
pub use whole::Whole;

use crate::frame::sse::Frame;
use crate::json::scan::JsonError;
use compose::Answer;
use stream::StreamState;

/// The content type of bodies in every dialect.
pub const BODY_CONTENT_TYPE: &str = "application/json";

/// The content type of streams in every dialect.
pub const STREAM_CONTENT_TYPE: &str = "text/event-stream; charset=utf-8";

/// A body grammar of a vendor family, as clients speak it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Dialect {
    /// OpenAI Chat Completions: `/v1/chat/completions`.
    OpenAiChat,
    /// OpenAI's older Completions: `/v1/completions`.
    OpenAiCompletions,
    /// OpenAI Responses: `/v1/responses`.
    OpenAiResponses,
    /// OpenAI Embeddings: `/v1/embeddings`.
    OpenAiEmbeddings,
    /// Anthropic Messages: `/v1/messages`.
    AnthropicMessages,
}

/// What a dialect must be able to do. Implemented once per dialect, by a unit struct.
pub(crate) trait Format: Sync {
    /// Its name in logs and in the corpus.
    fn name(&self) -> &'static str;
    /// The policy language's word for its API.
    fn api(&self) -> &'static str;
    /// What a frame with data says.
    fn read_frame(&self, state: &mut StreamState, frame: &Frame, data: &[u8]) -> Heard;
    /// What a whole good answer says.
    fn read_whole(&self, body: &[u8]) -> Result<whole::Reading, JsonError>;
    /// An error as a body.
    fn error_body(&self, error: &ApiError) -> Bytes;
    /// An error as the last event of a stream.
    fn error_event(&self, error: &ApiError, sequence: u64) -> Bytes;
    /// An event that says nothing.
    fn keepalive(&self) -> &'static [u8] {
        b": ping\n\n"
    }
    /// How a request of this dialect is laid out.
    fn layout(&self) -> &'static shape::Layout;
    /// An answer in one piece.
    fn compose(&self, answer: &Answer<'_>) -> Bytes;
    /// The same as frames of a stream.
    fn compose_stream(&self, answer: &Answer<'_>, include_usage: bool) -> Vec<Bytes>;
}

// === impl Dialect ===

impl Dialect {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::OpenAiChat,
        Self::OpenAiCompletions,
        Self::OpenAiResponses,
        Self::OpenAiEmbeddings,
        Self::AnthropicMessages,
    ];

    /// The table of dialects.
    pub(crate) fn format(self) -> &'static dyn Format {
        match self {
            Self::OpenAiChat => &openai_chat::OpenAiChat,
            Self::OpenAiCompletions => &openai_completions::OpenAiCompletions,
            Self::OpenAiResponses => &openai_responses::OpenAiResponses,
            Self::OpenAiEmbeddings => &openai_embeddings::OpenAiEmbeddings,
            Self::AnthropicMessages => &anthropic_messages::AnthropicMessages,
        }
    }

    /// Its name: `openai_chat` and so on.
    pub fn name(self) -> &'static str {
        self.format().name()
    }

    /// The policy language's word for its API: `chat`, `completions`, `responses`, `embeddings`, `messages`.
    pub fn api(self) -> &'static str {
        self.format().api()
    }

    /// A reader for one stream in this dialect.
    pub fn stream_reader(self, asked: UsageAsked) -> StreamReader {
        StreamReader::new(self, asked)
    }

    /// What a whole answer with a status of 2xx says; the error if it is none: not JSON, or an `error` inside.
    pub fn read_whole(self, body: &[u8]) -> Result<Whole, Box<VendorError>> {
        whole::read(self.format(), body)
    }

    /// What an answer with another status amounts to. `body` may be cut off anywhere.
    pub fn read_error(self, status: u16, body: &[u8]) -> Box<VendorError> {
        failure::read(Some(status), body)
    }

    /// An error as this dialect's body (`application/json`).
    pub fn error_body(self, error: &ApiError) -> Bytes {
        self.format().error_body(error)
    }

    /// An error as the first and only event of a stream. In a stream that has begun use
    /// [`StreamReader::error_event`], which knows the sequence.
    pub fn error_event(self, error: &ApiError) -> Bytes {
        self.format().error_event(error, 0)
    }

    /// What keeps an idle stream open and says nothing: a comment or, in Messages, a `ping`.
    pub fn keepalive(self) -> Bytes {
        Bytes::from_static(self.format().keepalive())
    }

    /// Whether its answers can be streams.
    pub fn streams(self) -> bool {
        self != Self::OpenAiEmbeddings
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
