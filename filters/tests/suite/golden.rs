//! Expectations kept in files: compared, or rewritten where `UPDATE=1` is set (never in CI).

use std::fs;
use std::path::{Path, PathBuf};

/// A folder of the corpus.
pub(crate) fn corpus(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(folder)
}

/// The files of a folder of the corpus that have this extension, in the order of their names; none if there is no such
/// folder.
pub(crate) fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(corpus(folder)) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|found| found == extension));
    paths.sort();
    paths
}

/// Fails with a message that names the file where it differs from `actual`.
#[expect(clippy::disallowed_methods, reason = "the switch of the test run, not a setting of the product")]
pub(crate) fn check(expected: &Path, actual: &str) {
    if std::env::var_os("UPDATE").is_some() {
        fs::create_dir_all(expected.parent().unwrap()).unwrap();
        fs::write(expected, actual).unwrap();
        return;
    }
    let known = fs::read_to_string(expected).unwrap_or_default();
    assert_eq!(known, actual, "\n{} differs; if that is right, run with UPDATE=1", expected.display());
}

/// A row of a file of rows, in which `%HH` is a byte.
pub(crate) fn unescape(row: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = row.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let code = tail.get(..2).and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        match code {
            Some(byte) if first == b'%' => {
                bytes.push(byte);
                rest = tail.get(2..).unwrap_or_default();
            }
            Some(_) | None => {
                bytes.push(first);
                rest = tail;
            }
        }
    }
    bytes
}
