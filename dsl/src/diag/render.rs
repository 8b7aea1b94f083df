//! Diagnostics as text for a person, in the style of rustc.
//!
//! The drawing is that of `annotate-snippets`; nothing outside of this file knows it. Text of the user never
//! reaches the terminal as it is: control characters and ones that turn the direction of text are made visible.

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{
    Annotation, AnnotationKind, Element, Group, Level, Origin, Renderer, Snippet, normalize_untrusted_str,
};

use super::{Diagnostic, Label, Severity, sorted};
use crate::span::{Source, SourceId, Sources, Span};

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
/// Characters of a line that are shown, with what does not fit cut out around the place.
const LINE_CHARS_MAX: usize = 140;
/// Most source text that is looked at for one diagnostic: one line of a megabyte shows as its place only.
const WINDOW_BYTES_MAX: usize = 64 << 10;

/// Renders diagnostics sorted by file and line, with a summary line at the end; empty for none.
#[must_use]
pub fn text(diagnostics: &[Diagnostic], sources: &Sources, style: Style) -> String {
    if diagnostics.is_empty() {
        return String::new();
    }
    let renderer = match style {
        Style::Plain => Renderer::plain(),
        Style::Colour => Renderer::styled(),
    };
    let renderer = renderer.decor_style(DecorStyle::Ascii).term_width(LINE_CHARS_MAX);
    let mut out = String::new();
    for diagnostic in sorted(diagnostics).into_iter().take(SHOWN_MAX) {
        out.push_str(&renderer.render(&[group(diagnostic, sources)]));
        out.push_str("\n\n");
    }
    out.push_str(&summary(diagnostics));
    out
}

/// `2 errors, 1 warning`, and how many are not shown.
fn summary(diagnostics: &[Diagnostic]) -> String {
    let count = |severity| diagnostics.iter().filter(|d| d.severity == severity).count();
    let plural = |n: usize, word: &str| if n == 1 { format!("1 {word}") } else { format!("{n} {word}s") };
    let parts = [(count(Severity::Error), "error"), (count(Severity::Warning), "warning")];
    let parts: Vec<String> = parts.into_iter().filter(|(n, _)| *n > 0).map(|(n, word)| plural(n, word)).collect();
    let more = diagnostics.len().saturating_sub(SHOWN_MAX);
    let hidden = if more > 0 { format!(" ({more} not shown)") } else { String::new() };
    format!("{}{hidden}\n", parts.join(", "))
}

fn group<'a>(diagnostic: &'a Diagnostic, sources: &'a Sources) -> Group<'a> {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut group = level
        .primary_title(diagnostic.message.as_str())
        .id(diagnostic.code.text())
        .elements(places(diagnostic, sources));
    for help in &diagnostic.help {
        group = group.element(Level::HELP.message(normalize_untrusted_str(help)));
    }
    for note in &diagnostic.notes {
        group = group.element(Level::NOTE.message(normalize_untrusted_str(note)));
    }
    group
}

/// The snippets of a diagnostic: one for each file, its own first, and one for each place that is far away.
fn places<'a>(diagnostic: &'a Diagnostic, sources: &'a Sources) -> Vec<Element<'a>> {
    let home = diagnostic.primary.span.source;
    let mut windows = vec![(home, vec![(AnnotationKind::Primary, &diagnostic.primary)])];
    for label in &diagnostic.secondary {
        let near = windows.iter_mut().find(|(source, labels)| {
            *source == label.span.source
                && labels.iter().all(|(_, other)| distance(other.span, label.span) < WINDOW_BYTES_MAX)
        });
        match near {
            Some((_, labels)) => labels.push((AnnotationKind::Context, label)),
            None => windows.push((label.span.source, vec![(AnnotationKind::Context, label)])),
        }
    }
    windows.iter().filter_map(|(source, labels)| window(*source, labels, sources)).collect()
}

fn distance(a: Span, b: Span) -> usize {
    usize::try_from(a.start.abs_diff(b.start)).unwrap_or(usize::MAX)
}

/// The lines of one file around some labels.
fn window<'a>(source: SourceId, labels: &[(AnnotationKind, &'a Label)], sources: &'a Sources) -> Option<Element<'a>> {
    let file = sources.file(source)?;
    let ranges: Vec<(usize, usize)> = labels.iter().map(|(_, label)| clamp(file, label.span)).collect();
    let start = ranges.iter().map(|(start, _)| *start).min().unwrap_or(0);
    let end = ranges.iter().map(|(_, end)| *end).max().unwrap_or(0);
    let head = file.text().get(..start).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
    let tail = file.text().get(end..).and_then(|after| after.find('\n')).map_or(file.text().len(), |at| end + at);
    let at = file.line_col(u32::try_from(start).unwrap_or(u32::MAX));
    let (line, column) = (to_usize(at.line), to_usize(at.column));
    if tail - head > WINDOW_BYTES_MAX {
        return Some(Origin::path(normalize_untrusted_str(file.name())).line(line).char_column(column).into());
    }
    let annotations = labels
        .iter()
        .zip(&ranges)
        .map(|((kind, label), (start, end))| annotation(*kind, start - head..end - head, label));
    let snippet = Snippet::source(file.text().get(head..tail).unwrap_or_default())
        .line_start(line)
        .path(normalize_untrusted_str(file.name()))
        .annotations(annotations);
    Some(snippet.into())
}

fn annotation(kind: AnnotationKind, range: std::ops::Range<usize>, label: &Label) -> Annotation<'_> {
    let annotation = kind.span(range);
    if label.text.is_empty() { annotation } else { annotation.label(normalize_untrusted_str(&label.text)) }
}

/// A span as indices into the text of its file; one of another set is cut to what there is.
fn clamp(file: &Source, span: Span) -> (usize, usize) {
    let text = file.text();
    let boundary = |n: u32| {
        let n = to_usize(n).min(text.len());
        (0..=n).rev().find(|n| text.is_char_boundary(*n)).unwrap_or(0)
    };
    let (start, end) = (boundary(span.start), boundary(span.end));
    (start, end.max(start))
}

fn to_usize(n: u32) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}
