//! From a policy file to compiled policies: the one way, for `check`, `run` and every reload.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ring::digest;
use weir_dsl::hir::Hir;
use weir_dsl::plan::CompiledPolicy;
use weir_dsl::span::Sources;
use weir_dsl::tree::BuildError;
use weir_dsl::{Compilation, LoadError, Loader, MemoryLoader, Options};

use super::folder::Folder;
use super::prints::Prints;

/// The policy that runs when none is named.
pub const QUICKSTART: &str = include_str!("../../../conf/quickstart.weir");
/// Its name in messages.
pub const QUICKSTART_NAME: &str = "quickstart.weir";

/// What came of one policy file.
#[derive(Debug)]
pub struct Checked {
    /// Texts, diagnostics, and the typed policy where there is no error.
    pub compilation: Compilation,
    /// Compiled policies in written order; empty when there is an error.
    pub policies: Vec<Arc<CompiledPolicy>>,
    /// A policy that passed every check and is still too large to index.
    pub too_large: Option<BuildError>,
    /// Files that were read or looked for.
    pub prints: Prints,
}

/// The root file cannot be read.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("cannot read `{}`: {reason}", path.display())]
pub struct Unreadable {
    /// Which file.
    pub path: PathBuf,
    /// Why.
    pub reason: LoadError,
}

/// Compiles a policy file and everything it names; without one, the built-in quickstart.
///
/// # Errors
/// Only when the root file itself cannot be read. A policy with errors is an `Ok` that says so.
pub fn check(root: Option<&Path>, options: &Options) -> Result<Checked, Unreadable> {
    let Some(path) = root else {
        let loader = MemoryLoader::one(QUICKSTART_NAME, QUICKSTART);
        return Ok(checked(weir_dsl::compile(QUICKSTART_NAME, &loader, options), options, Prints::default()));
    };
    let unreadable = |reason| Unreadable { path: path.to_owned(), reason };
    let name = path.to_str().ok_or_else(|| unreadable(LoadError::Unreadable))?;
    let folder = Folder::of(path, &options.limits);
    let once = Once { root: name, bytes: folder.load(name).map_err(unreadable)?, rest: &folder };
    let compilation = weir_dsl::compile(name, &once, options);
    Ok(checked(compilation, options, folder.asked()))
}

/// Hands out the root that was already read: a pipe can be read only once.
struct Once<'a> {
    root: &'a str,
    bytes: Vec<u8>,
    rest: &'a Folder,
}

impl Loader for Once<'_> {
    fn load(&self, path: &str) -> Result<Vec<u8>, LoadError> {
        if path == self.root { Ok(self.bytes.clone()) } else { self.rest.load(path) }
    }
}

fn checked(compilation: Compilation, options: &Options, prints: Prints) -> Checked {
    let built = compilation.hir.as_ref().map_or_else(|| Ok(Vec::new()), |hir| trees(hir, options));
    let (policies, too_large) = match built {
        Ok(policies) => (policies, None),
        Err(error) => (Vec::new(), Some(error)),
    };
    Checked { compilation, policies, too_large, prints }
}

fn trees(hir: &Arc<Hir>, options: &Options) -> Result<Vec<Arc<CompiledPolicy>>, BuildError> {
    let limits = weir_dsl::tree::Limits {
        rules: u32::try_from(options.limits.rules).unwrap_or(u32::MAX),
        atoms_per_condition: u32::try_from(options.limits.atoms_per_condition).unwrap_or(u32::MAX),
        regex_source_bytes: u32::try_from(options.limits.regex_bytes).unwrap_or(u32::MAX),
        regex_bytes: options.limits.regex_compiled_bytes,
        glob_stars: u32::try_from(options.limits.glob_stars).unwrap_or(u32::MAX),
        ..weir_dsl::tree::Limits::default()
    };
    let policies = 0..hir.policies.len();
    policies.map(|policy| CompiledPolicy::build(Arc::clone(hir), policy, &limits).map(Arc::new)).collect()
}

// === impl Checked ===

impl Checked {
    /// Whether this can run.
    #[must_use]
    pub fn is_good(&self) -> bool {
        !self.compilation.has_errors() && self.compilation.hir.is_some() && self.too_large.is_none()
    }

    /// Identity of this set of texts: 16 hexadecimal digits. The same for the same files in another folder.
    #[must_use]
    pub fn id(&self, options: &Options) -> Arc<str> {
        identity(&self.compilation.sources, options.env.as_deref().unwrap_or_default())
    }
}

fn identity(sources: &Sources, env: &str) -> Arc<str> {
    let folder = sources.files().next().and_then(|(_, root)| Path::new(root.name()).parent()).map(Path::to_owned);
    let mut hash = digest::Context::new(&digest::SHA256);
    // Lengths go first, so that no two sets of files give the same bytes.
    let mut part = |bytes: &[u8]| {
        hash.update(&u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_le_bytes());
        hash.update(bytes);
    };
    part(env.as_bytes());
    for (_, file) in sources.files() {
        let name = Path::new(file.name());
        let inner = folder.as_deref().and_then(|folder| name.strip_prefix(folder).ok()).unwrap_or(name);
        part(inner.as_os_str().as_encoded_bytes());
        part(file.text().as_bytes());
    }
    let digest = hash.finish();
    digest.as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect::<String>().into()
}

#[cfg(test)]
mod tests {
    use weir_dsl::span::Source;

    use super::*;

    fn sources(files: &[(&str, &str)]) -> Sources {
        let mut sources = Sources::default();
        for (name, text) in files {
            sources.add(Source::new(*name, *text));
        }
        sources
    }

    #[test]
    fn identity_follows_texts_names_and_overlay_only() {
        let base = identity(&sources(&[("a/main.weir", "x"), ("a/b.weir", "y")]), "");
        assert_eq!(base.len(), 16);
        assert_eq!(base, identity(&sources(&[("z/q/main.weir", "x"), ("z/q/b.weir", "y")]), ""));
        for other in [
            identity(&sources(&[("a/main.weir", "x"), ("a/b.weir", "y")]), "staging"),
            identity(&sources(&[("a/main.weir", "x"), ("a/b.weir", "z")]), ""),
            identity(&sources(&[("a/main.weir", "x"), ("a/c.weir", "y")]), ""),
            identity(&sources(&[("a/main.weir", "xy"), ("a/b.weir", "")]), ""),
        ] {
            assert_ne!(base, other);
        }
    }

    #[test]
    fn a_root_that_is_not_there_says_so() {
        let error = check(Some(Path::new("/no/such.weir")), &Options::default()).unwrap_err();
        assert_eq!(error.to_string(), "cannot read `/no/such.weir`: not found");
    }
}
