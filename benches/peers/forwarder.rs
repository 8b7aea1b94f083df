//! The floor of weir's stack: the least that a pingora proxy does. It forwards as it comes, to one upstream, and
//! looks at nothing.

use async_trait::async_trait;
use clap::Parser;
use pingora::prelude::{HttpPeer, Result, Server, Session, http_proxy_service};
use pingora::proxy::ProxyHttp;
use pingora::server::configuration::ServerConf;
use std::net::SocketAddr;

#[derive(Debug, Parser)]
struct Args {
    /// Where to listen on 127.0.0.1.
    #[arg(long)]
    port: u16,
    /// The upstream's port on 127.0.0.1.
    #[arg(long)]
    upstream: u16,
}

#[derive(Debug)]
struct Forwarder {
    upstream: SocketAddr,
}

#[async_trait]
impl ProxyHttp for Forwarder {
    type CTX = ();

    fn new_ctx(&self) {}

    async fn upstream_peer(&self, _session: &mut Session, _ctx: &mut ()) -> Result<Box<HttpPeer>> {
        Ok(Box::new(HttpPeer::new(self.upstream, false, String::new())))
    }
}

fn main() {
    let args = Args::parse();
    let conf = ServerConf {
        threads: 1,
        upstream_keepalive_pool_size: 16_384,
        grace_period_seconds: Some(0),
        graceful_shutdown_timeout_seconds: Some(0),
        ..ServerConf::default()
    };
    let mut server = Server::new_with_opt_and_conf(None, conf);
    server.bootstrap();
    let forwarder = Forwarder { upstream: ([127, 0, 0, 1], args.upstream).into() };
    let mut service = http_proxy_service(&server.configuration, forwarder);
    service.add_tcp(&format!("127.0.0.1:{}", args.port));
    server.add_service(service);
    server.run_forever();
}
