//! Edits of a body by span: what a policy changes, and not one byte more.
//!
//! The result is a [`Rope`]: slices of the body as it came and, between them, the few bytes that are new. Nothing is
//! copied, whatever the body's length.

use bytes::{BufMut, Bytes, BytesMut};
use smallvec::SmallVec;

use super::peek::Peek;
use crate::json::text;
use crate::span::Span;

/// Why edits cannot be made. Each is a mistake of the caller, not of the body.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SpliceError {
    /// Two edits want the same bytes.
    #[error("two edits overlap at byte {offset}")]
    Overlap {
        /// Where the second begins.
        offset: u32,
    },
    /// An edit lies outside the body.
    #[error("an edit ends at byte {end}, behind the body's end")]
    Outside {
        /// Where it ends.
        end: u32,
    },
}

/// What to change in one request body: members of its top level by name, anything else by span.
///
/// Values are JSON text; that they are valid is the caller's promise ([`crate::json::text::quote`] helps). The
/// last word on a member wins. Spans must not overlap each other, nor a member that is set or dropped.
#[derive(Clone, Debug, Default)]
pub struct Edits {
    members: SmallVec<[(Box<str>, Option<Bytes>); 2]>,
    spans: SmallVec<[(Span, Bytes); 2]>,
}

/// A body as slices in order.
#[derive(Clone, Debug, Default)]
pub struct Rope {
    parts: SmallVec<[Bytes; 5]>,
    len: usize,
}

// === impl Edits ===

impl Edits {
    /// Sets a member of the top level: replaces its value, or appends it where there is none.
    pub fn set_member(&mut self, name: &str, json: impl Into<Bytes>) {
        self.member(name, Some(json.into()));
    }

    /// Drops a member of the top level, with its comma.
    pub fn drop_member(&mut self, name: &str) {
        self.member(name, None);
    }

    /// Replaces the bytes of a span; an empty span inserts.
    pub fn replace(&mut self, span: Span, with: impl Into<Bytes>) {
        self.spans.push((span, with.into()));
    }

    /// Whether nothing would change.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty() && self.spans.is_empty()
    }

    /// What a member of the top level has been set to, if this is the last word on it.
    pub fn member_set(&self, name: &str) -> Option<&Bytes> {
        self.members.iter().find(|(known, _)| **known == *name).and_then(|(_, json)| json.as_ref())
    }

    /// The edited body. `seen` is what [`super::peek::peek`] found in `body`.
    pub fn apply(&self, seen: &Peek, body: &Bytes) -> Result<Rope, SpliceError> {
        let mut cuts = self.spans.clone();
        self.cut_members(seen, body, &mut cuts);
        // Stable: of several insertions at one place the first one asked for comes first.
        cuts.sort_by_key(|(span, _)| (span.start, span.end));
        let mut rope = Rope::default();
        let mut done = 0;
        for (span, with) in cuts {
            if span.start < done || span.end < span.start {
                return Err(SpliceError::Overlap { offset: span.start });
            }
            if span.range().end > body.len() {
                return Err(SpliceError::Outside { end: span.end });
            }
            rope.push(body.slice(Span { start: done, end: span.start }.range()));
            rope.push(with);
            done = span.end;
        }
        rope.push(body.slice(Span { start: done, end: 0 }.range().start..));
        Ok(rope)
    }

    fn member(&mut self, name: &str, json: Option<Bytes>) {
        match self.members.iter_mut().find(|(known, _)| **known == *name) {
            Some((_, value)) => *value = json,
            None => self.members.push((name.into(), json)),
        }
    }

    /// Turns edits of members into cuts. A dropped member takes the comma in front of it with it, except that a run
    /// of dropped members at the front takes the comma behind it.
    fn cut_members(&self, seen: &Peek, body: &[u8], cuts: &mut SmallVec<[(Span, Bytes); 2]>) {
        let mut kept = 0_usize;
        let mut front_run = None;
        let mut last_end = seen.object().start + 1;
        let mut edited: SmallVec<[&str; 2]> = SmallVec::new();
        for member in seen.members() {
            let edit = self.members.iter().find(|(name, _)| super::peek::key_is(body, member.key, name));
            let (start, end) = (member.key.span.start, member.value.span.end);
            match edit {
                Some((name, None)) => {
                    edited.push(name);
                    if kept > 0 {
                        cuts.push((Span { start: last_end, end }, Bytes::new()));
                    } else {
                        front_run.get_or_insert(start);
                    }
                }
                Some((name, Some(json))) => {
                    edited.push(name);
                    cuts.push((member.value.span, json.clone()));
                    kept += 1;
                }
                None => kept += 1,
            }
            if kept == 1 {
                cuts.extend(front_run.take().map(|from| (Span { start: from, end: start }, Bytes::new())));
            }
            last_end = end;
        }
        cuts.extend(front_run.map(|from| (Span { start: from, end: last_end }, Bytes::new())));
        for (name, json) in &self.members {
            let Some(json) = json.as_ref().filter(|_| !edited.contains(&&**name)) else { continue };
            let mut member = String::with_capacity(name.len() + json.len() + 4);
            if kept > 0 {
                member.push(',');
            }
            kept += 1;
            text::quote_into(name, &mut member);
            member.push(':');
            let mut member = BytesMut::from(member.as_bytes());
            member.put_slice(json);
            cuts.push((Span { start: last_end, end: last_end }, member.freeze()));
        }
    }
}

// === impl Rope ===

impl Rope {
    /// The slices, in order; none is empty.
    pub fn parts(&self) -> &[Bytes] {
        &self.parts
    }

    /// The slices, taken.
    pub fn into_parts(self) -> SmallVec<[Bytes; 5]> {
        self.parts
    }

    /// Bytes in all of them.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it holds no byte.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Everything in one piece; copies unless there is one slice only.
    pub fn to_bytes(&self) -> Bytes {
        match self.parts.as_slice() {
            [] => Bytes::new(),
            [whole] => whole.clone(),
            parts => parts.concat().into(),
        }
    }

    fn push(&mut self, part: Bytes) {
        if !part.is_empty() {
            self.len += part.len();
            self.parts.push(part);
        }
    }
}

impl From<Bytes> for Rope {
    fn from(whole: Bytes) -> Self {
        let mut rope = Self::default();
        rope.push(whole);
        rope
    }
}
