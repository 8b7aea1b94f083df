//! Bound sockets become serving listeners.

use std::os::fd::IntoRawFd;
use std::sync::Arc;
use std::time::Duration;

use pingora::apps::HttpServerOptions;
use pingora::apps::http_app::HttpServer;
use pingora::listeners::{L4BufferSettings, ListenerConfig};
use pingora::protocols::http::v2::server::{H2Options, default_h2_options};
use pingora::proxy::HttpProxy;
use pingora::server::configuration::ServerConf;
use pingora::server::{Fds, ListenFds};
use pingora::services::Service as _;
use pingora::services::listening::Service;

use super::admin::AdminApp;
use super::front::{Front, Gate, Times};
use super::shell::Shell;
use super::tls;
use crate::admin::AdminState;
use crate::conf::{Bound, Limits};
use crate::drain::Drain;
use crate::exchange::Engine;
use crate::upstream::Upstreams;
use crate::work;

/// Room in front of a client's socket, in bytes. A request's head and a usual prompt fit the one, an answer's head and
/// a streamed event the other; what is larger passes by them.
const READ_BUFFER: usize = 16 * 1024;
const WRITE_BUFFER: usize = 4 * 1024;

/// HTTP/2 receive windows towards clients: pingora's default of 64 KiB makes a large prompt crawl over a long line.
const H2_STREAM_WINDOW: u32 = 1 << 20;
const H2_CONNECTION_WINDOW: u32 = 4 << 20;

/// What every listener of the process shares.
#[derive(Debug)]
pub struct Edge {
    /// Serves the requests.
    pub engine: Arc<Engine<Upstreams>>,
    /// Knows when to stop.
    pub drain: Drain,
}

/// Serves clients on bound sockets until [`Drain`] says to stop accepting. Returns at once; the listeners accept as
/// soon as their tasks run.
pub fn serve(edge: &Arc<Edge>, bound: Vec<Bound>) {
    let limits = edge.engine.current.load().settings.limits;
    let gate = Gate::new(limits.connections_max);
    for Bound { listener, addr, settings } in bound {
        let conf = Arc::new(ServerConf { max_retries: tries(), ..ServerConf::default() });
        let shell = Shell::new(Arc::clone(edge), Arc::clone(&settings));
        let mut proxy = HttpProxy::new(shell, conf);
        proxy.handle_init_modules();
        proxy.server_options = Some(http_options(settings.h2c, &limits));
        proxy.h2_options = Some(h2_options(&limits));
        let times = Times { head: limits.header_read, keepalive: limits.keepalive, h2c: settings.h2c };
        let front = Front::new(proxy, gate.clone(), times);
        let name = addr.to_string();
        let mut service = Service::new(name.clone(), front);
        let mut config = ListenerConfig::tcp(&name).l4_buffer(L4BufferSettings::new(READ_BUFFER, WRITE_BUFFER));
        if settings.tls.is_some()
            && let Some(tls) = tls::settings(&edge.engine.current, settings.index)
        {
            config = config.tls(tls);
        }
        service.add_listener(config);
        start(service, name, listener, edge.drain.clone());
    }
}

/// Serves the admin page on a bound socket, also while the process drains: readiness is asked for until the end.
pub fn serve_admin(state: AdminState, listener: std::net::TcpListener) {
    let name = state.own.to_string();
    let app = HttpServer::new_app(AdminApp::new(Arc::new(state)));
    let mut service = Service::new(name.clone(), app);
    service.add_listener(ListenerConfig::tcp(&name));
    start(service, name, listener, Drain::new());
}

/// Hands the socket to pingora under its address and runs the service.
fn start<A>(mut service: Service<A>, name: String, listener: std::net::TcpListener, drain: Drain)
where
    A: pingora::apps::ServerApp + Send + Sync + 'static,
{
    let mut fds = Fds::new();
    fds.add(name, listener.into_raw_fd());
    let fds: ListenFds = Arc::new(parking_lot::Mutex::new(fds));
    work::spawn(async move { service.start_service(Some(fds), drain.stop_accepting(), 1).await });
}

/// Attempts of a tunnelled request: pingora's loop asks for a peer that often at most.
fn tries() -> usize {
    usize::try_from(weir_dsl::failover::ATTEMPTS_MAX).unwrap_or(1)
}

fn http_options(h2c: bool, limits: &Limits) -> HttpServerOptions {
    let mut options = HttpServerOptions::default();
    options.h2c = h2c;
    options.keepalive_request_limit = Some(limits.keepalive_requests_max);
    options.h2_idle_timeout = Some(limits.keepalive.max(Duration::from_secs(1)));
    options
}

fn h2_options(limits: &Limits) -> H2Options {
    let mut options = default_h2_options();
    options
        .initial_window_size(H2_STREAM_WINDOW)
        .initial_connection_window_size(H2_CONNECTION_WINDOW)
        .max_concurrent_streams(limits.h2_streams_max)
        .max_header_list_size(u32::try_from(limits.header_bytes_max).unwrap_or(u32::MAX));
    options
}
