//! Wrong policies and what is said about them: `tests/corpus/syntax/*.txt`.
//!
//! A case is `=== name`, the policy, `---`, and the diagnostics as a person sees them. `<U+202E>` in a policy
//! stands for that character. `UPDATE=1 cargo test -p weir-dsl --test syntax_corpus` writes what is said now;
//! read the difference as somebody would at three in the morning.
#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test may panic, and read its one variable")]

use std::collections::BTreeSet;
use std::path::Path;

use weir_dsl::diag::{Code, Style, text};
use weir_dsl::span::{Source, SourceId, Sources};
use weir_dsl::syntax::{decode, format, parse};

/// What is said about a policy, and which codes are in it.
fn said(policy: &str) -> (String, Vec<Code>) {
    let mut sources = Sources::default();
    let id = sources.add(Source::new("edge.weir", policy));
    let mut problems = Vec::new();
    let file = parse(id, policy, &mut problems);
    assert_eq!(file.broken, format(&file, policy).is_err());
    (text(&problems, &sources, Style::Plain), problems.iter().map(|p| p.code).collect())
}

/// `<U+202E>` as the character.
fn with_characters(policy: &str) -> String {
    let mut parts = policy.split("<U+");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (hex, rest) = part.split_once('>').unwrap();
        out.push(char::from_u32(u32::from_str_radix(hex, 16).unwrap()).unwrap());
        out.push_str(rest);
    }
    out
}

#[test]
fn wrong_policies_say_what_to_do() {
    let update = std::env::var("UPDATE").is_ok();
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/syntax");
    let mut seen = BTreeSet::new();
    let (mut cases, mut failures) = (0, Vec::new());
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let corpus = std::fs::read_to_string(&path).unwrap();
        let mut now = String::new();
        for case in format!("\n{corpus}").split("\n=== ").skip(1) {
            let (name, rest) = case.split_once('\n').unwrap();
            let policy = rest.split_once("\n---\n").map_or(rest, |(policy, _)| policy).trim_end_matches('\n');
            let (words, codes) = said(&with_characters(&format!("{policy}\n")));
            cases += 1;
            if codes.len() != 1 && !name.contains('(') {
                failures.push(format!("{name}: {} diagnostics, and the name does not say so\n{words}", codes.len()));
            }
            seen.extend(codes);
            now.push_str(&format!("=== {name}\n{policy}\n---\n{}\n\n", words.trim_end()));
        }
        let now = format!("{}\n", now.trim_end());
        if update {
            std::fs::write(&path, &now).unwrap();
        } else if now != corpus {
            let differs = now.split("\n=== ").zip(corpus.split("\n=== ")).find(|(a, b)| a.trim_end() != b.trim_end());
            failures.push(format!("{}: {}", path.display(), differs.map_or("", |(a, _)| a)));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
    assert!(cases >= 60, "{cases}");
    // Those of the bytes of a file are below, W0009 is about comments that allow a warning.
    let elsewhere = [Code::E0001, Code::E0002, Code::W0009];
    let of_syntax = |c: &Code| c.text().as_bytes().get(1..3).is_some_and(|d| d == b"00" || d == b"01");
    for code in Code::ALL.iter().filter(|c| of_syntax(c)) {
        assert!(seen.contains(code) || elsewhere.contains(code), "no case shows {}", code.text());
    }
}

#[test]
fn bytes_that_are_no_policy_are_refused() {
    let id = SourceId(0);
    let (text, problem) = decode(id, b"weir 1\nlet x = \"\xe9\"\n", 100);
    let problem = problem.unwrap();
    assert_eq!((problem.code, problem.primary.span.start), (Code::E0001, 16));
    assert!(text.is_char_boundary(16));
    let (_, problem) = decode(id, &[b'#'; 101], 100);
    assert_eq!(problem.unwrap().code, Code::E0002);
    assert!(decode(id, "é".as_bytes(), 2).1.is_none());
}

#[test]
fn explanations_show_a_wrong_and_a_right_file() {
    for code in Code::ALL {
        let page = code.explanation();
        assert!(!code.title().is_empty() && !code.title().ends_with('.'), "{}", code.text());
        let of_syntax = code.text().as_bytes().get(1..3).is_some_and(|d| d == b"01");
        for (kind, block) in blocks(page).into_iter().filter(|_| of_syntax) {
            let (words, codes) = said(&with_characters(block));
            match kind {
                "wrong" => assert!(codes.contains(code), "{}: {block}\n{words}", code.text()),
                _ => assert!(codes.is_empty(), "{}: {block}\n{words}", code.text()),
            }
        }
        if of_syntax {
            let kinds: Vec<&str> = blocks(page).into_iter().map(|(kind, _)| kind).collect();
            assert!(kinds.contains(&"wrong") && kinds.contains(&"right"), "{}", code.text());
        }
    }
}

/// The blocks of a page fenced as `weir wrong` and `weir right`.
fn blocks(page: &str) -> Vec<(&str, &str)> {
    page.split("```weir ").skip(1).filter_map(|b| b.split_once("```")?.0.split_once('\n')).collect()
}
