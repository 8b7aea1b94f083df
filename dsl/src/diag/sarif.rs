//! Diagnostics as SARIF 2.1.0, for code scanning in CI:
//! <https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>.

use std::collections::BTreeSet;

use super::json::{array, object, severity, string, uri};
use super::{Code, Diagnostic, Fix, sorted};
use crate::span::{Sources, Span};

/// A SARIF 2.1.0 log with one run; the rules are the codes that occur.
#[must_use]
pub fn sarif(diagnostics: &[Diagnostic], sources: &Sources) -> String {
    let codes: Vec<Code> = diagnostics.iter().map(|d| d.code).collect::<BTreeSet<_>>().into_iter().collect();
    let driver = object([
        ("name", string("weir")),
        ("version", string(env!("CARGO_PKG_VERSION"))),
        ("rules", array(codes.iter().map(|c| rule(*c)))),
    ]);
    let results = sorted(diagnostics).into_iter().map(|d| result(d, &codes, sources));
    let run = object([
        ("tool", object([("driver", driver)])),
        ("columnKind", string("unicodeCodePoints")),
        ("results", array(results)),
    ]);
    object([
        ("$schema", string("https://json.schemastore.org/sarif-2.1.0.json")),
        ("version", string("2.1.0")),
        ("runs", array([run])),
    ])
}

fn rule(code: Code) -> String {
    object([
        ("id", string(code.text())),
        ("shortDescription", message(code.title())),
        ("help", message(code.explanation())),
        ("defaultConfiguration", object([("level", string(severity(code.severity())))])),
    ])
}

fn result(diagnostic: &Diagnostic, codes: &[Code], sources: &Sources) -> String {
    let index = codes.binary_search(&diagnostic.code).unwrap_or(0);
    let words: Vec<&str> = std::iter::once(diagnostic.message.as_str())
        .chain(diagnostic.help.iter().map(String::as_str))
        .chain(diagnostic.notes.iter().map(String::as_str))
        .collect();
    let known = sources.file(diagnostic.primary.span.source).is_some();
    let place = known.then(|| location(diagnostic.primary.span, None, sources));
    let related = diagnostic.secondary.iter().map(|l| location(l.span, Some(&l.text), sources));
    let mut members = vec![
        ("ruleId", string(diagnostic.code.text())),
        ("ruleIndex", index.to_string()),
        ("level", string(severity(diagnostic.severity))),
        ("message", message(&words.join("\n"))),
        ("locations", array(place)),
        ("relatedLocations", array(related)),
    ];
    if !diagnostic.fixes.is_empty() {
        members.push(("fixes", array([fix(diagnostic, sources)])));
    }
    object(members)
}

fn message(text: &str) -> String {
    object([("text", string(text))])
}

fn location(span: Span, words: Option<&str>, sources: &Sources) -> String {
    let physical = object([("artifactLocation", artifact(span, sources)), ("region", region(span, sources))]);
    let words = words.map(|words| ("message", message(words)));
    object(std::iter::once(("physicalLocation", physical)).chain(words))
}

fn artifact(span: Span, sources: &Sources) -> String {
    object([("uri", string(&sources.file(span.source).map(uri).unwrap_or_default()))])
}

fn region(span: Span, sources: &Sources) -> String {
    let Some(file) = sources.file(span.source) else { return object([]) };
    let (start, end) = (file.line_col(span.start), file.line_col(span.end));
    object([
        ("startLine", start.line.to_string()),
        ("startColumn", start.column.to_string()),
        ("endLine", end.line.to_string()),
        ("endColumn", end.column.to_string()),
        ("byteOffset", span.start.to_string()),
        ("byteLength", span.end.saturating_sub(span.start).to_string()),
    ])
}

/// All changes of a diagnostic as one fix.
fn fix(diagnostic: &Diagnostic, sources: &Sources) -> String {
    let change = |fix: &Fix| {
        let inserted = object([("text", string(&fix.text))]);
        let replacement = object([("deletedRegion", region(fix.span, sources)), ("insertedContent", inserted)]);
        object([("artifactLocation", artifact(fix.span, sources)), ("replacements", array([replacement]))])
    };
    let words = diagnostic.help.first().unwrap_or(&diagnostic.message);
    let changes = array(diagnostic.fixes.iter().map(change));
    object([("description", message(words)), ("artifactChanges", changes)])
}
