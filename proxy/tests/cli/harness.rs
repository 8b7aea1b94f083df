//! Starting weir, talking to it, waiting for it.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Long enough for a loaded machine; a test that works never waits that long.
const PATIENCE: Duration = Duration::from_secs(60);

static MADE: AtomicU32 = AtomicU32::new(0);

/// A folder of one test, gone with it.
pub(crate) struct Dir(PathBuf);

/// A serving process, killed with the test.
pub(crate) struct Weir {
    child: Child,
    pub(crate) proxy: SocketAddr,
    pub(crate) admin: SocketAddr,
    log: PathBuf,
}

/// An answer, as text.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

// === impl Dir ===

impl Dir {
    pub(crate) fn new() -> Self {
        let name = format!("weir-cli-{}-{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    /// Replaces a file in one step, as editors and `kubectl` do.
    pub(crate) fn replace(&self, name: &str, text: &str) {
        let new = self.write(&format!("{name}.new"), text);
        fs::rename(new, self.path(name)).unwrap();
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

// === commands ===

/// Runs weir to its end in a folder.
pub(crate) fn weir(dir: &Dir, args: &[&str], stdin: &str) -> Output {
    let mut child =
        command(dir, args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A command that does not read its input may be gone already.
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    child.wait_with_output().unwrap()
}

pub(crate) fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub(crate) fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn command(dir: &Dir, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_weir"));
    command.args(args).current_dir(&dir.0).env_remove("NO_COLOR");
    command
}

// === impl Weir ===

impl Weir {
    /// Starts `weir run` with these arguments on free ports.
    pub(crate) fn run(dir: &Dir, args: &[&str]) -> Self {
        let any = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"];
        Self::run_as_told(dir, &[args, &any].concat())
    }

    /// Starts `weir run` with exactly these arguments.
    pub(crate) fn run_as_told(dir: &Dir, args: &[&str]) -> Self {
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let (ports, log) = (dir.path(&format!("ports-{number}")), dir.path(&format!("log-{number}")));
        let file = fs::File::create(&log).unwrap();
        let all = [&["run", "--ports-file", ports.to_str().unwrap()], args].concat();
        let mut child =
            command(dir, &all).stdout(file.try_clone().unwrap()).stderr(file).stdin(Stdio::null()).spawn().unwrap();
        until(&format!("{} is written", ports.display()), || {
            assert!(child.try_wait().unwrap().is_none(), "weir ended: {}", fs::read_to_string(&log).unwrap());
            ports.exists()
        });
        let got: serde_json::Value = serde_json::from_str(&fs::read_to_string(&ports).unwrap()).unwrap();
        assert_eq!(got["pid"], child.id());
        let addr = |value: &serde_json::Value| value.as_str().unwrap().parse().unwrap();
        Self { child, proxy: addr(&got["proxy"][0]), admin: addr(&got["admin"]), log }
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        get(self.proxy, path).unwrap()
    }

    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &pid]).status().unwrap().success());
    }

    /// Waits for the end.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let mut ended = None;
        until("weir ends", || {
            ended = self.child.try_wait().unwrap();
            ended.is_some()
        });
        ended.unwrap()
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }
}

impl Drop for Weir {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

// === HTTP ===

pub(crate) fn get(addr: SocketAddr, path: &str) -> std::io::Result<Answer> {
    request(addr, "GET", path, "")
}

pub(crate) fn request(addr: SocketAddr, method: &str, path: &str, body: &str) -> std::io::Result<Answer> {
    let mut stream = TcpStream::connect(addr)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: {addr}\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\n\r\n{body}"
    )?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    let (head, body) = text.split_once("\r\n\r\n").ok_or(std::io::ErrorKind::UnexpectedEof)?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap();
    Ok(Answer { status, body: body.to_owned() })
}

/// Waits until something holds.
#[expect(clippy::disallowed_methods, reason = "the process under test lives in real time")]
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "waited in vain until {what}");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

/// A policy that answers `/v1/probe` with a text.
pub(crate) fn probe(text: &str) -> String {
    format!(
        "weir 1\n\nendpoint s {{\n  provider sim\n  model \"m\"\n}}\n\npolicy main {{\n  rule probe when path == \
         \"/v1/probe\" {{ respond 200 text \"{text}\" }}\n  default {{ route s }}\n}}\n"
    )
}

/// Whether a folder holds a file of this name.
pub(crate) fn exists(dir: &Dir, name: &str) -> bool {
    Path::exists(&dir.path(name))
}
