//! The examples that users read first: they parse in silence and are in the canonical layout.
#![expect(clippy::unwrap_used, clippy::string_slice, reason = "a test may panic")]

use std::path::{Path, PathBuf};

use weir_dsl::diag::{Style, text};
use weir_dsl::span::{Source, Sources};
use weir_dsl::syntax::{format, parse};

fn weir_files(dir: &Path, out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            weir_files(&path, out);
        } else if path.extension().is_some_and(|e| e == "weir") {
            out.push(path);
        }
    }
}

#[test]
fn examples_parse_and_are_canonical() {
    let mut files = Vec::new();
    weir_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../conf/examples"), &mut files);
    assert!(files.len() >= 8, "{files:?}");
    for path in files {
        let source = std::fs::read_to_string(&path).unwrap();
        let mut sources = Sources::default();
        let id = sources.add(Source::new(path.display().to_string(), source.as_str()));
        let mut problems = Vec::new();
        let file = parse(id, &source, &mut problems);
        assert!(problems.is_empty(), "{}", text(&problems, &sources, Style::Plain));
        assert!(!file.broken);
        assert_eq!(format(&file, &source).unwrap(), source, "{}", path.display());
    }
}

/// Any prefix of a good file, and any file with one byte gone, ends in diagnostics, not in a panic.
#[test]
fn cut_examples_do_not_panic() {
    let source = include_str!("../../conf/examples/4-classifier-failover.weir");
    for at in (0..source.len()).step_by(5).filter(|at| source.is_char_boundary(*at)) {
        let mut problems = Vec::new();
        parse(weir_dsl::span::SourceId(0), &source[..at], &mut problems);
        assert!(problems.len() <= 5, "{at}: {:?}", shown(&problems));
        let mut problems = Vec::new();
        let cut = format!("{}{}", &source[..at], &source[(at + 1).min(source.len())..]);
        parse(weir_dsl::span::SourceId(0), &cut, &mut problems);
        assert!(problems.len() <= 5, "{at}: {:?}", shown(&problems));
    }
}

fn shown(problems: &[weir_dsl::diag::Diagnostic]) -> Vec<String> {
    problems.iter().map(|p| format!("{} {:?} {}", p.code.text(), p.primary.span, p.message)).collect()
}
