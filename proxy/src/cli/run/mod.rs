//! `weir run`: from the command line to a serving process, and to its end.
//!
//! [`run`] is the life of the process, readable from the top. Policy and configuration are checked before a socket
//! is bound, sockets are bound before anything is served, and every step that fails says why and ends with its
//! exit code.

mod bind;
mod operator;
mod ports;
mod serve;
mod signals;
mod upgrade;

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::runtime::Runtime;

use super::screen::Screen;
use super::{BAD, BROKEN, GOOD};
use crate::conf::{self, LogFormat, Overrides, Problem, Settings};
use crate::journal;

/// Threads for what blocks: reading files, compiling policies, asking for addresses.
const BLOCKING_THREADS_MAX: usize = 16;

/// What `weir run` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Root file of the policy; without one, the built-in quickstart runs
    policy: Option<PathBuf>,
    /// Process configuration; every flag below also has its key there
    #[arg(long, value_name = "TOML")]
    conf: Option<PathBuf>,
    /// Where clients connect; repeat it for more listeners; port 0 picks a free one
    #[arg(long, value_name = "ADDR")]
    listen: Vec<SocketAddr>,
    /// Where the admin page is
    #[arg(long, value_name = "ADDR")]
    admin: Option<SocketAddr>,
    /// Worker threads
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
    /// Lay this overlay over the policy
    #[arg(long, value_name = "NAME")]
    env: Option<String>,
    /// Write the real addresses to this file once every listener accepts
    #[arg(long, value_name = "PATH")]
    ports_file: Option<PathBuf>,
    /// Take the listening sockets over from the process that has them; it then drains
    #[arg(long)]
    upgrade: bool,
    /// How log lines look
    #[arg(long, value_name = "FORMAT")]
    log: Option<Format>,
    /// Least important level that is written: off, error, warn, info, debug, trace
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<log::LevelFilter>,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Format {
    Text,
    Json,
}

pub(super) fn run(args: Args, screen: &mut Screen) -> u8 {
    let (conf, upgrade, overrides) = (args.conf.clone(), args.upgrade, args.overrides());
    let settings = match conf::load(conf.as_deref(), &overrides) {
        Ok(settings) => settings,
        Err(errors) => {
            screen.tell(&format!("{errors}\n"));
            let unreadable = errors.0.iter().any(|e| matches!(e.problem, Problem::Unreadable(_)));
            return if unreadable { BROKEN } else { BAD };
        }
    };
    journal::start(&settings.log);
    bind::raise_descriptor_limit();
    let runtime = match runtime(settings.threads) {
        Ok(runtime) => runtime,
        Err(e) => return screen.broken(&format!("cannot start {} threads: {e}", settings.threads)),
    };
    let start = serve::Start { conf, overrides, settings: Arc::new(settings), upgrade };
    let code = runtime.block_on(serve::process(start, screen));
    // Whatever still runs was given its time.
    runtime.shutdown_background();
    code
}

/// One thread needs no work stealing, and is faster without it.
fn runtime(threads: NonZeroUsize) -> std::io::Result<Runtime> {
    let mut builder = match threads.get() {
        1 => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    if threads.get() > 1 {
        builder.worker_threads(threads.get());
    }
    builder.enable_all().max_blocking_threads(BLOCKING_THREADS_MAX).thread_name("weir").build()
}

// === impl Args ===

impl Args {
    fn overrides(self) -> Overrides {
        Overrides {
            policy: self.policy,
            listen: self.listen,
            admin: self.admin,
            threads: self.threads,
            env: self.env.map(Arc::from),
            ports_file: self.ports_file,
            log_format: self.log.map(|format| match format {
                Format::Text => LogFormat::Text,
                Format::Json => LogFormat::Json,
            }),
            log_level: self.log_level,
        }
    }
}

/// What a newcomer needs: where it answers, something to paste, where the admin page is.
fn welcome(settings: &Settings, proxy: Option<SocketAddr>, admin: SocketAddr) -> Option<String> {
    let scheme = if settings.listeners.first()?.tls.is_some() { "https" } else { "http" };
    let base = format!("{scheme}://{}/v1", proxy.filter(|_| settings.policy.is_none())?);
    Some(format!(
        "weir answers on {base} with its built-in policy: no key, no network; `weir run POLICY.weir` serves yours\n\
         curl {base}/chat/completions -H 'content-type: application/json' \
         -d '{{\"model\":\"weir-demo\",\"messages\":[{{\"role\":\"user\",\"content\":\"hello\"}}]}}'\n\
         admin page: http://{admin}/policy, metrics: http://{admin}/metrics\n"
    ))
}
