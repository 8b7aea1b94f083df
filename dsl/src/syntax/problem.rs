//! What is wrong with one token, in bytes from its start: a [`Diagnostic`] that does not know its place yet.

use std::ops::Range;

use crate::diag::{Code, Diagnostic};
use crate::span::{SourceId, Span};

/// A problem inside a token.
#[derive(Clone, Debug)]
pub(super) struct Problem(Box<Parts>);

#[derive(Clone, Debug)]
struct Parts {
    code: Code,
    at: Range<usize>,
    message: String,
    label: String,
    help: Option<String>,
    fix: Option<(Range<usize>, String)>,
    /// The fix is a word, and words do not touch.
    spaced: bool,
}

// === impl Problem ===

impl Problem {
    pub(super) fn new(code: Code, at: Range<usize>, message: impl Into<String>) -> Self {
        let message = message.into();
        Self(Box::new(Parts { code, at, message, label: String::new(), help: None, fix: None, spaced: false }))
    }

    pub(super) fn label(mut self, text: impl Into<String>) -> Self {
        self.0.label = text.into();
        self
    }

    pub(super) fn help(mut self, text: impl Into<String>) -> Self {
        self.0.help = Some(text.into());
        self
    }

    /// Replaces the place of the problem.
    pub(super) fn replace(self, text: impl Into<String>) -> Self {
        let at = self.0.at.clone();
        self.fix(at, text)
    }

    /// Replaces the place of the problem by a word, with spaces around it where there are none.
    pub(super) fn replace_word(self, text: impl Into<String>) -> Self {
        let mut problem = self.replace(text);
        problem.0.spaced = true;
        problem
    }

    pub(super) fn fix(mut self, at: Range<usize>, text: impl Into<String>) -> Self {
        self.0.fix = Some((at, text.into()));
        self
    }

    /// The same problem of a piece that begins `by` bytes into the token.
    pub(super) fn shift(mut self, by: usize) -> Self {
        let shift = |r: &mut Range<usize>| *r = r.start + by..r.end + by;
        shift(&mut self.0.at);
        if let Some((at, _)) = &mut self.0.fix {
            shift(at);
        }
        self
    }

    /// The diagnostic of a token that begins at `start`, between the texts `before` and `after`.
    pub(super) fn diagnostic(self, source: SourceId, start: u32, before: &str, after: &str) -> Diagnostic {
        let place = |r: Range<usize>| {
            let offset = |n: usize| start.saturating_add(u32::try_from(n).unwrap_or(u32::MAX));
            Span::new(source, offset(r.start), offset(r.end))
        };
        let parts = *self.0;
        let mut diagnostic = Diagnostic::new(parts.code, place(parts.at), parts.message).label(parts.label);
        if let Some(help) = parts.help {
            diagnostic = diagnostic.help(help);
        }
        if let Some((at, mut text)) = parts.fix {
            if parts.spaced && before.chars().next_back().is_some_and(|c| !c.is_whitespace()) {
                text.insert(0, ' ');
            }
            if parts.spaced && after.chars().next().is_some_and(|c| !c.is_whitespace()) {
                text.push(' ');
            }
            diagnostic = diagnostic.fix(place(at), text);
        }
        diagnostic
    }
}

/// User text for a message: at most 60 characters of one line.
pub(super) fn excerpt(text: &str) -> String {
    const SHOWN: usize = 60;
    let line = text.lines().next().unwrap_or_default();
    let mut out: String = line.chars().take(SHOWN).collect();
    if out.len() < text.len() {
        out.push('…');
    }
    out
}
