//! The simulated vendor on a socket: `weir sim`.
//!
//! HTTP/1.1 written by hand, because it must be able to misbehave: reset at a byte, break a chunk, close where
//! more is due. Every answer tells `x-sim-connection`, `x-sim-request` and `x-sim-body-sha256`, so that a client
//! behind a proxy sees what arrived; `GET /sim/stats` counts.

mod connection;
mod wire;

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::sleep;

use super::{Script, ScriptError};
use crate::work;

/// The path that answers with counts instead of a script's answer.
pub const STATS_PATH: &str = "/sim/stats";
/// Pause after a connection could not be accepted, so that a lack of descriptors is no busy loop.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What `weir sim` takes.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Address to listen on; port 0 picks a free one.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:4010")]
    pub listen: SocketAddr,
    /// Script that says what to answer; without one every request gets a friendly text.
    #[arg(long, value_name = "S.toml")]
    pub script: Option<PathBuf>,
    /// Write `{"pid","listen":[…]}` to this file once the socket accepts.
    #[arg(long, value_name = "PATH")]
    pub ports_file: Option<PathBuf>,
}

/// Why `weir sim` does not run.
#[derive(Debug, thiserror::Error)]
pub enum SimError {
    /// The script file cannot be read.
    #[error("cannot read `{path}`: {error}")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The script is wrong.
    #[error("`{path}`: {error}")]
    Script {
        /// Which.
        path: PathBuf,
        /// Why.
        error: ScriptError,
    },
    /// The address is taken, or not ours.
    #[error("cannot listen on `{address}`: {error}")]
    Bind {
        /// Which.
        address: SocketAddr,
        /// Why.
        error: io::Error,
    },
    /// The ports file cannot be written.
    #[error("cannot write `{path}`: {error}")]
    PortsFile {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The process cannot hear signals.
    #[error("cannot wait for signals: {0}")]
    Signals(io::Error),
}

/// What the connections share.
#[derive(Debug)]
struct Vendor {
    script: Script,
    requests: AtomicU64,
    connections: AtomicU64,
    /// Connections whose client left before an answer was complete.
    left: AtomicU64,
}

/// Serves until `SIGTERM` or `SIGINT`.
///
/// # Errors
/// When the script cannot be read or is wrong, the socket cannot be bound, or the ports file cannot be written.
pub async fn run(args: Args) -> Result<(), SimError> {
    let script = match &args.script {
        Some(path) => load(path).await?,
        None => Script::default(),
    };
    let vendor = Arc::new(Vendor::new(script));
    let bind = |error| SimError::Bind { address: args.listen, error };
    let listener = TcpListener::bind(args.listen).await.map_err(bind)?;
    let address = listener.local_addr().map_err(bind)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(SimError::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(SimError::Signals)?;
    if let Some(path) = &args.ports_file {
        write_ports(path, address).await.map_err(|error| SimError::PortsFile { path: path.clone(), error })?;
    }
    eprintln!("weir sim answers on http://{address}/v1");
    tokio::select! {
        () = accept(&vendor, &listener) => {}
        () = either(&mut terminate, &mut interrupt) => {}
    }
    Ok(())
}

async fn load(path: &Path) -> Result<Script, SimError> {
    let text = tokio::fs::read_to_string(path).await;
    let text = text.map_err(|error| SimError::Read { path: path.to_owned(), error })?;
    Script::parse(&text).map_err(|error| SimError::Script { path: path.to_owned(), error })
}

/// Atomically: a reader sees nothing or everything.
async fn write_ports(path: &Path, address: SocketAddr) -> io::Result<()> {
    let text = json!({"pid": std::process::id(), "listen": [address.to_string()]}).to_string();
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    tokio::fs::write(&beside, text).await?;
    tokio::fs::rename(&beside, path).await
}

async fn either(one: &mut Signal, other: &mut Signal) {
    tokio::select! {
        _ = one.recv() => {}
        _ = other.recv() => {}
    }
}

async fn accept(vendor: &Arc<Vendor>, listener: &TcpListener) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => vendor.serve(stream),
            Err(_) => sleep(ACCEPT_PAUSE).await,
        }
    }
}

// === impl Vendor ===

impl Vendor {
    fn new(script: Script) -> Self {
        Self { script, requests: AtomicU64::new(0), connections: AtomicU64::new(0), left: AtomicU64::new(0) }
    }

    fn serve(self: &Arc<Self>, stream: TcpStream) {
        let number = self.connections.fetch_add(1, Ordering::Relaxed) + 1;
        work::spawn(connection::serve(Arc::clone(self), stream, number));
    }

    fn stats(&self) -> Bytes {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let rules: Vec<Value> =
            self.script.rules.iter().map(|rule| json!({"name": rule.name, "hits": count(&rule.hits)})).collect();
        let told = json!({
            "connections": count(&self.connections),
            "requests": count(&self.requests),
            "left": count(&self.left),
            "rules": rules,
        });
        Bytes::from(told.to_string())
    }
}

#[cfg(test)]
mod tests;
