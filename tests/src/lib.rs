//! What end-to-end tests share: weir as a process, clients that see every byte, upstreams that break every byte.
//!
//! Everything here waits on conditions with a deadline, never on time.

mod binary;
pub mod client;
pub mod tls;
pub mod upstream;
pub mod upstream_h2;
mod wait;
pub mod weir;

use std::path::{Path, PathBuf};

pub use wait::{PATIENCE, until};

/// The root of the repository: the folder of the workspace's `Cargo.toml`.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map_or_else(PathBuf::new, Path::to_path_buf)
}

/// SHA-256 in hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
