//! The same diagnostics for a person, in colour, as JSON and as SARIF: `tests/corpus/diag/`, written by `UPDATE=1`.
#![expect(clippy::disallowed_methods, reason = "a test may read its one variable")]

use std::path::Path;

use weir_dsl::diag::{Code, Diagnostic, Style, json, sarif, text};
use weir_dsl::span::{Source, SourceId, Sources, Span};
use weir_dsl::syntax::parse;

const ROOT: &str =
    "weir 1\n\nimport \"teams/a b.weir\" as a\n\npolicy main {\n  rule é when model = \"x\" { route a }\n}\n";
const TEAM: &str = "weir 1\n\npolicy a {\n  rule x when stream && uses.tools { route \"\u{1b}[31m\" }\n}\n";

/// Two files, mistakes in both, a second place in the other file, and text that would like to reach the terminal.
fn diagnostics() -> (Vec<Diagnostic>, Sources) {
    let mut sources = Sources::default();
    let root = sources.add(Source::new("main.weir", ROOT));
    let team = sources.add(Source::new("teams/a b.weir", TEAM));
    let mut all = Vec::new();
    parse(team, TEAM, &mut all);
    parse(root, ROOT, &mut all);
    let import = Span::new(root, 8, 36);
    all.push(
        Diagnostic::new(Code::W0101, Span::new(team, 8, 14), "a warning about `\u{1b}[1m`")
            .label("here \u{1b}[1m")
            .also(import, "it is imported here")
            .help("first line of help \u{1b}[1m")
            .note("a note"),
    );
    all.push(Diagnostic::new(Code::W0101, Span::new(SourceId(9), 5, 9), "about a file that is not there"));
    (all, sources)
}

#[test]
fn every_form_shows_the_same_diagnostics() {
    let (all, sources) = diagnostics();
    let forms = [
        ("text.txt", text(&all, &sources, Style::Plain)),
        ("colour.txt", text(&all, &sources, Style::Colour).replace('\u{1b}', "ESC")),
        ("json.json", json(&all, &sources)),
        ("sarif.json", sarif(&all, &sources)),
    ];
    for (name, now) in forms {
        assert!(!now.contains('\u{1b}'), "{name}");
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/diag").join(name);
        if std::env::var("UPDATE").is_ok() {
            std::fs::write(&path, format!("{now}\n")).unwrap();
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("{now}\n"), "{name}");
    }
}

#[test]
fn the_order_of_finding_does_not_matter() {
    let (mut all, sources) = diagnostics();
    let forms = |all: &[Diagnostic]| (text(all, &sources, Style::Plain), json(all, &sources), sarif(all, &sources));
    let before = forms(&all);
    all.reverse();
    assert_eq!(before, forms(&all));
}

#[test]
fn nothing_found_is_nothing_shown() {
    let sources = Sources::default();
    assert_eq!(text(&[], &sources, Style::Plain), "");
    assert_eq!(json(&[], &sources), r#"{"diagnostics":[],"errors":0,"warnings":0}"#);
}
