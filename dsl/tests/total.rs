//! The compiler is total and its time grows with the text, not faster.

use std::fmt::Write as _;

use proptest::prelude::*;
use weir_dsl::diag::Code;
use weir_dsl::{MemoryLoader, Options, compile};

/// Words that meet each other in odd places.
const PIECES: &[&str] = &[
    "weir 1\n",
    "endpoint",
    "pool",
    "policy",
    "rule",
    "default",
    "apply",
    "route",
    "split",
    "to",
    "deny",
    "404",
    "\"x\"",
    "{",
    "}",
    "[",
    "]",
    "(",
    ")",
    "=",
    "==",
    "!=",
    "in",
    "not",
    "and",
    "or",
    "when",
    "\n",
    ";",
    ",",
    "model",
    "header.x-a",
    "a",
    "b",
    "let",
    "list",
    "10.0.0.0/8",
    "5xx",
    "50%",
    "3s",
    "$2",
    "..",
    "lower",
    "like",
    "`^a`",
    "is",
    "present",
    "alias",
    "bundle",
    "use",
    "member",
    "on",
    "fallback",
    "limit",
    "test",
    "set",
    "param.n",
    "contains",
    "any",
    "client.ip",
    "08:00",
    "mon",
    "time.weekday",
    "body.a[*].b",
    "true",
];

proptest! {
    #[test]
    fn any_text_gives_a_compilation(text in any::<String>()) {
        let found = compile("main.weir", &MemoryLoader::one("main.weir", text), &Options::default());
        prop_assert_eq!(found.hir.is_none(), found.has_errors());
    }

    #[test]
    fn any_bytes_give_a_compilation(bytes in any::<Vec<u8>>()) {
        let found = compile("main.weir", &MemoryLoader::one("main.weir", bytes), &Options::default());
        prop_assert_eq!(found.hir.is_none(), found.has_errors());
    }

    #[test]
    fn any_words_give_a_compilation(words in prop::collection::vec(prop::sample::select(PIECES), 0..60)) {
        let text = format!("weir 1\n{}", words.join(" "));
        let found = compile("main.weir", &MemoryLoader::one("main.weir", text.clone()), &Options::default());
        prop_assert_eq!(found.hir.is_none(), found.has_errors());
        for d in &found.diagnostics {
            let end = usize::try_from(d.primary.span.end).unwrap();
            prop_assert!(end <= text.len(), "{:?}", d);
        }
    }
}

/// `let` names double at each step; the limit must hold before the expansion does.
#[test]
fn doubling_names_do_not_explode() {
    let mut policy = String::from("weir 1\nendpoint a { provider sim }\nlet n0 = stream or uses.tools\n");
    for i in 1..40 {
        let _ = writeln!(policy, "let n{i} = n{} and n{}", i - 1, i - 1);
    }
    policy.push_str("policy p { rule x when n39 { deny 403 \"no\" }\n default { route a } }\n");
    let found = compile("main.weir", &MemoryLoader::one("main.weir", policy), &Options::default());
    assert!(found.diagnostics.iter().any(|d| d.code == Code::E0309), "{:?}", found.diagnostics);
}

#[test]
fn doubling_constants_do_not_explode() {
    let mut policy = String::from("weir 1\nendpoint a { provider sim }\nlet n0 = true\n");
    for i in 1..40 {
        let _ = writeln!(policy, "let n{i} = n{} and n{}", i - 1, i - 1);
    }
    policy.push_str("policy p { rule x when n39 { deny 403 \"no\" }\n default { route a } }\n");
    let found = compile("main.weir", &MemoryLoader::one("main.weir", policy), &Options::default());
    assert!(found.diagnostics.iter().any(|d| d.code == Code::E0309), "{:?}", found.diagnostics);
}

/// Bundles that use each other twice would grow without a limit of their own.
#[test]
fn doubling_bundles_do_not_explode() {
    let mut policy = String::from("weir 1\nendpoint a { provider sim }\nbundle n0 { tag a \"b\"; tag c \"d\" }\n");
    for i in 1..40 {
        let _ = writeln!(policy, "bundle n{i} {{ use n{}; use n{} }}", i - 1, i - 1);
    }
    policy.push_str("policy p { default { use n39; route a } }\n");
    let found = compile("main.weir", &MemoryLoader::one("main.weir", policy), &Options::default());
    assert!(found.diagnostics.iter().any(|d| d.code == Code::E0309), "{:?}", found.diagnostics);
}
