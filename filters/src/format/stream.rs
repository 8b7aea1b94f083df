//! What the frames of a stream mean: the one reader, over whatever the dialect says of a single frame.

use bytes::Bytes;

use super::Dialect;
use super::error::{ApiError, VendorError};
use super::usage::{Counts, Usage};
use crate::frame::sse::Frame;

/// What one frame says, strongest first where it says several things (an error over content over a finish over
/// usage).
#[derive(Clone, Debug, PartialEq)]
pub enum Meaning {
    /// Nothing yet: a comment, a ping, a role, an event that only announces. Safe to hold back while an attempt may
    /// still be retried.
    Hold,
    /// A piece of the answer: text, arguments of a call, reasoning, an image.
    Content,
    /// The answer stops, and why; the stream goes on until [`Meaning::Done`].
    Finish(FinishReason),
    /// Only usage.
    Usage,
    /// The last frame of a stream that is complete.
    Done,
    /// The vendor failed in the middle of a 200.
    Error(Box<VendorError>),
    /// An event this crate does not know: passed on, and counts as content.
    Unknown,
    /// Not what the dialect's frames look like: not JSON, or a line that is no event.
    Garbled,
}

/// Why an answer stops.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum FinishReason {
    /// The model was done, or a stop sequence came.
    Stop,
    /// The limit of tokens.
    Length,
    /// It calls tools.
    ToolCalls,
    /// The vendor's content filter.
    ContentFilter,
    /// The model refused.
    Refusal,
    /// A reason this crate does not know.
    Other,
}

/// What the client gets for a frame.
#[derive(Clone, Debug, PartialEq)]
pub enum Relay {
    /// The frame's own bytes.
    AsIs,
    /// Nothing: it answers a question that we asked, not the client.
    Swallow,
    /// These bytes instead.
    Instead(Bytes),
}

/// What reading one frame gives.
#[derive(Clone, Debug, PartialEq)]
pub struct Heard {
    /// What it says.
    pub meaning: Meaning,
    /// What the client gets for it.
    pub relay: Relay,
}

/// Who asked for the usage of a stream. Only chat and plain completions have to be asked.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum UsageAsked {
    /// The client did, or nobody, or the dialect always tells: frames go out as they come.
    #[default]
    AsClientSaid,
    /// We did, for the accounts: the client must see the stream it would have seen without. The usage chunk is
    /// swallowed, and `"usage":null` is cut out of the other chunks.
    ByUs,
}

/// What ends a stream of chat or completion chunks.
pub const DONE_EVENT: &[u8] = b"data: [DONE]\n\n";

/// How a stream ended, asked when there are no more bytes.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum StreamEnd {
    /// As the dialect says that a whole stream ends.
    Complete,
    /// Every choice said why it stopped, but the `[DONE]` that the dialect wants did not come, as with some compatible
    /// vendors. If the transport ended cleanly the answer is whole and [`DONE_EVENT`] should follow; if it broke
    /// this is [`StreamEnd::Cut`].
    Unmarked,
    /// With an error of the vendor's, which the client has been shown.
    Failed,
    /// In the middle: the client must be told, it would take the rest for the whole.
    Cut,
}

/// Reads the frames of one stream.
#[derive(Debug)]
pub struct StreamReader {
    dialect: Dialect,
    state: StreamState,
}

/// What a stream has said so far; the dialects' readers write it.
#[derive(Clone, Debug, Default)]
pub(crate) struct StreamState {
    pub(crate) asked: UsageAsked,
    pub(crate) counts: Option<Counts>,
    pub(crate) finish: Option<FinishReason>,
    /// The event after which nothing is due has come.
    pub(crate) done: bool,
    pub(crate) failed: bool,
    /// Bits of the choices that have begun, and that have finished; those above 63 share the last bit.
    pub(crate) choices_begun: u64,
    pub(crate) choices_finished: u64,
    /// Last `sequence_number`, for an event of ours to follow.
    pub(crate) sequence: Option<u64>,
}

// === impl StreamState ===

impl StreamState {
    /// Notes that a chunk held a part of this choice.
    pub(crate) fn choice(&mut self, index: u32, finished: bool) {
        let bit = 1_u64.checked_shl(index.min(63)).unwrap_or(0);
        self.choices_begun |= bit;
        if finished {
            self.choices_finished |= bit;
        }
    }

    /// Whether every choice that has begun has told why it stopped.
    fn all_finished(&self) -> bool {
        self.choices_begun != 0 && self.choices_begun == self.choices_finished
    }
}

// === impl StreamReader ===

impl StreamReader {
    /// At the start of a stream.
    pub fn new(dialect: Dialect, asked: UsageAsked) -> Self {
        Self { dialect, state: StreamState { asked, ..StreamState::default() } }
    }

    /// Reads the next frame. Never fails: what is not understood is a [`Meaning`] too.
    pub fn read(&mut self, frame: &Frame) -> Heard {
        let Some(data) = frame.data() else {
            return Heard { meaning: Meaning::Hold, relay: Relay::AsIs };
        };
        let heard = self.dialect.format().read_frame(&mut self.state, frame, data);
        if let Meaning::Error(_) = heard.meaning {
            self.state.failed = true;
        }
        heard
    }

    /// The usage told so far; in some dialects it grows while the stream goes on.
    pub fn usage(&self) -> Option<Usage> {
        self.state.counts.map(Counts::usage)
    }

    /// Why the answer stopped, once it has.
    pub fn finish(&self) -> Option<FinishReason> {
        self.state.finish
    }

    /// Whether the last event has come: no frame is due, the connection may stay open or not.
    pub fn is_done(&self) -> bool {
        self.state.done
    }

    /// How the stream has ended if no frame follows.
    pub fn end(&self) -> StreamEnd {
        if self.state.failed {
            StreamEnd::Failed
        } else if self.state.done {
            StreamEnd::Complete
        } else if self.state.all_finished() {
            StreamEnd::Unmarked
        } else {
            StreamEnd::Cut
        }
    }

    /// The event that tells the client, in its dialect and in this stream's sequence, that the stream broke.
    pub fn error_event(&self, error: &ApiError) -> Bytes {
        self.dialect.format().error_event(error, self.state.sequence.map_or(0, |last| last.saturating_add(1)))
    }
}
