//! Server-sent events: bytes in any pieces → frames as they came.
//!
//! A frame is everything up to and with the blank line that ends it: its [`Frame::raw`] bytes put one after the other
//! are the stream, byte for byte, however it was split. Where a chunk holds whole frames they are slices of it;
//! only a frame that spans chunks is copied, once.
//!
//! Grammar: <https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream>, with one leniency:
//! a last frame whose blank line is missing is given by [`SseDecoder::finish`] (vendors do cut it off), where a browser
//! would drop it.

use bytes::{Bytes, BytesMut};
use memchr::{memchr, memchr2};

use crate::span::Span;

/// Longest frame unless said otherwise: a final event of the Responses API repeats the whole answer.
pub const FRAME_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Why a stream cannot be cut any further.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SseError {
    /// A frame is longer than the limit.
    #[error("an event of the stream is longer than {limit} bytes")]
    FrameTooLong {
        /// The limit.
        limit: usize,
    },
}

/// Cuts a stream into frames: [`push`](Self::push) a chunk, take frames until there is none, again; at the end
/// [`finish`](Self::finish).
#[derive(Debug)]
pub struct SseDecoder {
    limit: usize,
    /// The beginning of a frame whose end has not come.
    partial: BytesMut,
    /// What follows it.
    chunk: Bytes,
    lines: Lines,
    /// What parsing needs to know of the bytes before the current frame.
    start: Start,
}

/// One frame: an event, or only comments, or nothing but its blank line.
#[derive(Clone, Debug)]
pub struct Frame {
    raw: Bytes,
    event: Option<Span>,
    id: Option<Span>,
    data: Data,
    whole: bool,
}

#[derive(Clone, Debug)]
enum Data {
    None,
    /// One `data` line: a slice of the frame.
    Line(Span),
    /// Several, joined by line feeds.
    Joined(Bytes),
}

/// How a frame begins.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Start {
    /// It is the first of the stream: a byte order mark may stand before it.
    OfStream,
    /// The frame before ended with a CR: an LF in front belongs to that.
    AfterCr,
    /// Nothing special.
    Plain,
}

/// The line scan, resumable at any byte.
#[derive(Clone, Copy, Debug)]
struct Lines {
    /// Bytes of the unfinished line.
    line: usize,
    /// How many of them are the beginning of a byte order mark; only in the first line of the stream.
    mark: Option<usize>,
    last_end: LineEnd,
    cr: Cr,
}

/// What ended the line before.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum LineEnd {
    Lf,
    Cr,
    CrLf,
}

/// A CR was the last byte seen: an LF may belong to it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Cr {
    /// It was not.
    No,
    /// It ended a line, or a frame that is already out.
    EndedLine,
    /// It ended the blank line of a frame whose other lines end with CR LF: the frame waits for the LF.
    EndedFrame,
}

const MARK: &[u8] = b"\xef\xbb\xbf";

// === impl SseDecoder ===

impl SseDecoder {
    /// At the start of a stream whose frames are at most `limit` bytes long.
    pub fn new(limit: usize) -> Self {
        let lines = Lines { line: 0, mark: Some(0), last_end: LineEnd::Lf, cr: Cr::No };
        Self { limit, partial: BytesMut::new(), chunk: Bytes::new(), lines, start: Start::OfStream }
    }

    /// Takes the next bytes of the stream. Frames that are still inside are not lost.
    pub fn push(&mut self, chunk: Bytes) {
        if self.chunk.is_empty() {
            self.chunk = chunk;
        } else {
            let mut joined = BytesMut::with_capacity(self.chunk.len() + chunk.len());
            joined.extend_from_slice(&self.chunk);
            joined.extend_from_slice(&chunk);
            self.chunk = joined.freeze();
        }
    }

    /// The next whole frame, if its end has come. An error is final: the stream cannot be read on.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, SseError> {
        let Some(end) = self.lines.frame_end(&self.chunk) else {
            self.fits(self.chunk.len())?;
            let chunk = std::mem::take(&mut self.chunk);
            self.partial.extend_from_slice(&chunk);
            return Ok(None);
        };
        self.fits(end)?;
        let piece = self.chunk.split_to(end);
        let raw = if self.partial.is_empty() {
            piece
        } else {
            self.partial.extend_from_slice(&piece);
            std::mem::take(&mut self.partial).freeze()
        };
        Ok(Some(self.frame(raw, true)))
    }

    /// What is left when the stream has ended: a frame without its blank line, perhaps cut anywhere.
    pub fn finish(&mut self) -> Option<Frame> {
        let chunk = std::mem::take(&mut self.chunk);
        self.partial.extend_from_slice(&chunk);
        let raw = std::mem::take(&mut self.partial).freeze();
        if raw.is_empty() {
            return None;
        }
        let whole = self.lines.cr == Cr::EndedFrame;
        Some(self.frame(raw, whole))
    }

    /// Bytes held back because their frame is not whole yet.
    pub fn buffered(&self) -> usize {
        self.partial.len() + self.chunk.len()
    }

    fn fits(&self, more: usize) -> Result<(), SseError> {
        if self.partial.len() + more > self.limit {
            return Err(SseError::FrameTooLong { limit: self.limit });
        }
        Ok(())
    }

    fn frame(&mut self, raw: Bytes, whole: bool) -> Frame {
        let frame = Frame::parse(raw, self.start, whole);
        self.start = if self.lines.cr == Cr::EndedLine { Start::AfterCr } else { Start::Plain };
        frame
    }
}

impl Default for SseDecoder {
    fn default() -> Self {
        Self::new(FRAME_BYTES_MAX)
    }
}

// === impl Lines ===

impl Lines {
    /// Where in `chunk` the current frame ends, behind its blank line; `None` after all of `chunk` was looked at.
    ///
    /// INVARIANT: the answer depends on the bytes of the stream, never on how they are split into chunks. So a CR that
    /// ends a blank line ends the frame at once where lines end with bare CRs, and waits for its LF where the
    /// line before ended with CR LF.
    fn frame_end(&mut self, chunk: &[u8]) -> Option<usize> {
        let mut at = 0;
        loop {
            let rest = chunk.get(at..)?;
            if self.cr != Cr::No {
                let next_is_lf = *rest.first()? == b'\n';
                let ended_frame = self.cr == Cr::EndedFrame;
                self.cr = Cr::No;
                self.last_end = if next_is_lf { LineEnd::CrLf } else { LineEnd::Cr };
                at += usize::from(next_is_lf);
                if ended_frame {
                    return Some(at);
                }
                continue;
            }
            let Some(length) = memchr2(b'\n', b'\r', rest) else {
                self.grow(rest);
                return None;
            };
            self.grow(rest.get(..length)?);
            at += length + 1;
            let is_blank = self.line == 0 || (self.mark == Some(MARK.len()) && self.line == MARK.len());
            self.line = 0;
            self.mark = None;
            if rest.get(length) == Some(&b'\n') {
                self.last_end = LineEnd::Lf;
                if is_blank {
                    return Some(at);
                }
            } else if !is_blank {
                self.cr = Cr::EndedLine;
            } else if self.last_end == LineEnd::CrLf {
                self.cr = Cr::EndedFrame;
            } else {
                self.last_end = LineEnd::Cr;
                self.cr = Cr::EndedLine;
                return Some(at);
            }
        }
    }

    fn grow(&mut self, bytes: &[u8]) {
        if let Some(matched) = self.mark.as_mut() {
            for (index, byte) in bytes.iter().take(MARK.len()).enumerate() {
                if self.line + index == *matched && MARK.get(*matched) == Some(byte) {
                    *matched += 1;
                }
            }
        }
        self.line += bytes.len();
    }
}

// === impl Frame ===

impl Frame {
    /// Its bytes as they came, blank line included.
    pub fn raw(&self) -> &Bytes {
        &self.raw
    }

    /// Its bytes, taken.
    pub fn into_raw(self) -> Bytes {
        self.raw
    }

    /// The last `event` field.
    pub fn event(&self) -> Option<&[u8]> {
        self.event.map(|span| span.of(&self.raw))
    }

    /// The last `id` field.
    pub fn id(&self) -> Option<&[u8]> {
        self.id.map(|span| span.of(&self.raw))
    }

    /// The `data` fields, joined by line feeds; `None` if there is none, as in a comment.
    pub fn data(&self) -> Option<&[u8]> {
        match &self.data {
            Data::None => None,
            Data::Line(span) => Some(span.of(&self.raw)),
            Data::Joined(text) => Some(text),
        }
    }

    /// Where [`Self::data`] lies in [`Self::raw`], if it lies there in one piece.
    pub fn data_span(&self) -> Option<Span> {
        match &self.data {
            Data::Line(span) => Some(*span),
            Data::None | Data::Joined(_) => None,
        }
    }

    /// Whether its blank line came; not so only for what [`SseDecoder::finish`] gives.
    pub fn is_whole(&self) -> bool {
        self.whole
    }

    fn parse(raw: Bytes, start: Start, whole: bool) -> Self {
        let mut frame = Self { raw: Bytes::new(), event: None, id: None, data: Data::None, whole };
        let mut at = match start {
            Start::OfStream if raw.starts_with(MARK) => MARK.len(),
            Start::AfterCr if raw.first() == Some(&b'\n') => 1,
            Start::OfStream | Start::AfterCr | Start::Plain => 0,
        };
        while let Some(rest) = raw.get(at..).filter(|rest| !rest.is_empty()) {
            let length = memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
            frame.line(&raw, at, rest.get(..length).unwrap_or_default());
            at += length + 1;
        }
        frame.raw = raw;
        frame
    }

    /// Takes one line of the frame; `at` is where it begins. The line that the LF of a CR LF seems to end is empty,
    /// and so are blank lines: both say nothing.
    fn line(&mut self, raw: &[u8], at: usize, line: &[u8]) {
        let (name, value) = match memchr(b':', line) {
            Some(colon) => {
                let value = colon + 1 + usize::from(line.get(colon + 1) == Some(&b' '));
                (line.get(..colon).unwrap_or_default(), value)
            }
            None => (line, line.len()),
        };
        let value = Span::new(at + value, at + line.len());
        match name {
            b"data" => match &mut self.data {
                Data::None => self.data = Data::Line(value),
                Data::Line(first) => {
                    self.data = Data::Joined([first.of(raw), b"\n", value.of(raw)].concat().into());
                }
                Data::Joined(text) => {
                    let mut joined = BytesMut::from(std::mem::take(text));
                    joined.extend_from_slice(b"\n");
                    joined.extend_from_slice(value.of(raw));
                    *text = joined.freeze();
                }
            },
            b"event" => self.event = Some(value),
            b"id" if !value.of(raw).contains(&0) => self.id = Some(value),
            _comment_or_unknown => {}
        }
    }
}
