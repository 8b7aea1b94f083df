//! Files of a policy: read from the folder of its root file and from nowhere else.

use std::cell::RefCell;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Component, Path, PathBuf};

use weir_dsl::{Limits, LoadError, Loader};

use super::prints::Prints;

/// Hands the compiler the root file, and files below its folder. Symbolic links may lead elsewhere only from the
/// root file itself: what a policy names stays inside its folder.
#[derive(Debug)]
pub(crate) struct Folder {
    root: PathBuf,
    /// Longest file that is read at all; the compiler has a limit for each kind.
    bytes_max: u64,
    asked: RefCell<Prints>,
}

// === impl Folder ===

impl Folder {
    /// The folder of a root file.
    pub(crate) fn of(root: &Path, limits: &Limits) -> Self {
        let longest = limits.file_bytes.max(limits.data_bytes).max(limits.inject_bytes);
        let bytes_max = u64::try_from(longest).unwrap_or(u64::MAX);
        Self { root: root.to_owned(), bytes_max, asked: RefCell::default() }
    }

    /// Every file that was asked for, as it looked before it was read.
    pub(crate) fn asked(self) -> Prints {
        self.asked.into_inner()
    }

    fn is_inside(&self, path: &Path) -> Result<(), LoadError> {
        let folder = self.root.parent().unwrap_or(Path::new(""));
        let below = path.strip_prefix(folder).map_err(|_| LoadError::Denied)?;
        if !below.components().all(|part| matches!(part, Component::Normal(_))) {
            return Err(LoadError::Denied);
        }
        let here = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let (here, real) = (real(here)?, real(path)?);
        if !real.starts_with(here) {
            return Err(LoadError::Denied);
        }
        // A pipe or device would block or never end.
        if real.is_file() { Ok(()) } else { Err(LoadError::Unreadable) }
    }
}

impl Loader for Folder {
    fn load(&self, path: &str) -> Result<Vec<u8>, LoadError> {
        let path = Path::new(path);
        self.asked.borrow_mut().look(path);
        if path != self.root {
            self.is_inside(path)?;
        }
        let mut bytes = Vec::new();
        let file = File::open(path).map_err(|e| reason(&e))?;
        file.take(self.bytes_max.saturating_add(1)).read_to_end(&mut bytes).map_err(|e| reason(&e))?;
        match u64::try_from(bytes.len()) {
            Ok(length) if length <= self.bytes_max => Ok(bytes),
            Ok(_) | Err(_) => Err(LoadError::TooLarge),
        }
    }
}

fn real(path: &Path) -> Result<PathBuf, LoadError> {
    path.canonicalize().map_err(|e| reason(&e))
}

#[expect(clippy::wildcard_enum_match_arm, reason = "`ErrorKind` is open, and every other kind means the same")]
fn reason(error: &std::io::Error) -> LoadError {
    match error.kind() {
        ErrorKind::NotFound => LoadError::NotFound,
        ErrorKind::PermissionDenied => LoadError::Denied,
        _ => LoadError::Unreadable,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::testing::TempDir;

    #[test]
    fn only_the_folder_of_the_root_is_read() {
        let dir = TempDir::new();
        dir.write("outside.weir", "secret");
        dir.write("policies/main.weir", "root");
        dir.write("policies/teams/a.weir", "a");
        symlink(dir.path("outside.weir"), dir.path("policies/link.weir")).unwrap();
        symlink(dir.path("policies/teams/a.weir"), dir.path("policies/inner.weir")).unwrap();
        let folder = Folder::of(&dir.path("policies/main.weir"), &Limits::default());
        let load = |name: &str| folder.load(dir.path(name).to_str().unwrap());
        assert_eq!(load("policies/main.weir").unwrap(), b"root");
        assert_eq!(load("policies/teams/a.weir").unwrap(), b"a");
        assert_eq!(load("policies/inner.weir").unwrap(), b"a");
        assert_eq!(load("policies/link.weir"), Err(LoadError::Denied));
        assert_eq!(load("policies/../outside.weir"), Err(LoadError::Denied));
        assert_eq!(load("outside.weir"), Err(LoadError::Denied));
        assert_eq!(load("policies/none.weir"), Err(LoadError::NotFound));
        assert_eq!(load("policies/teams"), Err(LoadError::Unreadable));
        assert_eq!(folder.load("/etc/passwd"), Err(LoadError::Denied));
        assert_eq!(folder.asked().files().count(), 9);
    }
}
