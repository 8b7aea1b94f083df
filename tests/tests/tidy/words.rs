//! Words that mark unfinished work, paths of one machine, files too large to clone.

use crate::source::{Source, Violation};

const LARGE_FILE_BYTES: u64 = 5 * 1024 * 1024;

/// Spelled with a `·` so that this table does not find itself. The flag says whether case matters.
const UNFINISHED: &[(&str, bool)] = &[
    ("TO·DO", true),
    ("FIX·ME", true),
    ("XX·X", true),
    ("to·do!", false),
    ("un·implemented!", false),
    ("not imp·lemented", false),
    ("not yet imp·lemented", false),
    ("place·holder", false),
    ("place·holders", false),
    ("for n·ow", false),
    ("st·ub", false),
    ("st·ubs", false),
    ("st·ubbed", false),
    ("dum·my", false),
    ("simplified ver·sion", false),
];

const MACHINE_PATHS: &[&str] = &["/wo·rk/", "/ro·ot/", "/ho·me/", "/Us·ers/", "C:·\\"];

const SOURCES: &[&str] = &["rs", "sh", "py", "js", "mjs", "ts", "weir"];
const DOCUMENTS: &[&str] = &["toml", "md", "yaml", "yml", "json", "cfg", "conf"];

pub fn unfinished(source: &Source) -> Vec<Violation> {
    if !is_kind(source, SOURCES) {
        return Vec::new();
    }
    let words: Vec<(String, bool)> = UNFINISHED.iter().map(|(word, exact)| (word.replace('·', ""), *exact)).collect();
    let mut found = Vec::new();
    for (at, line) in source.text.lines().enumerate() {
        let lower = line.to_lowercase();
        for (word, exact) in &words {
            if contains_word(if *exact { line } else { &lower }, word) {
                found.push(
                    source
                        .violation(at + 1, format!("`{word}` marks unfinished work; finish it or refuse it clearly")),
                );
            }
        }
    }
    found
}

pub fn machine_paths(source: &Source) -> Vec<Violation> {
    if !is_kind(source, SOURCES) && !is_kind(source, DOCUMENTS) {
        return Vec::new();
    }
    let paths: Vec<String> = MACHINE_PATHS.iter().map(|path| path.replace('·', "")).collect();
    let mut found = Vec::new();
    for (at, line) in source.text.lines().enumerate() {
        // Absolute only: `docs/work/` is a folder of ours, so what stands before must not belong to a path.
        let absolute = |path: &str| {
            line.match_indices(path).any(|(start, _)| {
                !line[..start].ends_with(|before: char| before.is_alphanumeric() || "._-}/".contains(before))
            })
        };
        for path in paths.iter().filter(|path| absolute(path)) {
            found.push(source.violation(at + 1, format!("`{path}` exists on one machine only; use a relative path")));
        }
    }
    found
}

pub fn large_files(source: &Source) -> Vec<Violation> {
    if source.bytes <= LARGE_FILE_BYTES {
        return Vec::new();
    }
    vec![source.violation(1, format!("{} bytes, at most {LARGE_FILE_BYTES}; generate it or shrink it", source.bytes))]
}

/// Whether the file has one of these extensions, or none and is a script.
fn is_kind(source: &Source, extensions: &[&str]) -> bool {
    let name = source.path.rsplit('/').next().unwrap_or_default();
    match name.rsplit_once('.') {
        Some((_, extension)) => extensions.contains(&extension),
        None => source.text.starts_with("#!"),
    }
}

fn contains_word(line: &str, word: &str) -> bool {
    let inside = |near: Option<char>| near.is_some_and(|near| near.is_alphanumeric() || near == '_');
    line.match_indices(word).any(|(start, _)| {
        !inside(line[..start].chars().next_back()) && !inside(line[start + word.len()..].chars().next())
    })
}

#[test]
fn unfinished_work_is_found_in_every_kind_of_source() {
    for (word, _) in UNFINISHED {
        let word = word.replace('·', "");
        for path in ["dsl/src/x.rs", "benches/peers/run.py", "conf/examples/x.weir"] {
            let found = unfinished(&Source::new(path, &format!("fine\n// well, {word}: later")));
            assert_eq!(found.first().map(|violation| violation.line), Some(2), "{word} in {path}");
        }
    }
    assert_eq!(
        unfinished(&Source::new("tests/run", &format!("#!/usr/bin/env bash\n# {}\n", "dum".to_owned() + "my"))).len(),
        1
    );
}

#[test]
fn words_inside_words_are_left_alone() {
    for good in ["stubborn", "before nowhere", "mastodons", "StatusCode::NOT_IMPLEMENTED", "todo = \"deny\""] {
        assert_eq!(unfinished(&Source::new("dsl/src/x.rs", good)), [], "{good}");
    }
}

#[test]
fn paths_of_one_machine_are_found() {
    for path in MACHINE_PATHS {
        let path = path.replace('·', "");
        let found = machine_paths(&Source::new("docs/x.md", &format!("see `{path}x`\n")));
        assert_eq!(found.len(), 1, "{path}");
    }
    let below = format!("docs{}x and https://x.y{0}z", MACHINE_PATHS[0].replace('·', ""));
    assert_eq!(machine_paths(&Source::new("docs/x.md", &below)), []);
}

#[test]
fn a_large_file_is_found() {
    let mut source = Source::new("dsl/tests/corpus/x.bin", "");
    assert_eq!(large_files(&source), []);
    source.bytes = LARGE_FILE_BYTES + 1;
    assert_eq!(large_files(&source).len(), 1);
}
