//! Every input that a fuzz target ever stumbled over, and every seed, replayed without libFuzzer.

use std::fs;
use std::path::{Path, PathBuf};
use weir_fuzz::TARGETS;

#[test]
fn findings_stay_fixed() {
    for (name, target) in TARGETS {
        for folder in ["regressions", "seeds"] {
            for file in files(&weir_tests::root().join("fuzz").join(folder).join(name)) {
                println!("{}", file.display());
                target(&fs::read(&file).expect("a regression is readable"));
            }
        }
    }
}

#[test]
fn every_target_has_a_binary_and_is_replayed() {
    let mut binaries: Vec<String> = files(&weir_tests::root().join("fuzz/fuzz_targets"))
        .iter()
        .filter_map(|file| Some(file.file_stem()?.to_str()?.to_owned()))
        .collect();
    binaries.sort();
    let replayed: Vec<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
    assert_eq!(binaries, replayed);
}

#[test]
fn regressions_belong_to_a_target() {
    for folder in ["regressions", "seeds"] {
        let entries = fs::read_dir(weir_tests::root().join("fuzz").join(folder)).into_iter().flatten().flatten();
        for entry in entries.filter(|entry| entry.path().is_dir()) {
            let name = entry.file_name().to_string_lossy().into_owned();
            assert!(TARGETS.iter().any(|(target, _)| *target == name), "fuzz/{folder}/{name} belongs to no target");
        }
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| path.is_file()).collect();
    files.sort();
    files
}
