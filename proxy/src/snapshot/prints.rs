//! What files looked like just before they were read, so that a later change is noticed and never missed.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The files of one set, those included that were looked for and not there.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Prints(BTreeMap<PathBuf, Option<Print>>);

/// Enough to tell a written, replaced or relinked file from the one before.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Print {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

// === impl Prints ===

impl Prints {
    /// Looks at a file. Call it before reading: the first look counts, so that what changes between this call and
    /// the reading looks different afterwards.
    pub fn look(&mut self, file: &Path) {
        self.0.entry(file.to_owned()).or_insert_with(|| Print::of(file));
    }

    /// Adds another set; files in both keep their first look.
    pub fn merge(&mut self, other: Self) {
        for (file, print) in other.0 {
            self.0.entry(file).or_insert(print);
        }
    }

    /// Looks again; `true` when something is different.
    #[must_use]
    pub fn have_changed(&self) -> bool {
        self.0.iter().any(|(file, print)| Print::of(file) != *print)
    }

    /// The files.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.0.keys().map(PathBuf::as_path)
    }
}

// === impl Print ===

impl Print {
    fn of(file: &Path) -> Option<Self> {
        let meta = std::fs::metadata(file).ok()?;
        Some(Self {
            device: meta.dev(),
            inode: meta.ino(),
            size: meta.size(),
            modified: (meta.mtime(), meta.mtime_nsec()),
            changed: (meta.ctime(), meta.ctime_nsec()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TempDir;

    #[test]
    fn writing_replacing_relinking_and_removing_are_changes() {
        type Change = fn(&TempDir);
        let changes: &[(&str, Change)] = &[
            ("written", |d| drop(d.write("a", "longer than before"))),
            ("replaced", |d| std::fs::rename(d.write("new", "x"), d.path("a")).unwrap()),
            ("removed", |d| std::fs::remove_file(d.path("a")).unwrap()),
            ("appeared", |d| drop(d.write("absent", ""))),
            ("relinked", |d| {
                std::fs::remove_file(d.path("link")).unwrap();
                std::os::unix::fs::symlink(d.write("b", "x"), d.path("link")).unwrap();
            }),
        ];
        for (name, change) in changes {
            let dir = TempDir::new();
            dir.write("a", "x");
            dir.write("c", "x");
            std::os::unix::fs::symlink(dir.path("c"), dir.path("link")).unwrap();
            let mut prints = Prints::default();
            ["a", "absent", "link"].iter().for_each(|file| prints.look(&dir.path(file)));
            dir.write("unrelated", "x");
            assert!(!prints.have_changed(), "{name}");
            change(&dir);
            assert!(prints.have_changed(), "{name}");
        }
    }

    #[test]
    fn the_first_look_counts() {
        let dir = TempDir::new();
        let file = dir.write("a", "x");
        let (mut first, mut later) = (Prints::default(), Prints::default());
        first.look(&file);
        dir.write("a", "changed");
        first.look(&file);
        later.look(&file);
        first.merge(later);
        assert!(first.have_changed());
    }
}
