//! Where things stand in the source: byte ranges, files and line tables.
//!
//! Positions are byte offsets everywhere; lines and columns are computed only when something is shown to a
//! person or an editor. This module refuses to know what the text means.

use std::sync::Arc;

/// Which loaded file a [`Span`] points into: an index into [`Sources`].
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SourceId(pub u32);

/// A half-open byte range `start..end` in one file. Both ends lie on character boundaries.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Span {
    /// The file.
    pub source: SourceId,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// A span from its parts.
    #[must_use]
    pub const fn new(source: SourceId, start: u32, end: u32) -> Self {
        Self { source, start, end }
    }

    /// The smallest span that covers both; `other` must be in the same file.
    #[must_use]
    pub fn to(self, other: Self) -> Self {
        Self { source: self.source, start: self.start.min(other.start), end: self.end.max(other.end) }
    }
}

/// One loaded file: its name as the user wrote it, and its text.
#[derive(Clone, Debug)]
pub struct Source {
    name: Arc<str>,
    text: Arc<str>,
    /// Byte offset of the first byte of every line; the first entry is 0.
    lines: Vec<u32>,
}

/// A position for people: both numbers count from 1, columns in characters.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct LineCol {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

/// Every file that took part in one compilation, in the order of loading; the root policy comes first.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    files: Vec<Source>,
}

// === impl Source ===

impl Source {
    /// Takes a file's text and builds its line table.
    #[must_use]
    pub fn new(name: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> Self {
        let text = text.into();
        let lines = std::iter::once(0)
            .chain(text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(i, _)| offset(i) + 1))
            .collect();
        Self { name: name.into(), text, lines }
    }

    /// The name to show, as written by the user or in the `import`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The whole text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Line and column of a byte offset; an offset past the end counts as the end.
    #[must_use]
    pub fn line_col(&self, at: u32) -> LineCol {
        let line = self.lines.partition_point(|start| *start <= at).max(1);
        let start = self.lines.get(line - 1).copied().unwrap_or(0);
        let column = self.text.get(index(start)..index(at).min(self.text.len())).map_or(0, |s| s.chars().count());
        LineCol { line: offset(line), column: offset(column) + 1 }
    }
}

// === impl Sources ===

impl Sources {
    /// Adds a file and returns its id.
    pub fn add(&mut self, source: Source) -> SourceId {
        let id = SourceId(offset(self.files.len()));
        self.files.push(source);
        id
    }

    /// The file behind an id; `None` only for an id of another set.
    #[must_use]
    pub fn file(&self, id: SourceId) -> Option<&Source> {
        self.files.get(index(id.0))
    }

    /// All files, root first.
    pub fn files(&self) -> impl Iterator<Item = (SourceId, &Source)> {
        self.files.iter().enumerate().map(|(i, f)| (SourceId(offset(i)), f))
    }

    /// The text under a span; empty for a span of another set.
    #[must_use]
    pub fn text(&self, span: Span) -> &str {
        self.file(span.source).and_then(|f| f.text.get(index(span.start)..index(span.end))).unwrap_or("")
    }

    /// `file:line:col` of a span's start, as printed in messages.
    #[must_use]
    pub fn locate(&self, span: Span) -> String {
        self.file(span.source).map_or_else(String::new, |f| {
            let at = f.line_col(span.start);
            format!("{}:{}:{}", f.name, at.line, at.column)
        })
    }
}

/// Files are refused above 4 MiB (`language.md` §16), so every offset fits.
fn offset(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

fn index(n: u32) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}
