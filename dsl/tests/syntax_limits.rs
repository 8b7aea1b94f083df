//! Hostile and large files: bounded time, bounded stack, few diagnostics.

use std::fmt::Write as _;

use weir_dsl::diag::{Diagnostic, Style, text};
use weir_dsl::span::{Source, SourceId, Sources};
use weir_dsl::syntax::{DEPTH_MAX, DIAGNOSTICS_MAX, format, parse};

/// As large as files may be.
const SIZE: usize = 4 << 20;

fn problems_of(policy: &str) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    parse(SourceId(0), policy, &mut problems);
    problems
}

/// Four times the text may not take more than about four times as long. The factor allows for noise; a quadratic
/// step anywhere would take sixteen times as long.
#[test]
fn repeated_pieces_take_linear_time_and_no_stack() {
    let pieces = [
        "(",
        "[",
        "{",
        "}",
        ")",
        "]",
        "a{",
        "a[",
        "a[b",
        "a.",
        "a..",
        "a.a",
        "not ",
        "f(",
        "x ",
        "\"",
        "\"x",
        "`",
        "'",
        "“",
        "#",
        "\n",
        "a\n",
        "a {\n",
        "}\n",
        ";",
        ",",
        "[1,",
        "$",
        "${",
        "/*",
        "//\n",
        "::",
        "1:",
        "1..",
        "a:",
        "-",
        "é",
        "\u{202e}",
        "рx ",
        "\\",
        "\"\\u{61}",
        "a and ",
        "a or b and ",
        "when ",
        "if x ",
        "a = ",
        "[a b ",
        "  a {\n",
        "`a\n",
        "x\"x\"",
        "[\n# c\n",
        "a && ",
    ];
    for piece in pieces {
        let policy = format!("weir 1\nx {}", piece.repeat(SIZE / 128 / piece.len()));
        let start = cpu();
        let problems = problems_of(&policy);
        let small = cpu() - start;
        assert!(problems.len() <= DIAGNOSTICS_MAX, "{piece:?}");
        let policy = format!("weir 1\nx {}", piece.repeat(SIZE / 32 / piece.len()));
        let start = cpu();
        problems_of(&policy);
        let large = cpu() - start;
        assert!(large < small * 8.0 + 0.1, "{piece:?}: {small} s, then {large} s");
    }
}

/// Seconds of processor time of this thread, so that other work on the machine does not count; 0 where the
/// system does not tell.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    stat.split(' ').next().and_then(|ns| ns.parse::<f64>().ok()).map_or(0.0, |ns| ns / 1e9)
}

#[test]
fn the_deepest_nesting_that_is_allowed_parses_and_one_more_does_not() {
    let depth = usize::try_from(DEPTH_MAX).unwrap_or(0);
    let blocks = |n: usize| format!("weir 1\n{}{}\n", "a { ".repeat(n), "}".repeat(n));
    let groups = |n: usize| format!("weir 1\nlet x = {}a{}\n", "(".repeat(n), ")".repeat(n));
    let lists = |n: usize| format!("weir 1\nlet x = {}1{}\n", "[".repeat(n), "]".repeat(n));
    let nots = |n: usize| format!("weir 1\nlet x = {}a\n", "not ".repeat(n));
    let shapes: [fn(usize) -> String; 4] = [blocks, groups, lists, nots];
    for nested in shapes {
        let (good, bad) = (nested(depth), nested(depth + 1));
        assert!(problems_of(&good).is_empty(), "{good}");
        let mut problems = Vec::new();
        let file = parse(SourceId(0), &good, &mut problems);
        assert!(format(&file, &good).is_ok());
        let codes: Vec<&str> = problems_of(&bad).iter().map(|p| p.code.text()).collect();
        assert_eq!(codes, ["E0003"], "{bad}");
    }
}

#[test]
fn at_most_fifty_diagnostics_are_shown() {
    let mut policy = String::from("weir 1\nendpoint e {\n");
    for _ in 0..600 {
        policy.push_str("  region \"eu\";\n");
    }
    policy.push_str("}\n");
    let problems = problems_of(&policy);
    assert_eq!(problems.len(), DIAGNOSTICS_MAX);
    let mut sources = Sources::default();
    sources.add(Source::new("edge.weir", policy.as_str()));
    let shown = text(&problems, &sources, Style::Plain);
    assert_eq!(shown.matches("error[E0118]").count(), 50);
    assert!(shown.ends_with("500 errors (450 not shown)\n"), "{shown}");
}

#[test]
fn one_huge_line_shows_as_its_place() {
    let policy = format!("weir 1\nlet x = \"{}\" && \n", "a".repeat(1 << 20));
    let problems = problems_of(&policy);
    let mut sources = Sources::default();
    sources.add(Source::new("edge.weir", policy.as_str()));
    let shown = text(&problems, &sources, Style::Plain);
    assert!(shown.len() < 2_000 && shown.contains("--> edge.weir:2:"), "{}", shown.len());
}

#[test]
fn ten_thousand_rules_parse() {
    let mut policy = String::from("weir 1\nendpoint s { provider sim; model \"m\" }\npolicy main {\n");
    for i in 0..10_000 {
        let _ = writeln!(
            policy,
            "  rule t{i} when header.x-tenant == \"t{i}\" and path starts_with \"/v1/\" {{ respond 200 text \"t{i}\" }}"
        );
    }
    policy.push_str("  default { route s }\n}\n");
    let mut problems = Vec::new();
    let start = cpu();
    let file = parse(SourceId(0), &policy, &mut problems);
    let took = cpu() - start;
    assert!(problems.is_empty());
    // 100 ms is the promise of a release build; the debug build has ten times that.
    let limit = if cfg!(debug_assertions) { 1.0 } else { 0.1 };
    assert!(took < limit, "{took} s");
    let start = cpu();
    assert!(format(&file, &policy).is_ok_and(|text| text.lines().count() > 10_000));
    let took = cpu() - start;
    assert!(took < limit * 2.0, "{took} s");
}
