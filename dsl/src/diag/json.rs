//! Diagnostics as JSON, and the few functions that write JSON at all: this crate has no JSON library.

use super::{Diagnostic, Label, Severity, sorted};
use crate::span::{Source, Sources, Span};

/// `{"diagnostics":[…],"errors":n,"warnings":n}` with all of them, sorted by file and line.
///
/// A place is `{"file","line","column","end_line","end_column","start","end"}`: lines and columns count from 1,
/// columns in characters, `start` and `end` are bytes. `fixes` of one diagnostic belong together.
#[must_use]
pub fn json(diagnostics: &[Diagnostic], sources: &Sources) -> String {
    let all = array(sorted(diagnostics).into_iter().map(|d| diagnostic(d, sources)));
    let count = |severity| diagnostics.iter().filter(|d| d.severity == severity).count().to_string();
    let members = [("diagnostics", all), ("errors", count(Severity::Error)), ("warnings", count(Severity::Warning))];
    object(members)
}

fn diagnostic(diagnostic: &Diagnostic, sources: &Sources) -> String {
    let fixes = diagnostic.fixes.iter().map(|fix| {
        let text = [("text", string(&fix.text))];
        object(place(fix.span, sources).into_iter().chain(text))
    });
    let head = [
        ("code", string(diagnostic.code.text())),
        ("severity", string(severity(diagnostic.severity))),
        ("message", string(&diagnostic.message)),
    ];
    let rest = [
        ("label", string(&diagnostic.primary.text)),
        ("secondary", array(diagnostic.secondary.iter().map(|l| label(l, sources)))),
        ("help", array(diagnostic.help.iter().map(|h| string(h)))),
        ("notes", array(diagnostic.notes.iter().map(|n| string(n)))),
        ("fixes", array(fixes)),
    ];
    object(head.into_iter().chain(place(diagnostic.primary.span, sources)).chain(rest))
}

fn label(label: &Label, sources: &Sources) -> String {
    let text = [("text", string(&label.text))];
    object(place(label.span, sources).into_iter().chain(text))
}

fn place(span: Span, sources: &Sources) -> Vec<(&'static str, String)> {
    let Some(file) = sources.file(span.source) else { return Vec::new() };
    let (start, end) = (file.line_col(span.start), file.line_col(span.end));
    vec![
        ("file", string(file.name())),
        ("line", start.line.to_string()),
        ("column", start.column.to_string()),
        ("end_line", end.line.to_string()),
        ("end_column", end.column.to_string()),
        ("start", span.start.to_string()),
        ("end", span.end.to_string()),
    ]
}

/// The name of a severity, the same in JSON and in SARIF.
pub(super) fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

/// The name of a file as a relative URI: what is no plain path character is percent-encoded.
pub(super) fn uri(file: &Source) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'.' | b'-' | b'_' | b'~');
    let encode = |b: u8| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") };
    file.name().bytes().map(encode).collect()
}

// --- writing JSON -------------------------------------------------------------------------------------------

/// A JSON object of members that are JSON already.
pub(super) fn object<'a>(members: impl IntoIterator<Item = (&'a str, String)>) -> String {
    let members: Vec<String> = members.into_iter().map(|(name, value)| format!("{}:{value}", string(name))).collect();
    format!("{{{}}}", members.join(","))
}

/// A JSON array of values that are JSON already.
pub(super) fn array(items: impl IntoIterator<Item = String>) -> String {
    let items: Vec<String> = items.into_iter().collect();
    format!("[{}]", items.join(","))
}

/// A JSON string, RFC 8259 section 7.
pub(super) fn string(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') => {
                out.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
