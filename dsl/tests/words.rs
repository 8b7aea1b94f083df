//! The vocabulary: every example of a word that works compiles, every other word is refused by name, and the
//! generated pages are fresh. `UPDATE=1` rewrites the pages.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test may panic, and UPDATE=1 rewrites what it compares with"
)]

use std::path::Path;

use weir_dsl::diag::{Code, Severity};
use weir_dsl::words::{self, Availability, Place, Word, docs, fields, kinds};
use weir_dsl::{Compilation, MemoryLoader, Options, compile};

/// What the examples of the tables may name.
const AROUND: &str = "weir 1
endpoint spare { provider sim }
endpoint other { provider sim }
bundle seen2 { log meta }
";

/// A whole policy around an example.
fn policy(word: &Word) -> String {
    let example = word.example;
    let main = "policy main { default { route spare } }";
    match word.place {
        Place::Top if word.name == "weir" => format!("{example}\nendpoint spare {{ provider sim }}\n{main}\n"),
        Place::Top => format!("{AROUND}{example}\n{main}\n"),
        Place::Endpoint if word.name == "provider" => {
            format!("{AROUND}endpoint x {{ {example}; key secret(\"env:K\") }}\n{main}\n")
        }
        Place::Endpoint => {
            format!("{AROUND}endpoint x {{ provider compatible; url \"http://h/v1\"\n {example} }}\n{main}\n")
                .replace("; url \"http://h/v1\"\n url", "\n url")
        }
        Place::Model => format!("{AROUND}endpoint x {{ provider sim; model \"m\" {{ {example} }} }}\n{main}\n"),
        Place::Pool if word.name == "member" => format!("{AROUND}pool x {{ {example} }}\n{main}\n"),
        Place::Pool => format!("{AROUND}pool x {{ member spare; member other; {example} }}\n{main}\n"),
        Place::Policy if word.name == "default" => format!("{AROUND}policy p {{ {example} }}\n"),
        Place::Policy => format!("{AROUND}policy p {{ {example}\n default {{ route other }} }}\n"),
        Place::Actions if word.terminal => format!("{AROUND}policy p {{ default {{ {example} }} }}\n"),
        Place::Actions => {
            format!("{AROUND}bundle seen {{ log meta }}\npolicy p {{ default {{ {example}; route spare }} }}\n")
        }
        Place::Route => format!("{AROUND}policy p {{ default {{ route spare {{ {example} }} }} }}\n"),
        Place::Split => format!("{AROUND}policy p {{ default {{ split {{ {example} }} }} }}\n"),
        Place::Table
        | Place::Schedule
        | Place::Auth
        | Place::Limit
        | Place::Budget
        | Place::Redaction
        | Place::Cache
        | Place::Classifier
        | Place::Delegate
        | Place::Overlay
        | Place::Test
        | Place::Case
        | Place::Given
        | Place::Expect => String::new(),
    }
}

fn check(policy: &str) -> Compilation {
    compile("main.weir", &MemoryLoader::one("main.weir", policy), &Options::default())
}

fn errors(found: &Compilation) -> Vec<String> {
    let errors = found.diagnostics.iter().filter(|d| d.severity == Severity::Error);
    errors.map(|d| format!("{} {}", d.code.text(), d.message)).collect()
}

#[test]
fn every_example_compiles_or_is_refused_by_name() {
    let mut wrongs = Vec::new();
    for word in words::all() {
        let policy = policy(word);
        if policy.is_empty() {
            continue;
        }
        let found = check(&policy);
        let ok = match word.availability {
            Availability::Now => found.hir.is_some(),
            Availability::Later => {
                let refused = found.diagnostics.iter().filter(|d| d.code == Code::E0210);
                refused.filter(|d| d.message.starts_with(&format!("`{}` is part", word.name))).count() == 1
            }
        };
        if !ok {
            wrongs.push(format!("{:?} {}: {:?}\n{policy}", word.place, word.name, errors(&found)));
        }
    }
    assert!(wrongs.is_empty(), "{}", wrongs.join("\n"));
}

#[test]
fn every_field_example_compiles_or_is_refused() {
    let mut wrongs = Vec::new();
    for field in fields::FIELDS {
        let policy = format!(
            "{AROUND}pool chat {{ member spare }}\npolicy p {{ rule x when {} {{ deny 404 \"no\" }}\n default {{ route chat }} }}\n",
            field.example
        );
        let found = check(&policy);
        let ok = match field.availability {
            Availability::Now => found.hir.is_some(),
            Availability::Later => found.diagnostics.iter().any(|d| d.code == Code::E0210),
        };
        if !ok {
            wrongs.push(format!("{}: {:?}", field.example, errors(&found)));
        }
    }
    assert!(wrongs.is_empty(), "{}", wrongs.join("\n"));
}

#[test]
fn rows_are_well_formed() {
    for word in words::all() {
        assert!(word.doc.starts_with(|c: char| c.is_lowercase()), "{}: {}", word.name, word.doc);
        assert!(word.example.starts_with(word.name), "{}: {}", word.name, word.example);
        assert!(!kinds::RESERVED.contains(&word.name), "{}", word.name);
        assert_eq!(words::all().filter(|w| w.place == word.place && w.name == word.name).count(), 1, "{}", word.name);
    }
    for (foreign, _) in kinds::FOREIGN {
        assert!(words::all().all(|w| w.name != *foreign), "{foreign} is a word of ours");
    }
}

fn fresh(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(name);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let on_disk = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(on_disk == text, "docs/{name} is stale: UPDATE=1 cargo test -p weir-dsl --test words");
}

#[test]
fn language_page_is_fresh() {
    fresh("language.md", &docs::language());
}

/// What follows the section for clients is the proxy's; this crate answers for what stands above it.
#[test]
fn errors_page_is_fresh() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/errors.md");
    let on_disk = std::fs::read_to_string(path).unwrap_or_default();
    let runtime = on_disk.split_once(docs::RUNTIME_HEADING).map_or("", |(_, rest)| rest.trim_start_matches('\n'));
    fresh("errors.md", &docs::errors(runtime));
}
