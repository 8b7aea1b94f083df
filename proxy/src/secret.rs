//! Secrets: the one door for environment variables and key files, and a type that cannot be printed.
//!
//! Resolving happens when a snapshot is built, never on a request. This module refuses to know what a secret
//! is used for.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use weir_dsl::hir::SecretRef;

/// Longest secret that is read: room for a PEM bundle of roots.
pub const SECRET_BYTES_MAX: u64 = 1 << 20;

/// A secret. It can be used, not printed: `Debug` shows `[secret]` and there is no `Display`.
#[derive(Clone, Eq, PartialEq)]
pub struct Secret(Arc<str>);

/// Why a secret has no value. Messages name the reference, never the value.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The variable does not exist, or is empty.
    #[error("environment variable `{0}` is not set: set it, or name another one in `secret(\"env:…\")`")]
    Unset(Arc<str>),
    /// The variable or file is no UTF-8 text.
    #[error("secret `{0}` is not UTF-8 text")]
    NotText(String),
    /// The file cannot be read.
    #[error("secret file `{path}` cannot be read: {source}")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is longer than [`SECRET_BYTES_MAX`].
    #[error("secret file `{0}` is larger than {SECRET_BYTES_MAX} bytes")]
    TooLong(PathBuf),
    /// The file holds nothing.
    #[error("secret file `{0}` is empty")]
    Empty(PathBuf),
    /// `vault:` references.
    #[error("`vault:{0}` cannot be read by this build: use `env:` or `file:`")]
    Vault(Arc<str>),
    /// Neither `env:` nor `file:`. The text is not shown: it may be the secret itself.
    #[error("not a secret reference: write `env:NAME` or `file:PATH`, never the secret itself")]
    Malformed,
}

// === impl Secret ===

impl Secret {
    /// Wraps a text.
    #[must_use]
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one place that puts it on the wire.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether `guess` is this secret, in time that depends on the guess's length only.
    #[must_use]
    pub fn is(&self, guess: &[u8]) -> bool {
        let own = self.0.as_bytes();
        // INVARIANT: every byte of the guess is looked at, whatever the others were.
        let differs = guess
            .iter()
            .enumerate()
            .fold(0_u8, |acc, (i, byte)| acc | (byte ^ own.get(i % own.len().max(1)).copied().unwrap_or_default()));
        std::hint::black_box(differs) == 0 && guess.len() == own.len()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// Reads a secret. Relative `file:` paths start at `folder`.
///
/// # Errors
/// A [`SecretError`] that names the reference.
pub fn resolve(reference: &SecretRef, folder: &Path) -> Result<Secret, SecretError> {
    match reference {
        SecretRef::Env(name) => variable(name),
        SecretRef::File(path) => file(&folder.join(&**path)),
        SecretRef::Vault(path) => Err(SecretError::Vault(Arc::clone(path))),
    }
}

/// Reads a reference as text: `env:NAME` or `file:PATH`.
///
/// # Errors
/// [`SecretError::Malformed`] for any other form.
pub fn parse(text: &str) -> Result<SecretRef, SecretError> {
    match text.split_once(':') {
        Some(("env", name)) if !name.is_empty() => Ok(SecretRef::Env(name.into())),
        Some(("file", path)) if !path.is_empty() => Ok(SecretRef::File(path.into())),
        Some(("vault", path)) if !path.is_empty() => Ok(SecretRef::Vault(path.into())),
        Some(_) | None => Err(SecretError::Malformed),
    }
}

/// An environment variable that says how to print, such as `NO_COLOR`; `None` when unset or empty.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the door")]
pub fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|v| !v.is_empty())
}

#[expect(clippy::disallowed_methods, reason = "this is the door")]
fn variable(name: &Arc<str>) -> Result<Secret, SecretError> {
    match std::env::var(&**name) {
        Ok(value) if !value.trim().is_empty() => Ok(Secret::new(value.trim())),
        Ok(_) | Err(std::env::VarError::NotPresent) => Err(SecretError::Unset(Arc::clone(name))),
        Err(std::env::VarError::NotUnicode(_)) => Err(SecretError::NotText(format!("env:{name}"))),
    }
}

fn file(path: &Path) -> Result<Secret, SecretError> {
    let unreadable = |source| SecretError::Unreadable { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    File::open(path).and_then(|f| f.take(SECRET_BYTES_MAX + 1).read_to_end(&mut bytes)).map_err(unreadable)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > SECRET_BYTES_MAX {
        return Err(SecretError::TooLong(path.to_owned()));
    }
    let text = String::from_utf8(bytes).map_err(|_| SecretError::NotText(format!("file:{}", path.display())))?;
    match text.trim() {
        "" => Err(SecretError::Empty(path.to_owned())),
        trimmed => Ok(Secret::new(trimmed)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_never_printed() {
        assert_eq!(format!("{:?}", Secret::new("sk-canary")), "[secret]");
    }

    #[test]
    fn comparison_is_exact() {
        let secret = Secret::new("abc");
        assert!(secret.is(b"abc"));
        for wrong in [&b""[..], b"ab", b"abd", b"abcabc", b"ABC"] {
            assert!(!secret.is(wrong), "{wrong:?}");
        }
        assert!(!Secret::new("").is(b"x"));
    }

    #[test]
    fn references_name_their_kind() {
        assert_eq!(parse("env:KEY").unwrap(), SecretRef::Env("KEY".into()));
        assert_eq!(parse("file:/run/secrets/a:b").unwrap(), SecretRef::File("/run/secrets/a:b".into()));
        for wrong in ["", "KEY", "env:", "sk-123", "http://x"] {
            assert!(matches!(parse(wrong), Err(SecretError::Malformed)), "{wrong}");
        }
    }

    #[test]
    fn errors_name_the_reference() {
        let error = resolve(&SecretRef::Env("WEIR_TEST_NEVER_SET".into()), Path::new(".")).unwrap_err();
        assert!(error.to_string().contains("`WEIR_TEST_NEVER_SET` is not set"), "{error}");
        let error = resolve(&SecretRef::File("no/such".into()), Path::new("/nowhere")).unwrap_err();
        assert!(error.to_string().contains("`/nowhere/no/such` cannot be read"), "{error}");
        let error = resolve(&SecretRef::Vault("kv/a#b".into()), Path::new(".")).unwrap_err();
        assert!(error.to_string().contains("`vault:kv/a#b` cannot be read by this build"), "{error}");
    }
}
