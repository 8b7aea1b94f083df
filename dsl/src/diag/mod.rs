//! Diagnostics: what is wrong, where, why, and what to write instead.
//!
//! A [`Diagnostic`] is plain data; [`text`] turns it into text for a terminal, [`json()`] and
//! [`sarif`] into data for machines.
//! This module refuses to know how problems are found. Message rules (`language.md` §13): lower case, no full
//! stop, user text in back-ticks, the primary span as narrow as possible, one `help` that can be pasted.

use crate::span::Span;

pub mod code;
mod json;
mod render;
mod sarif;

pub use code::Code;
pub use json::json;
pub use render::{SHOWN_MAX, Style, text};
pub use sarif::sarif;

/// How bad it is.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Severity {
    /// The policy runs.
    Warning,
    /// The policy does not compile.
    Error,
}

/// A place with a few words about it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Label {
    /// Where.
    pub span: Span,
    /// What is there; may be empty for the primary place.
    pub text: String,
}

/// A change that a tool may apply: replace `span` by `text`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Fix {
    /// What to replace; an empty span inserts.
    pub span: Span,
    /// The new text.
    pub text: String,
}

/// One problem.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Diagnostic {
    /// The stable code, `E0201`.
    pub code: Code,
    /// Error or warning, after levels of the configuration.
    pub severity: Severity,
    /// First line.
    pub message: String,
    /// The narrowest place.
    pub primary: Label,
    /// Places that show the reason.
    pub secondary: Vec<Label>,
    /// Lines that can be pasted.
    pub help: Vec<String>,
    /// Further facts.
    pub notes: Vec<String>,
    /// Machine-applicable changes; empty when none is safe.
    pub fixes: Vec<Fix>,
}

// === impl Diagnostic ===

impl Diagnostic {
    /// A problem of a code at a place; severity follows from the code's letter.
    #[must_use]
    pub fn new(code: Code, span: Span, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: code.severity(),
            message: message.into(),
            primary: Label { span, text: String::new() },
            secondary: Vec::new(),
            help: Vec::new(),
            notes: Vec::new(),
            fixes: Vec::new(),
        }
    }

    /// Words under the primary place.
    #[must_use]
    pub fn label(mut self, text: impl Into<String>) -> Self {
        self.primary.text = text.into();
        self
    }

    /// A second place that shows the reason.
    #[must_use]
    pub fn also(mut self, span: Span, text: impl Into<String>) -> Self {
        self.secondary.push(Label { span, text: text.into() });
        self
    }

    /// What to write instead.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help.push(text.into());
        self
    }

    /// A further fact.
    #[must_use]
    pub fn note(mut self, text: impl Into<String>) -> Self {
        self.notes.push(text.into());
        self
    }

    /// A safe change.
    #[must_use]
    pub fn fix(mut self, span: Span, text: impl Into<String>) -> Self {
        self.fixes.push(Fix { span, text: text.into() });
        self
    }
}

/// In the order in which they are shown: by file, then by place, errors before warnings.
fn sorted(diagnostics: &[Diagnostic]) -> Vec<&Diagnostic> {
    let mut all: Vec<&Diagnostic> = diagnostics.iter().collect();
    all.sort_by_key(|d| (d.primary.span, std::cmp::Reverse(d.severity), d.code));
    all
}
