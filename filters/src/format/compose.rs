//! Answers made here, in each dialect's full grammar: what the built-in `sim` provider says, and what tests feed.
//!
//! Nothing is invented: ids, times, texts and counts are the caller's.

use bytes::Bytes;

use super::Dialect;
use super::stream::FinishReason;
use super::usage::Usage;

/// An answer to compose.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// The vendor's id of the answer, such as `chatcmpl-…`, `resp_…`, `msg_…`.
    pub id: &'a str,
    /// Seconds since 1970.
    pub created: u64,
    /// The model that is said to have answered.
    pub model: &'a str,
    /// The text, in the pieces in which a stream gives it.
    pub text: &'a [&'a str],
    /// Calls of tools, after the text.
    pub tool_calls: &'a [ToolCall<'a>],
    /// What it cost.
    pub usage: Usage,
    /// Why it stopped.
    pub finish: FinishReason,
    /// For embeddings: one vector per input.
    pub vectors: &'a [&'a [f32]],
    /// For embeddings: whether they go out as base64 of little-endian floats, as `encoding_format` asks.
    pub base64: bool,
}

/// A call of a tool.
#[derive(Clone, Copy, Debug)]
pub struct ToolCall<'a> {
    /// Its id.
    pub id: &'a str,
    /// The tool.
    pub name: &'a str,
    /// The arguments' JSON, in the pieces in which a stream gives it.
    pub arguments: &'a [&'a str],
}

/// The answer as one body (`application/json`).
pub fn whole(dialect: Dialect, answer: &Answer<'_>) -> Bytes {
    dialect.format().compose(answer)
}

/// The answer as the frames of a stream (`text/event-stream`), one element per frame. `include_usage` is what the
/// client asked; dialects that always tell usage ignore it.
pub fn stream(dialect: Dialect, answer: &Answer<'_>, include_usage: bool) -> Vec<Bytes> {
    dialect.format().compose_stream(answer, include_usage)
}
