//! Where the source tree lies, for tests that read it. Everything else in this package is a test.

use std::path::{Path, PathBuf};

/// The root of the repository: the folder of the workspace's `Cargo.toml`.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map_or_else(PathBuf::new, Path::to_path_buf)
}
