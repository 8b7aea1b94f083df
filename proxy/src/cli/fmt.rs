//! `weir fmt FILE…`: the one canonical layout.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use weir_dsl::Limits;
use weir_dsl::diag;
use weir_dsl::span::{Source, SourceId, Sources};
use weir_dsl::syntax;

use super::screen::Screen;
use super::{BAD, GOOD};

/// What `weir fmt` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Files to rewrite in place; `-` reads standard input and writes standard output
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Change nothing; name the files that would change, and exit with 1 if there are any
    #[arg(long)]
    check: bool,
}

pub(super) fn run(args: &Args, screen: &mut Screen) -> u8 {
    args.files.iter().map(|file| format_one(file, args.check, screen)).max().unwrap_or(GOOD)
}

fn format_one(file: &Path, check: bool, screen: &mut Screen) -> u8 {
    let is_stdin = file == Path::new("-");
    let name = if is_stdin { "<stdin>".to_owned() } else { file.display().to_string() };
    let bytes = match if is_stdin { read(io::stdin()) } else { File::open(file).and_then(read) } {
        Ok(bytes) => bytes,
        Err(e) => return screen.broken(&format!("cannot read `{name}`: {e}")),
    };
    let (text, formatted) = match canonical(&name, &bytes) {
        Ok(both) => both,
        Err(Broken { found, sources }) => {
            screen.tell(&diag::text(&found, &sources, screen.style()));
            return BAD;
        }
    };
    if check {
        if text == formatted {
            return GOOD;
        }
        screen.say(&format!("{name}\n"));
        return BAD;
    }
    if is_stdin {
        screen.say(&formatted);
    } else if text != formatted
        && let Err(e) = replace(file, &formatted)
    {
        return screen.broken(&format!("cannot write `{name}`: {e}"));
    }
    GOOD
}

fn read(from: impl Read) -> io::Result<Vec<u8>> {
    let most = u64::try_from(Limits::default().file_bytes).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    from.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// What is wrong with one file.
struct Broken {
    found: Vec<diag::Diagnostic>,
    sources: Sources,
}

/// The text as it is, and as it should be.
fn canonical(name: &str, bytes: &[u8]) -> Result<(String, String), Broken> {
    let id = SourceId(0);
    let (text, problem) = syntax::decode(id, bytes, Limits::default().file_bytes);
    let mut found: Vec<_> = problem.into_iter().collect();
    if found.is_empty() {
        let tree = syntax::parse(id, &text, &mut found);
        if let Ok(formatted) = syntax::format(&tree, &text) {
            return Ok((text, formatted));
        }
    }
    let mut sources = Sources::default();
    sources.add(Source::new(name, text));
    Err(Broken { found, sources })
}

/// Replaces a file's content in one step, so that a reader (a running weir) never sees half of it.
fn replace(file: &Path, text: &str) -> io::Result<()> {
    // The file behind a symbolic link is replaced, not the link.
    let real = file.canonicalize()?;
    let mut beside = real.as_os_str().to_owned();
    beside.push(format!(".{}.tmp", std::process::id()));
    let beside = PathBuf::from(beside);
    let written = File::create_new(&beside).and_then(|mut new| {
        new.write_all(text.as_bytes())?;
        new.set_permissions(fs::metadata(&real)?.permissions())?;
        new.sync_all()?;
        fs::rename(&beside, &real)
    });
    if written.is_err() {
        // Nothing can be done about a leftover that cannot be removed.
        drop(fs::remove_file(&beside));
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TempDir;

    #[test]
    fn replacing_keeps_the_link_and_the_permissions() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let dir = TempDir::new();
        let real = dir.write("real.weir", "before");
        fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).unwrap();
        symlink(&real, dir.path("link.weir")).unwrap();
        replace(&dir.path("link.weir"), "after").unwrap();
        assert!(dir.path("link.weir").is_symlink());
        assert_eq!(fs::read_to_string(&real).unwrap(), "after");
        assert_eq!(fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o640);
    }
}
