//! The script as it is written: the serde mirror of a script file, before it is checked.
//!
//! Every table refuses members it does not know. This module refuses to judge whether values make sense together:
//! that is `script.rs`.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, Visitor};

/// A script file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    /// Names that `/v1/models` lists.
    pub(super) models: Option<Vec<String>>,
    /// Rules in order; the first that matches decides.
    #[serde(default, rename = "rule")]
    pub(super) rules: Vec<FileRule>,
}

/// One rule.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileRule {
    /// Name for messages and statistics.
    pub(super) name: Option<String>,
    /// When it applies; always when absent.
    #[serde(default)]
    pub(super) when: FileWhen,
    /// What is said.
    #[serde(default)]
    pub(super) answer: FileAnswer,
    /// How fast and in what pieces.
    #[serde(default)]
    pub(super) pace: FilePace,
    /// What goes wrong.
    pub(super) fault: Option<FileFault>,
    /// What happens to the connection.
    #[serde(default)]
    pub(super) connection: FileConnection,
}

/// Conditions; all that are given must hold.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileWhen {
    /// Path without query; a `*` at the end matches any rest.
    pub(super) path: Option<String>,
    /// Method, upper case.
    pub(super) method: Option<String>,
    /// The request's `model`.
    pub(super) model: Option<String>,
    /// Name of the endpoint that was dialled; in process only.
    pub(super) endpoint: Option<String>,
    /// Whether the request asks for a stream.
    pub(super) stream: Option<bool>,
    /// Headers and their values; `*` for any value.
    #[serde(default)]
    pub(super) header: BTreeMap<String, String>,
    /// Which of the requests that match all of the above: `1`, `"1..2"`, `"3.."`.
    pub(super) nth: Option<Nth>,
}

/// A range of counts from one, both ends included.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Nth {
    /// First.
    pub(super) from: u64,
    /// Last; none for no end.
    pub(super) to: Option<u64>,
}

/// What is said.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileAnswer {
    /// Status; 200 when absent.
    pub(super) status: Option<u16>,
    /// Further headers.
    #[serde(default)]
    pub(super) headers: BTreeMap<String, String>,
    /// Value of `retry-after`.
    pub(super) retry_after: Option<String>,
    /// Message of the error body.
    pub(super) error: Option<String>,
    /// The whole body, as it is, instead of one in the request's format.
    pub(super) body: Option<String>,
    /// Text, streamed word by word.
    pub(super) text: Option<String>,
    /// Text in the pieces to stream it in.
    pub(super) pieces: Option<Vec<String>>,
    /// Tool calls after the text.
    #[serde(default)]
    pub(super) tools: Vec<FileTool>,
    /// Token counts; estimated when absent.
    pub(super) usage: Option<FileUsage>,
    /// Where a stream tells its usage.
    #[serde(default)]
    pub(super) usage_shape: UsageShape,
    /// Cut by the output limit instead of finished.
    #[serde(default)]
    pub(super) max_tokens_reached: bool,
}

/// A tool call.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileTool {
    /// Function name.
    pub(super) name: String,
    /// Arguments as JSON text.
    #[serde(default = "no_arguments")]
    pub(super) arguments: String,
}

/// Token counts.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileUsage {
    /// Input tokens, cached ones included.
    pub(super) input: u64,
    /// Output tokens, reasoning included.
    pub(super) output: u64,
    /// Input tokens read from a cache.
    #[serde(default)]
    pub(super) cached: u64,
    /// Output tokens spent on reasoning.
    #[serde(default)]
    pub(super) reasoning: u64,
}

/// Where a chat stream tells its usage.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "snake_case")]
pub(super) enum UsageShape {
    /// In a last chunk without choices when the request asks for it: what OpenAI does.
    #[default]
    AsAsked,
    /// In a last chunk without choices, asked or not.
    Always,
    /// On the chunk that carries `finish_reason`: what some vendors do.
    OnFinish,
    /// Nowhere.
    Absent,
}

/// How fast and in what pieces.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FilePace {
    /// Milliseconds before the head.
    #[serde(default)]
    pub(super) head_ms: u64,
    /// Milliseconds between the head and the body.
    #[serde(default)]
    pub(super) body_ms: u64,
    /// Milliseconds before every event but the first.
    #[serde(default)]
    pub(super) event_ms: u64,
    /// Cut the body into pieces of so many bytes, regardless of events.
    pub(super) chunk_bytes: Option<usize>,
}

/// What goes wrong, and where. Without a place: before the head.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileFault {
    /// What happens.
    pub(super) kind: FaultKind,
    /// After so many body bytes.
    pub(super) after_bytes: Option<usize>,
    /// After so many stream events.
    pub(super) after_events: Option<usize>,
    /// After so many events that carry text or tool arguments: `0` is right before the first token.
    pub(super) after_tokens: Option<usize>,
    /// Milliseconds between what was sent and the fault, so that the other end has seen the one before the other.
    #[serde(default)]
    pub(super) wait_ms: u64,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "snake_case")]
pub(super) enum FaultKind {
    /// No connection. On a socket: reset as soon as the head was read.
    Refuse,
    /// The connection is reset.
    Reset,
    /// The connection is closed in the middle of the answer.
    Close,
    /// Nothing more comes.
    Stall,
    /// A chunk whose size is not a number.
    MalformedChunk,
    /// An event whose data is not JSON.
    InvalidJson,
    /// An error told inside the stream, in the format's own shape.
    ErrorEvent,
    /// The answer ends properly, but without the format's terminal event.
    Eof,
}

/// What happens to the connection.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileConnection {
    /// Answer before the request's body is read, then close.
    #[serde(default)]
    pub(super) early: bool,
    /// After the answer.
    #[serde(default)]
    pub(super) after: After,
}

/// What happens to a connection after the answer.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "snake_case")]
pub(super) enum After {
    /// Kept open.
    #[default]
    Keep,
    /// Closed, as announced in the head.
    Close,
    /// Announced as kept, but reset when the next request comes: a dead pooled connection.
    Dead,
}

// === impl Nth ===

impl Nth {
    /// Whether the `count`-th request is meant.
    pub(super) fn holds(self, count: u64) -> bool {
        count >= self.from && self.to.is_none_or(|to| count <= to)
    }

    fn parse(text: &str) -> Option<Self> {
        let Some((from, to)) = text.split_once("..") else {
            return text.trim().parse().ok().map(|n| Self { from: n, to: Some(n) });
        };
        let from = from.trim().parse().ok()?;
        let to = match to.trim() {
            "" => None,
            to => Some(to.parse().ok()?),
        };
        Some(Self { from, to })
    }
}

impl<'de> Deserialize<'de> for Nth {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Count;

        impl Visitor<'_> for Count {
            type Value = Nth;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a count from 1, or a range such as \"1..2\" or \"3..\"")
            }

            fn visit_i64<E: Error>(self, n: i64) -> Result<Nth, E> {
                let n = u64::try_from(n).map_err(|_| E::custom("`nth` counts from 1"))?;
                Ok(Nth { from: n, to: Some(n) })
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Nth, E> {
                Nth::parse(text).ok_or_else(|| E::invalid_value(serde::de::Unexpected::Str(text), &self))
            }
        }

        deserializer.deserialize_any(Count)
    }
}

fn no_arguments() -> String {
    "{}".to_owned()
}
