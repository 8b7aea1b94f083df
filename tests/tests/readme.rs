//! What README.md shows is true: its policies compile, its files exist, its commands are ones that are run here.

use std::fs;
use std::process::Command;

use weir_dsl::diag::Severity;
use weir_dsl::{LoadError, Loader, Options, compile};

struct One(Vec<u8>);

impl Loader for One {
    fn load(&self, path: &str) -> Result<Vec<u8>, LoadError> {
        if path == "policy.weir" { Ok(self.0.clone()) } else { Err(LoadError::NotFound) }
    }
}

fn readme() -> String {
    fs::read_to_string(weir_tests::root().join("README.md")).expect("README.md")
}

/// The fenced blocks of a language.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let open = format!("```{language}\n");
    text.split(&open).skip(1).filter_map(|rest| rest.split("\n```").next()).map(str::to_owned).collect()
}

#[test]
fn policies_compile_without_a_word_of_complaint() {
    let policies = blocks(&readme(), "weir");
    assert!(!policies.is_empty());
    for policy in policies {
        let compiled = compile("policy.weir", &One(policy.clone().into_bytes()), &Options::default());
        let errors: Vec<_> = compiled.diagnostics.iter().filter(|d| d.severity == Severity::Error).collect();
        assert!(errors.is_empty(), "{policy}\n{errors:#?}");
    }
}

#[test]
fn linked_files_exist() {
    let text = readme();
    let targets: Vec<&str> = text.split("](").skip(1).filter_map(|rest| rest.split(')').next()).collect();
    assert!(targets.len() > 5);
    for target in targets.into_iter().filter(|t| !t.starts_with("http")) {
        assert!(weir_tests::root().join(target).exists(), "README.md links to `{target}`");
    }
}

/// Every shell command of the README, and the test that runs it. A new one must be added here with its test.
const COMMANDS: &[(&str, &str)] = &[
    ("cargo run --release --bin weir -- run", "e2e newcomer, with the binary that this builds"),
    ("curl http://127.0.0.1:8080/v1/chat/completions", "e2e newcomer sends the same request"),
    ("tests/setup && tests/run", "CI"),
    ("weir check policy.weir", "below"),
    ("weir fmt policy.weir", "below"),
    ("weir explain W0301", "below"),
    ("weir run policy.weir", "every end-to-end test"),
];

#[test]
fn commands_are_known_and_those_that_end_are_run() {
    let shown = blocks(&readme(), "sh");
    for line in shown.iter().flat_map(|block| block.lines()) {
        assert!(COMMANDS.iter().any(|(known, _)| line.starts_with(known)), "nobody runs `{line}`");
    }
    let folder = std::env::temp_dir().join(format!("weir-readme-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    let policy = blocks(&readme(), "weir").concat();
    fs::write(folder.join("policy.weir"), format!("{policy}\n")).expect("a file");
    for arguments in [&["check", "policy.weir"][..], &["fmt", "--check", "policy.weir"], &["explain", "W0301"]] {
        let run = Command::new(weir_tests::weir::command()).args(arguments).current_dir(&folder).output();
        let run = run.expect("the binary runs");
        let said = String::from_utf8_lossy(&run.stdout).into_owned() + &String::from_utf8_lossy(&run.stderr);
        assert!(run.status.success(), "weir {}: {said}", arguments.join(" "));
    }
    fs::remove_dir_all(&folder).expect("the folder goes");
}
