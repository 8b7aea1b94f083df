//! Where the `weir` binary is.
//!
//! Cargo names the binaries of a package to its own tests only. Ours are another package: the binary lies two
//! folders above the test that runs, and cargo's list of its sources tells whether it is up to date.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::SystemTime;

/// The binary to test: `$WEIR_BIN`, or the one that cargo built beside this test.
pub(crate) fn weir() -> &'static Path {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    FOUND.get_or_init(find)
}

fn find() -> PathBuf {
    if let Some(named) = std::env::var_os("WEIR_BIN") {
        return PathBuf::from(named);
    }
    let test = std::env::current_exe().expect("a test knows its own path");
    let binary = test.ancestors().nth(2).map(|target| target.join("weir")).expect("tests lie in target/PROFILE/deps");
    let sources = fs::read_to_string(binary.with_extension("d"));
    let (Ok(built), Ok(sources)) = (modified(&binary), sources) else {
        panic!("there is no {}: run `cargo build --bin weir`", binary.display());
    };
    // `BINARY: SOURCE SOURCE …`, blanks in names escaped by a backslash; weir's sources have none.
    for source in sources.split_whitespace().skip(1) {
        let newer = modified(Path::new(source)).is_ok_and(|changed| changed > built);
        assert!(!newer, "{} is older than {source}: run `cargo build --bin weir`", binary.display());
    }
    binary
}

fn modified(path: &Path) -> std::io::Result<SystemTime> {
    fs::metadata(path)?.modified()
}
