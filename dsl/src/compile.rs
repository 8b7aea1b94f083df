//! The one gate: [`compile`] turns files into a checked policy or into diagnostics.
//!
//! `check`, `run`, reload, editor and playground all call this function; there is no weaker path. It refuses to do
//! I/O: a [`Loader`] hands in the bytes of every file that the policy names.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::check;
use crate::diag::{Code, Diagnostic, Severity};
use crate::hir::Hir;
use crate::resolve::files::Files;
use crate::span::Sources;
use crate::syntax;

/// Hands out the bytes of files.
///
/// Paths are those of the root policy as the caller named it, and for everything else the directory of the naming
/// file joined with what it says, `/` as separator, without `.` and `..`: never outside the root's directory.
pub trait Loader {
    /// The whole content of a file.
    ///
    /// # Errors
    /// [`LoadError`] says why there is none; the compiler turns it into a diagnostic at the place that names the
    /// file.
    fn load(&self, path: &str) -> Result<Vec<u8>, LoadError>;
}

/// Why a [`Loader`] has no bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum LoadError {
    /// There is no such file.
    #[error("not found")]
    NotFound,
    /// It exists and may not be read.
    #[error("permission denied")]
    Denied,
    /// It is larger than the loader reads.
    #[error("too large")]
    TooLarge,
    /// Reading failed.
    #[error("cannot be read")]
    Unreadable,
}

/// How one compilation is done.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Sizes that are refused.
    pub limits: Limits,
    /// Levels that differ from a code's own. Errors stay errors.
    pub levels: BTreeMap<Code, Level>,
    /// Warnings become errors.
    pub deny_warnings: bool,
    /// The overlay to lay over the policy.
    pub env: Option<Arc<str>>,
}

/// What happens with a warning.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Level {
    /// It is an error.
    Deny,
    /// It is shown.
    Warn,
    /// It is not shown.
    Allow,
}

/// Sizes that are refused (`language.md` §16). Every field has the specification's value as default.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Bytes of one policy file.
    pub file_bytes: usize,
    /// Bytes of one data file: a list.
    pub data_bytes: usize,
    /// Bytes of a text that `inject` takes from a file.
    pub inject_bytes: usize,
    /// Files of one compilation.
    pub files: usize,
    /// Rules and `apply` statements of one compilation.
    pub rules: usize,
    /// Tests of one condition, `let` names expanded.
    pub atoms_per_condition: usize,
    /// Items of one list.
    pub list_items: usize,
    /// Bytes of one regular expression.
    pub regex_bytes: usize,
    /// Bytes of one compiled regular expression.
    pub regex_compiled_bytes: usize,
    /// Stars of one `like` pattern.
    pub glob_stars: usize,
    /// Actions of one statement, `use` taken in.
    pub actions: usize,
    /// `let` names inside `let` names, `bundle` inside `bundle`.
    pub let_depth: usize,
    /// Attempts of one route, retries and fallbacks included.
    pub attempts: u32,
}

/// What came out.
#[derive(Clone, Debug)]
pub struct Compilation {
    /// Every file that took part, also data files: what a watcher watches. The root comes first.
    pub sources: Sources,
    /// Everything found, sorted by file and place, each once.
    pub diagnostics: Vec<Diagnostic>,
    /// The checked policy; `None` when there is an error.
    pub hir: Option<Arc<Hir>>,
}

/// Files in memory: tests, the playground, the built-in policy.
#[derive(Clone, Debug, Default)]
pub struct MemoryLoader {
    files: BTreeMap<String, Vec<u8>>,
}

/// Compiles the policy in file `root` and everything it names. Total: any bytes give a [`Compilation`].
#[must_use]
pub fn compile(root: &str, loader: &dyn Loader, options: &Options) -> Compilation {
    let mut files = Files::new(loader, options.limits);
    let (id, text) = files.root(root);
    let (hir, mut diagnostics) = match text {
        Ok(text) => {
            let mut problems = Vec::new();
            let file = syntax::parse(id, &text, &mut problems);
            let (hir, found) = check::check(&file, &mut files, options.limits);
            problems.extend(found);
            (Some(hir), problems)
        }
        Err(problem) => (None, vec![*problem]),
    };
    finish(&mut diagnostics, options);
    let errors = diagnostics.iter().any(|d| d.severity == Severity::Error);
    let hir = hir.filter(|_| !errors).map(Arc::new);
    Compilation { sources: files.sources, diagnostics, hir }
}

/// Levels of the configuration, then order by place, then each problem once.
fn finish(diagnostics: &mut Vec<Diagnostic>, options: &Options) {
    diagnostics.retain_mut(|d| {
        if d.severity == Severity::Error {
            return true;
        }
        let level = options.levels.get(&d.code).copied().unwrap_or(Level::Warn);
        if level == Level::Deny || (level == Level::Warn && options.deny_warnings) {
            d.severity = Severity::Error;
        }
        level != Level::Allow
    });
    diagnostics.sort_by_key(|d| (d.primary.span, d.code));
    diagnostics.dedup_by(|a, b| a.code == b.code && a.primary.span == b.primary.span && a.message == b.message);
}

// === impl Limits ===

impl Default for Limits {
    fn default() -> Self {
        Self {
            file_bytes: 4 << 20,
            data_bytes: 256 << 20,
            inject_bytes: 256 << 10,
            files: 2_000,
            rules: 100_000,
            atoms_per_condition: 64,
            list_items: 1_000_000,
            regex_bytes: 2 << 10,
            regex_compiled_bytes: 1 << 20,
            glob_stars: 8,
            actions: 256,
            let_depth: 16,
            attempts: 16,
        }
    }
}

// === impl Compilation ===

impl Compilation {
    /// Whether anything forbids to run the policy.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|d| d.severity == Severity::Error)
    }
}

// === impl MemoryLoader ===

impl MemoryLoader {
    /// One file.
    #[must_use]
    pub fn one(path: impl Into<String>, text: impl Into<Vec<u8>>) -> Self {
        Self::default().and(path, text)
    }

    /// And another one.
    #[must_use]
    pub fn and(mut self, path: impl Into<String>, text: impl Into<Vec<u8>>) -> Self {
        self.files.insert(path.into(), text.into());
        self
    }
}

impl Loader for MemoryLoader {
    fn load(&self, path: &str) -> Result<Vec<u8>, LoadError> {
        self.files.get(path).cloned().ok_or(LoadError::NotFound)
    }
}
