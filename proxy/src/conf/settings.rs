//! The checked values, with their defaults.
//!
//! Defaults fit model APIs: long silences before a first token are normal, long bodies too.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::secret::Secret;

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Everything that a process is told from outside its policy.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The root policy file; `None` for the built-in quickstart.
    pub policy: Option<PathBuf>,
    /// Worker threads.
    pub threads: NonZeroUsize,
    /// Listeners in written order; never empty.
    pub listeners: Vec<Arc<ListenerSettings>>,
    /// The admin listener.
    pub admin: Admin,
    /// Sizes and rates that are refused.
    pub limits: Limits,
    /// Timers that apply where the policy says nothing.
    pub timeouts: Timeouts,
    /// Connections to upstreams.
    pub upstream: Upstream,
    /// How the process ends.
    pub drain: DrainSettings,
    /// What the process says about itself.
    pub log: Log,
    /// How policies are compiled.
    pub compile: weir_dsl::Options,
    /// Where the real addresses are written once every listener accepts.
    pub ports_file: Option<PathBuf>,
    /// Where a successor asks for the listening sockets.
    pub upgrade_socket: Option<PathBuf>,
    /// Files that these settings came from: a change of one is a reason to load again.
    pub files: Vec<PathBuf>,
}

/// One listening socket.
#[derive(Clone, Debug)]
pub struct ListenerSettings {
    /// Place in [`Settings::listeners`].
    pub index: usize,
    /// Where it was asked to bind; port 0 means any.
    pub addr: SocketAddr,
    /// Which `policy` of the file judges its requests; `None` means `main`, or the only one.
    pub policy: Option<Arc<str>>,
    /// TLS; `None` for clear text.
    pub tls: Option<ListenerTls>,
    /// HTTP/2 with prior knowledge on a clear-text socket.
    pub h2c: bool,
    /// Which headers of ours clients see.
    pub headers: HeaderDetail,
}

/// Certificates of a listener, read and checked. A reload reads them again: take them from the newest settings
/// for each handshake.
#[derive(Clone, Debug)]
pub struct ListenerTls {
    /// Chain and key.
    pub certified: Arc<rustls::sign::CertifiedKey>,
    /// Asks clients for certificates of these roots, and refuses them without one.
    pub client_verifier: Option<Arc<dyn rustls::server::danger::ClientCertVerifier>>,
}

/// Which headers of ours clients see.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum HeaderDetail {
    /// Rule, endpoint, attempts, times: the default on loopback.
    Debug,
    /// The request id only: the default elsewhere.
    Minimal,
}

/// The admin listener.
#[derive(Clone, Debug)]
pub struct Admin {
    /// Where it binds.
    pub addr: SocketAddr,
    /// What callers must send as `Authorization: Bearer …`; always set when `addr` is not loopback.
    pub token: Option<Secret>,
}

/// Sizes and rates that are refused. Sizes are bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// A request body.
    pub body_bytes_max: usize,
    /// All request bodies held at one time in the whole process.
    pub body_bytes_inflight_max: usize,
    /// Silence while a body is sent.
    pub body_idle: Duration,
    /// Slowest upload, bytes per second, averaged over the time since the head, after `body_idle`.
    pub body_rate_min: u64,
    /// Request line and headers together.
    pub header_bytes_max: usize,
    /// Header lines.
    pub header_count_max: usize,
    /// From the first byte of a request to the end of its head.
    pub header_read: Duration,
    /// Silence between two requests on a connection.
    pub keepalive: Duration,
    /// Requests on one connection.
    pub keepalive_requests_max: u32,
    /// Open client connections of the whole process.
    pub connections_max: usize,
    /// Streams of one HTTP/2 connection.
    pub h2_streams_max: u32,
    /// A client that does not read.
    pub write: Duration,
    /// Events of a stream held back before the first meaningful one.
    pub hold_events_max: usize,
    /// Bytes of a stream held back before the first meaningful event.
    pub hold_bytes_max: usize,
    /// One event of a stream.
    pub event_bytes_max: usize,
    /// Bytes of an upstream's error answer that are looked at.
    pub error_bytes_max: usize,
}

/// Timers that apply where the policy says nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Timeouts {
    /// Until the connection (and TLS) stands.
    pub connect: Duration,
    /// A streamed request: until the first meaningful event.
    pub first_byte: Duration,
    /// A request that is not streamed: until the answer begins, which is when the whole text was generated.
    pub first_byte_whole: Duration,
    /// Between two reads of an answer.
    pub idle: Duration,
    /// The whole exchange, over all attempts.
    pub total: Duration,
}

/// Connections to upstreams.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Upstream {
    /// Idle connections kept for one address of one endpoint.
    pub idle_per_address_max: usize,
    /// How long an idle one is kept. Below what providers keep, so that they do not close first.
    pub idle: Duration,
    /// Streams on one HTTP/2 connection.
    pub h2_streams_max: usize,
    /// Receive window of one HTTP/2 stream.
    pub h2_window_bytes: u32,
    /// How long a resolved name is used before it is asked again.
    pub dns_refresh: Duration,
}

/// How the process ends after SIGTERM.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct DrainSettings {
    /// Readiness says no, listeners stay open.
    pub notice: Duration,
    /// What runs may finish within this time after the listeners closed.
    pub max: Duration,
}

/// What the process says about itself.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Log {
    /// How lines look.
    pub format: LogFormat,
    /// Least important level that is written.
    pub level: log::LevelFilter,
    /// One line for each request.
    pub access: bool,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

// === impl Settings ===

impl Default for Settings {
    fn default() -> Self {
        Self {
            policy: None,
            threads: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            listeners: vec![Arc::new(ListenerSettings::clear(0, SocketAddr::new(LOOPBACK, 8080)))],
            admin: Admin { addr: SocketAddr::new(LOOPBACK, 9090), token: None },
            limits: Limits::default(),
            timeouts: Timeouts::default(),
            upstream: Upstream::default(),
            drain: DrainSettings::default(),
            log: Log::default(),
            compile: weir_dsl::Options::default(),
            ports_file: None,
            upgrade_socket: None,
            files: Vec::new(),
        }
    }
}

// === impl ListenerSettings ===

impl ListenerSettings {
    /// Clear text with the defaults for its address.
    #[must_use]
    pub fn clear(index: usize, addr: SocketAddr) -> Self {
        Self { index, addr, policy: None, tls: None, h2c: true, headers: HeaderDetail::default_for(addr.ip()) }
    }
}

// === impl HeaderDetail ===

impl HeaderDetail {
    /// Loopback listeners are for debugging, others for strangers.
    #[must_use]
    pub fn default_for(ip: IpAddr) -> Self {
        if ip.is_loopback() { Self::Debug } else { Self::Minimal }
    }
}

// === impl Limits ===

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes_max: 32 << 20,
            body_bytes_inflight_max: 512 << 20,
            body_idle: Duration::from_secs(30),
            body_rate_min: 1024,
            header_bytes_max: 64 << 10,
            header_count_max: 128,
            header_read: Duration::from_secs(10),
            keepalive: Duration::from_secs(75),
            keepalive_requests_max: 10_000,
            connections_max: 16_384,
            h2_streams_max: 256,
            write: Duration::from_secs(60),
            hold_events_max: 64,
            hold_bytes_max: 256 << 10,
            event_bytes_max: 8 << 20,
            error_bytes_max: 64 << 10,
        }
    }
}

// === impl Timeouts ===

impl Timeouts {
    /// The timer until an answer begins.
    #[must_use]
    pub fn first_byte_of(&self, stream: bool) -> Duration {
        if stream { self.first_byte } else { self.first_byte_whole }
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(2),
            first_byte: Duration::from_secs(60),
            first_byte_whole: Duration::from_secs(300),
            idle: Duration::from_secs(60),
            total: Duration::from_secs(600),
        }
    }
}

// === impl Upstream ===

impl Default for Upstream {
    fn default() -> Self {
        Self {
            idle_per_address_max: 1024,
            idle: Duration::from_secs(50),
            h2_streams_max: 100,
            h2_window_bytes: 1 << 20,
            dns_refresh: Duration::from_secs(30),
        }
    }
}

// === impl DrainSettings ===

impl Default for DrainSettings {
    fn default() -> Self {
        Self { notice: Duration::ZERO, max: Duration::from_secs(30) }
    }
}

// === impl Log ===

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::Text, level: log::LevelFilter::Info, access: false }
    }
}
