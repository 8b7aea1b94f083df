//! weir as a process of its own: started with a policy, spoken to over sockets, ended with a signal.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value;

use crate::{binary, until};

/// How to start weir.
#[derive(Clone, Debug)]
pub struct Start {
    policy: String,
    files: Vec<(String, String)>,
    conf: Option<String>,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
}

/// A running weir. Dropping it kills it; its log is printed when a test fails.
#[derive(Debug)]
pub struct Weir {
    process: Process,
    /// Where clients connect: the first listener.
    pub address: SocketAddr,
    /// All listeners, in written order.
    pub listeners: Vec<SocketAddr>,
    /// The admin listener.
    pub admin: SocketAddr,
    /// The policy file.
    pub policy: PathBuf,
}

/// A running `weir sim`.
#[derive(Debug)]
pub struct Sim {
    _process: Process,
    /// Where it answers.
    pub address: SocketAddr,
}

#[derive(Debug)]
struct Process {
    child: Child,
    folder: PathBuf,
}

/// The binary, for tests that start it in their own way.
pub fn command() -> PathBuf {
    binary::weir().to_owned()
}

// === impl Start ===

impl Start {
    /// With this policy.
    pub fn new(policy: impl Into<String>) -> Self {
        Self { policy: policy.into(), files: Vec::new(), conf: None, arguments: Vec::new(), environment: Vec::new() }
    }

    /// With a file beside the policy; `{dir}` in the policy and in `gateway.toml` names their folder.
    #[must_use]
    pub fn file(mut self, name: &str, text: impl Into<String>) -> Self {
        self.files.push((name.to_owned(), text.into()));
        self
    }

    /// With a `gateway.toml`; listeners in it stand for `--listen`.
    #[must_use]
    pub fn conf(mut self, text: impl Into<String>) -> Self {
        self.conf = Some(text.into());
        self
    }

    /// With a further argument.
    #[must_use]
    pub fn argument(mut self, text: &str) -> Self {
        self.arguments.push(text.to_owned());
        self
    }

    /// With an environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Starts it and waits until it accepts.
    pub async fn start(self) -> Weir {
        let folder = folder();
        let policy = folder.join("policy.weir");
        let named = |text: &str| text.replace("{dir}", &folder.to_string_lossy());
        fs::write(&policy, named(&self.policy)).expect("the folder is writable");
        for (name, text) in &self.files {
            fs::write(folder.join(name), text).expect("the folder is writable");
        }
        let mut command = Command::new(binary::weir());
        command.arg("run").arg(&policy).args(["--admin", "127.0.0.1:0", "--ports-file"]);
        command.arg(folder.join("ports.json")).args(&self.arguments);
        if let Some(conf) = &self.conf {
            fs::write(folder.join("gateway.toml"), named(conf)).expect("the folder is writable");
            command.arg("--conf").arg(folder.join("gateway.toml"));
        }
        if !self.conf.as_ref().is_some_and(|conf| conf.contains("[[listener]]")) {
            command.args(["--listen", "127.0.0.1:0"]);
        }
        command.envs(self.environment);
        let mut process = Process::start(command, folder);
        let ports = process.ports().await;
        let listeners = addresses(&ports["proxy"]);
        let admin = ports["admin"].as_str().and_then(|text| text.parse().ok());
        Weir {
            process,
            address: listeners[0],
            listeners,
            admin: admin.expect("the ports file names the admin listener"),
            policy,
        }
    }
}

// === impl Weir ===

impl Weir {
    /// weir with a policy and defaults.
    pub async fn run(policy: impl Into<String>) -> Self {
        Start::new(policy).start().await
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.process.child.id()
    }

    /// Sends a signal: `TERM`, `HUP`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.pid().to_string()).status();
        assert!(sent.is_ok_and(|status| status.success()), "cannot signal {}", self.pid());
    }

    /// Replaces the policy at once: a reader sees the old text or the new one.
    pub fn write_policy(&self, text: &str) {
        let beside = self.policy.with_extension("new");
        fs::write(&beside, text).expect("the folder is writable");
        fs::rename(&beside, &self.policy).expect("the folder is writable");
    }

    /// Waits for its end.
    pub async fn ended(&mut self) -> ExitStatus {
        let child = &mut self.process.child;
        until("weir to end", || child.try_wait().expect("it is our child")).await
    }

    /// What it wrote so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.process.folder.join("log")).unwrap_or_default()
    }

    /// Its resident memory in KiB.
    pub fn resident_kib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
    }

    /// Its open descriptors.
    pub fn descriptors(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.pid())).map_or(0, Iterator::count)
    }
}

// === impl Sim ===

impl Sim {
    /// `weir sim` with a script.
    pub async fn run(script: &str) -> Self {
        let folder = folder();
        fs::write(folder.join("script.toml"), script).expect("the folder is writable");
        let mut command = Command::new(binary::weir());
        command.args(["sim", "--listen", "127.0.0.1:0", "--script"]).arg(folder.join("script.toml"));
        command.arg("--ports-file").arg(folder.join("ports.json"));
        let mut process = Process::start(command, folder);
        let ports = process.ports().await;
        Self { _process: process, address: addresses(&ports["listen"])[0] }
    }

    /// The base URL for an endpoint.
    pub fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// What `/sim/stats` counts.
    pub async fn stats(&self) -> Value {
        let answer = crate::client::get(self.address, "/sim/stats").await;
        serde_json::from_slice(&answer.body).expect("stats are JSON")
    }
}

// === impl Process ===

impl Process {
    fn start(mut command: Command, folder: PathBuf) -> Self {
        let log = fs::File::create(folder.join("log")).expect("the folder is writable");
        let copy = log.try_clone().expect("a descriptor can be copied");
        let child = command.stdin(Stdio::null()).stdout(log).stderr(copy).spawn();
        Self { child: child.expect("weir starts"), folder }
    }

    async fn ports(&mut self) -> Value {
        let file = self.folder.join("ports.json");
        let (child, folder) = (&mut self.child, &self.folder);
        until("the ports file", || {
            if let Ok(Some(status)) = child.try_wait() {
                panic!("weir ended with {status}: {}", log(folder));
            }
            serde_json::from_slice(&fs::read(&file).ok()?).ok()
        })
        .await
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
        if std::thread::panicking() {
            eprintln!("--- log of process {} ---\n{}", self.child.id(), log(&self.folder));
        }
        drop(fs::remove_dir_all(&self.folder));
    }
}

/// The last of what a process wrote.
fn log(folder: &Path) -> String {
    const LINES: usize = 60;
    let text = fs::read_to_string(folder.join("log")).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}

fn addresses(list: &Value) -> Vec<SocketAddr> {
    let texts = list.as_array().into_iter().flatten().filter_map(Value::as_str);
    let found: Vec<SocketAddr> = texts.filter_map(|text| text.parse().ok()).collect();
    assert!(!found.is_empty(), "the ports file names no address: {list}");
    found
}

/// A folder that no other test uses.
fn folder() -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("weir-test-{}-{number}", std::process::id()));
    fs::create_dir_all(&folder).expect("the temporary folder is writable");
    folder
}
