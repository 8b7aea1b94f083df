//! Endpoints: a provider at a base URL, with its models, credential and timers.

use std::sync::Arc;
use std::time::Duration;

use crate::span::Span;

/// Provider + base URL + models + credential.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// Its name, with the import alias where it has one: `m.gpu-eu`.
    pub name: Arc<str>,
    /// Declaration.
    pub span: Span,
    /// Provider kind: `openai`, `compatible`, `sim` …; one of `words`' table.
    pub provider: Arc<str>,
    /// Base URL as the vendor's SDK writes it.
    pub url: Option<Arc<str>>,
    /// Credential.
    pub key: Option<SecretRef>,
    /// Models it serves; empty: any name.
    pub models: Vec<Model>,
    /// Region.
    pub region: Option<Arc<str>>,
    /// Zone.
    pub zone: Option<Arc<str>>,
    /// Weight inside a pool that does not say its own.
    pub weight: u32,
    /// Requests in flight at most.
    pub capacity: Option<u32>,
    /// Timers.
    pub timeouts: Timeouts,
    /// Extra request headers.
    pub headers: Vec<(Arc<str>, HeaderValue)>,
    /// TLS towards it.
    pub tls: Tls,
    /// Active health check.
    pub health: Option<Health>,
}

/// A model that an endpoint serves.
#[derive(Clone, Debug)]
pub struct Model {
    /// The name that policies and clients use.
    pub public: Arc<str>,
    /// The name the endpoint wants.
    pub upstream: Arc<str>,
    /// Context window in tokens.
    pub context: Option<u64>,
    /// Longest answer in tokens.
    pub max_output: Option<u64>,
    /// Price of a million input tokens, in millionths of a dollar.
    pub price_input: Option<i64>,
    /// Price of a million output tokens, in millionths of a dollar.
    pub price_output: Option<i64>,
    /// Capabilities; empty: not stated.
    pub supports: Vec<Arc<str>>,
}

/// Where a secret is found; never the secret.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum SecretRef {
    /// `env:NAME`
    Env(Arc<str>),
    /// `file:PATH`
    File(Arc<str>),
    /// `vault:PATH#KEY`
    Vault(Arc<str>),
}

/// A header's value.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum HeaderValue {
    /// As written.
    Text(Arc<str>),
    /// From a secret.
    Secret(SecretRef),
}

/// Timers; `None` means the process default.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct Timeouts {
    /// Until the connection (and TLS) stands.
    pub connect: Option<Duration>,
    /// From the request sent to the first meaningful byte of the answer.
    pub first_byte: Option<Duration>,
    /// Between two reads of the answer.
    pub idle: Option<Duration>,
    /// The whole exchange, over all attempts.
    pub total: Option<Duration>,
}

/// TLS settings towards an endpoint.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Tls {
    /// CA bundle.
    pub ca: Option<SecretRef>,
    /// Client certificate chain and key.
    pub client_cert: Option<(SecretRef, SecretRef)>,
    /// Name to expect instead of the host.
    pub server_name: Option<Arc<str>>,
}

/// `health get P every d timeout d up n down n`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Health {
    /// Path.
    pub path: Arc<str>,
    /// Period.
    pub every: Duration,
    /// Time for one probe.
    pub timeout: Duration,
    /// Good probes until it is up.
    pub up: u32,
    /// Bad probes until it is down.
    pub down: u32,
}
