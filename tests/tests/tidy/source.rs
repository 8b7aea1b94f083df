//! A file of the source tree as the rules see it, and what they say about it.

use std::cell::OnceCell;
use std::fmt;
use std::fs;
use std::path::Path;
use std::process::Command;

/// One tracked file. Files that are not text have an empty `text`.
pub struct Source {
    /// Relative to the root of the repository, separated by `/`.
    pub path: String,
    pub text: String,
    pub bytes: u64,
    parsed: OnceCell<Result<syn::File, syn::Error>>,
}

/// One broken rule at one place. Ordered by place, so that a report reads like a file list.
#[derive(Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Violation {
    pub path: String,
    /// Counted from 1.
    pub line: usize,
    /// What is wrong and what to do instead.
    pub message: String,
}

/// Every file that git tracks or would track, in the order of their paths.
pub fn tracked(root: &Path) -> Vec<Source> {
    let listed = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .output()
        .expect("the tidy test asks git which files belong to the project: install git");
    assert!(listed.status.success(), "git ls-files failed: {}", String::from_utf8_lossy(&listed.stderr));
    let mut paths: Vec<String> = String::from_utf8_lossy(&listed.stdout)
        .split('\0')
        .filter(|path| !path.is_empty() && root.join(path).is_file())
        .map(str::to_owned)
        .collect();
    paths.sort();
    paths.dedup();
    paths.into_iter().map(|path| Source::read(root, path)).collect()
}

// === impl Source ===

impl Source {
    pub fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned(), bytes: text.len() as u64, parsed: OnceCell::new() }
    }

    fn read(root: &Path, path: String) -> Self {
        let bytes = fs::read(root.join(&path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        let length = bytes.len() as u64;
        let text = String::from_utf8(bytes).unwrap_or_default();
        Self { path, text, bytes: length, parsed: OnceCell::new() }
    }

    pub fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// Sources of the product's crates, without their integration tests.
    pub fn is_product(&self) -> bool {
        self.is_rust() && self.path.contains("/src/") && !self.path.starts_with("tests/")
    }

    /// A module that only tests compile: its name or folder says so.
    pub fn is_test(&self) -> bool {
        self.path.ends_with("/tests.rs") || self.path.contains("/tests/")
    }

    pub fn lies_in(&self, folder: &str) -> bool {
        self.path == format!("{folder}.rs") || self.path.starts_with(&format!("{folder}/"))
    }

    /// The syntax tree; `None` for what does not parse, which the compiler reports better.
    pub fn syntax(&self) -> Option<&syn::File> {
        self.parsed.get_or_init(|| syn::parse_file(&self.text)).as_ref().ok()
    }

    pub fn violation(&self, line: usize, message: impl Into<String>) -> Violation {
        Violation { path: self.path.clone(), line, message: message.into() }
    }
}

// === impl Violation ===

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.message)
    }
}

/// Whether an item is compiled for tests only: `#[test]`, `#[cfg(test)]`, `#[tokio::test]`.
pub fn for_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        syn::Meta::Path(path) => path.segments.last().is_some_and(|last| last.ident == "test"),
        syn::Meta::List(list) if list.path.is_ident("cfg") => {
            list.tokens.clone().into_iter().any(|token| token.to_string() == "test")
        }
        syn::Meta::List(list) => list.path.segments.last().is_some_and(|last| last.ident == "test"),
        syn::Meta::NameValue(_) => false,
    })
}
