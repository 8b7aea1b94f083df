//! Every diagnostic code: its page has a wrong file that gives it and a right one that does not, and what is said
//! about the wrong file is a snapshot under `corpus/check/`. `UPDATE=1` rewrites the snapshots.
#![expect(clippy::disallowed_methods, reason = "a test may panic, and UPDATE=1 rewrites what it compares with")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use weir_dsl::diag::{Code, Diagnostic, Severity};
use weir_dsl::span::Sources;
use weir_dsl::{Compilation, MemoryLoader, Options, compile};

/// Files that examples may name.
fn files(policy: &str) -> MemoryLoader {
    MemoryLoader::one("main.weir", policy)
        .and("prompt.txt", "Answer briefly.\n")
        .and("nets.txt", "# offices\n10.0.0.0/8\n2001:db8::/32\n\n192.168.1.1\n")
        .and("bad.txt", "10.0.0.0/8\nnot-a-network\n10.0.0.1/8\n")
        .and("words.txt", "alpha\nbeta\n")
}

fn check(policy: &str) -> Compilation {
    compile("main.weir", &files(policy), &Options::default())
}

/// The first fenced block of a kind on a page.
fn example<'a>(page: &'a str, kind: &str) -> Option<&'a str> {
    let (_, rest) = page.split_once(&format!("```weir {kind}\n"))?;
    rest.split_once("```").map(|(body, _)| body)
}

fn snapshot(problems: &[Diagnostic], sources: &Sources) -> String {
    let mut out = String::new();
    for d in problems {
        let severity = if d.severity == Severity::Error { "error" } else { "warning" };
        let at = |span| format!("{} `{}`", sources.locate(span), sources.text(span).replace('\n', "⏎"));
        let _ = writeln!(
            out,
            "{severity}[{}] {}\n  at {} {}",
            d.code.text(),
            d.message,
            at(d.primary.span),
            d.primary.text
        );
        for label in &d.secondary {
            let _ = writeln!(out, "  and {} {}", at(label.span), label.text);
        }
        for help in &d.help {
            let _ = writeln!(out, "  help: {help}");
        }
        for note in &d.notes {
            let _ = writeln!(out, "  note: {note}");
        }
        for fix in &d.fixes {
            let _ = writeln!(out, "  fix: {} -> `{}`", at(fix.span), fix.text);
        }
    }
    out.lines().map(str::trim_end).collect::<Vec<_>>().join("\n") + "\n"
}

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/check")
}

/// Compares with a file, or writes it.
fn expect(path: &Path, actual: &str) -> Result<(), String> {
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path, actual).map_err(|e| e.to_string())?;
        return Ok(());
    }
    let expected = std::fs::read_to_string(path).unwrap_or_default();
    if expected == actual {
        Ok(())
    } else {
        Err(format!("{}\n--- expected\n{expected}--- got\n{actual}", path.display()))
    }
}

/// Codes of the checker: those of the syntax have tests beside the parser.
fn of_the_checker(code: Code) -> bool {
    !code.text().starts_with("E00") && !code.text().starts_with("E01") && !code.text().starts_with("W01")
}

#[test]
fn every_page_shows_what_it_says() {
    let mut wrongs = Vec::new();
    for code in Code::ALL.iter().copied().filter(|c| of_the_checker(*c)) {
        let page = code.explanation();
        let (Some(wrong), Some(right)) = (example(page, "wrong"), example(page, "right")) else {
            wrongs.push(format!("{}: the page lacks an example", code.text()));
            continue;
        };
        let found = check(wrong);
        if !found.diagnostics.iter().any(|d| d.code == code) {
            wrongs.push(format!(
                "{}: the wrong example gives\n{}",
                code.text(),
                snapshot(&found.diagnostics, &found.sources)
            ));
        }
        let clean = check(right);
        if clean.hir.is_none() || clean.diagnostics.iter().any(|d| d.code == code) {
            wrongs.push(format!(
                "{}: the right example gives\n{}",
                code.text(),
                snapshot(&clean.diagnostics, &clean.sources)
            ));
        }
        let path = corpus().join(format!("{}.txt", code.text()));
        wrongs.extend(expect(&path, &snapshot(&found.diagnostics, &found.sources)).err());
    }
    assert!(wrongs.is_empty(), "{}", wrongs.join("\n"));
}

/// Every `NAME.weir` of the corpus has its `NAME.txt`.
#[test]
fn corpus_says_what_it_said() {
    let mut wrongs = Vec::new();
    let mut seen = 0;
    for entry in std::fs::read_dir(corpus()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "weir") {
            seen += 1;
            let found = check(&std::fs::read_to_string(&path).unwrap());
            wrongs.extend(expect(&path.with_extension("txt"), &snapshot(&found.diagnostics, &found.sources)).err());
        }
    }
    assert!(seen > 0);
    assert!(wrongs.is_empty(), "{}", wrongs.join("\n"));
}
