//! The process's configuration: `gateway.toml` and the flags of `weir run`, checked.
//!
//! [`Settings`] is what the rest of the process sees: plain values with their units, no optional left that
//! somebody would have to default again. What a *request* may do is the policy's business, not this module's.

mod build;
mod compile;
mod error;
mod read;
mod settings;
mod tls;

#[cfg(test)]
mod tests;

pub use build::{CONF_BYTES_MAX, Overrides, load, load_elsewhere};
pub use error::{CertificateProblem, ConfError, ConfErrors, Problem};
pub use settings::{
    Admin, DrainSettings, HeaderDetail, Limits, ListenerSettings, ListenerTls, Log, LogFormat, Settings, Timeouts,
    Upstream,
};

/// A bound socket with what it is for. The caller bound it, so that a port in use is an error at the start.
#[derive(Debug)]
pub struct Bound {
    /// The socket: listening, non-blocking.
    pub listener: std::net::TcpListener,
    /// Its real address, also when port 0 was asked for.
    pub addr: std::net::SocketAddr,
    /// What it is for.
    pub settings: std::sync::Arc<ListenerSettings>,
}
