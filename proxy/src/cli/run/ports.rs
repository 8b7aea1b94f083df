//! The ports file: the real addresses, written in one step once every listener accepts.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Serialize;

#[derive(Serialize)]
struct Ports<'a> {
    pid: u32,
    proxy: &'a [SocketAddr],
    admin: SocketAddr,
}

/// Removes what an earlier process left, so that whoever waits for the file waits for us.
pub(super) fn clear(path: &Path) {
    // It is usually not there; and if it cannot be removed, writing it will say why.
    drop(fs::remove_file(path));
}

/// Writes the file: a reader sees nothing or everything.
pub(super) fn write(path: &Path, proxy: &[SocketAddr], admin: SocketAddr) -> io::Result<()> {
    let mut text = serde_json::to_string(&Ports { pid: std::process::id(), proxy, admin })?;
    text.push('\n');
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}.tmp", std::process::id()));
    let beside = PathBuf::from(beside);
    fs::write(&beside, text)?;
    fs::rename(&beside, path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TempDir;

    #[test]
    fn the_file_is_what_scripts_expect() {
        let dir = TempDir::new();
        let file = dir.write("ports", "stale");
        clear(&file);
        assert!(!file.exists());
        write(&file, &["127.0.0.1:41001".parse().unwrap()], "127.0.0.1:41002".parse().unwrap()).unwrap();
        let text = fs::read_to_string(&file).unwrap();
        let pid = std::process::id();
        assert_eq!(
            text,
            format!("{{\"pid\":{pid},\"proxy\":[\"127.0.0.1:41001\"],\"admin\":\"127.0.0.1:41002\"}}\n")
        );
    }
}
