//! `check`, `fmt`, `explain`, and mistakes on the command line.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::harness::{Dir, err, out, probe, weir};

const BROKEN: &str = "weir 1\npolicy {{{ broken";

fn code(dir: &Dir, args: &[&str], stdin: &str) -> i32 {
    weir(dir, args, stdin).status.code().unwrap()
}

#[test]
fn exit_codes_are_a_contract() {
    let dir = Dir::new();
    dir.write("good.weir", &probe("x"));
    dir.write("ugly.weir", "weir 1\npolicy   main { default { deny 403 \"no\" } }\n");
    dir.write("broken.weir", BROKEN);
    let table: &[(&[&str], i32)] = &[
        (&["check", "good.weir"], 0),
        (&["check", "good.weir", "--stats"], 0),
        (&["check", "broken.weir"], 1),
        (&["check", "good.weir", "broken.weir"], 1),
        (&["check", "none.weir"], 2),
        (&["check", "broken.weir", "none.weir"], 2),
        (&["check", "."], 2),
        (&["check"], 2),
        (&["check", "good.weir", "--json", "--sarif"], 2),
        (&["check", "good.weir", "--deny", "errors"], 2),
        (&["check", "good.weir", "--conf", "none.toml"], 2),
        (&["fmt", "--check", "good.weir"], 0),
        (&["fmt", "--check", "ugly.weir"], 1),
        (&["fmt", "--check", "broken.weir"], 1),
        (&["fmt", "none.weir"], 2),
        (&["explain", "E0101"], 0),
        (&["explain", "e0101"], 0),
        (&["explain"], 0),
        (&["explain", "E9999"], 1),
        (&["--version"], 0),
        (&["--help"], 0),
        (&["run", "--help"], 0),
        (&[], 2),
        (&["nonsense"], 2),
        (&["check", "--nonsense"], 2),
    ];
    for (args, expected) in table {
        assert_eq!(code(&dir, args, ""), *expected, "{args:?}");
    }
}

#[test]
fn standard_input_is_a_file_like_any_other() {
    let dir = Dir::new();
    assert_eq!(code(&dir, &["check", "/dev/stdin"], &probe("x")), 0);
    assert_eq!(code(&dir, &["check", "/dev/stdin"], BROKEN), 1);
}

#[test]
fn diagnostics_go_to_standard_error_with_their_place() {
    let dir = Dir::new();
    dir.write("broken.weir", "weir 1\n\npolicy main {\n  default { rout s }\n}\n");
    let output = weir(&dir, &["check", "broken.weir"], "");
    assert_eq!(out(&output), "");
    let text = err(&output);
    assert!(text.contains("broken.weir:4:13") && text.contains("error[E"), "{text}");
    assert!(!text.contains('\u{1b}'), "no colours without a terminal: {text:?}");
}

#[test]
fn several_files_give_one_document() {
    let dir = Dir::new();
    dir.write("a.weir", BROKEN);
    dir.write("b.weir", BROKEN);
    dir.write("good.weir", &probe("x"));
    let json = |args: &[&str]| -> Value { serde_json::from_str(&out(&weir(&dir, args, ""))).unwrap() };
    let one = json(&["check", "--json", "a.weir"]);
    let all = json(&["check", "--json", "a.weir", "b.weir", "good.weir"]);
    let count = |document: &Value| document["diagnostics"].as_array().unwrap().len();
    assert!(count(&one) > 0);
    assert_eq!(count(&all), 2 * count(&one));
    assert_eq!(count(&json(&["check", "--json", "good.weir"])), 0);
    let sarif = json(&["check", "--sarif", "a.weir", "b.weir"]);
    assert_eq!(sarif["version"], "2.1.0");
    let stats = json(&["check", "--json", "--stats", "good.weir"]);
    assert_eq!(stats["stats"][0]["rules"], 1);
}

#[test]
fn warnings_are_errors_when_asked() {
    let dir = Dir::new();
    let unused = probe("x").replace("endpoint s", "endpoint spare {\n  provider sim\n  model \"n\"\n}\n\nendpoint s");
    dir.write("warns.weir", &unused);
    dir.write("deny.toml", "[check]\ndeny = [\"warnings\"]\n");
    assert_eq!(code(&dir, &["check", "warns.weir"], ""), 0);
    assert_eq!(code(&dir, &["check", "warns.weir", "--deny", "warnings"], ""), 1);
    assert_eq!(code(&dir, &["check", "warns.weir", "--conf", "deny.toml"], ""), 1);
}

#[test]
fn formatting_is_in_place_or_through_a_pipe() {
    let dir = Dir::new();
    let ugly = "weir 1\n\npolicy main { default { deny 403   \"no\" } }\n";
    let file = dir.write("a.weir", ugly);
    let checked = weir(&dir, &["fmt", "--check", "a.weir"], "");
    assert_eq!(out(&checked), "a.weir\n");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), ugly, "`--check` changes nothing");
    let piped = out(&weir(&dir, &["fmt", "-"], ugly));
    assert_eq!(code(&dir, &["fmt", "a.weir"], ""), 0);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), piped);
    assert_eq!(out(&weir(&dir, &["fmt", "-"], &piped)), piped);
    assert_eq!(code(&dir, &["fmt", "--check", "a.weir"], ""), 0);
    let refused = weir(&dir, &["fmt", "-"], BROKEN);
    assert_eq!((refused.status.code(), out(&refused)), (Some(1), String::new()));
    assert!(err(&refused).contains("<stdin>:"), "{}", err(&refused));
}

#[test]
fn what_does_not_exist_is_said_with_what_does() {
    let dir = Dir::new();
    let text = err(&weir(&dir, &["why", "x.weir"], ""));
    assert!(text.starts_with("error: this build has no command `why`; it has `run`, `check`, `fmt`"), "{text}");
    let text = err(&weir(&dir, &["explain", "E0110O"], ""));
    assert!(text.contains("there is no diagnostic `E0110O`; did you mean `E0110`?"), "{text}");
}

#[test]
fn what_the_repository_shows_is_good_and_in_the_canonical_style() {
    let conf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../conf");
    let mut shown = Vec::new();
    policies(&conf, &mut shown);
    assert!(shown.len() >= 3, "{shown:?}");
    let dir = Dir::new();
    for file in shown.iter().map(|file| file.to_str().unwrap()) {
        assert_eq!(code(&dir, &["fmt", "--check", file], ""), 0, "{file}");
        if file.contains("/conf/examples/") {
            // They show the whole language, also words that this build refuses.
            continue;
        }
        let checked = weir(&dir, &["check", "--deny", "warnings", file], "");
        assert_eq!(checked.status.code(), Some(0), "{}", err(&checked));
    }
}

fn policies(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            policies(&path, found);
        } else if path.extension().is_some_and(|e| e == "weir") {
            found.push(path);
        }
    }
}
