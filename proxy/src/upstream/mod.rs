//! Sockets towards endpoints: name resolution, connections, pools, HTTP/1.1 and HTTP/2.
//!
//! This module and [`crate::edge`] are the only ones that name pingora. It refuses to decide anything: where to
//! send, what to send and what to make of an answer is the exchange's business.
//!
//! Clear-text HTTP/1.1 (`clear`) writes head and body in one go and keeps its own idle connections; everything
//! with TLS or HTTP/2 (`secure`) goes through pingora's `Connector` with its pools and ALPN.

use std::sync::Arc;
use std::time::Duration;

use pingora::protocols::l4::socket::SocketAddr as PingoraAddr;
use pingora::upstreams::peer::HttpPeer;

use crate::exchange::port::{Dial, Fault, Peer, UpstreamRequest};

mod answer;
mod any;
mod clear;
mod fault;
mod idle;
mod peer;
mod request;
pub mod resolve;
mod secure;

pub use answer::NetAnswer;
pub use any::{AnyAnswer, Upstreams};
pub use resolve::Resolver;

/// Sizes and times of the transport; every one has its key in `gateway.toml`.
#[derive(Clone, Copy, Debug)]
pub struct TransportLimits {
    /// Idle connections kept for one endpoint address.
    pub idle_per_peer_max: usize,
    /// How long an idle connection is kept.
    pub idle_max: Duration,
    /// Concurrent HTTP/2 streams on one connection.
    pub h2_streams_max: usize,
    /// HTTP/2 receive window of one stream, in bytes.
    pub h2_stream_window_bytes: u32,
    /// How long a resolved name is used before it is asked for again.
    pub resolve_max_age: Duration,
}

impl Default for TransportLimits {
    fn default() -> Self {
        Self {
            idle_per_peer_max: 1024,
            idle_max: Duration::from_secs(60),
            h2_streams_max: 100,
            h2_stream_window_bytes: 1 << 20,
            resolve_max_age: Duration::from_secs(10),
        }
    }
}

/// Opens exchanges over the network.
pub struct Net {
    resolver: Resolver,
    clear: clear::Clear,
    secure: secure::Secure,
}

// === impl Net ===

impl std::fmt::Debug for Net {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Net").finish_non_exhaustive()
    }
}

impl Net {
    /// Pools without connections.
    #[must_use]
    pub fn new(limits: TransportLimits) -> Self {
        Self {
            resolver: Resolver::new(limits.resolve_max_age),
            clear: clear::Clear::new(limits),
            secure: secure::Secure::new(limits),
        }
    }

    /// An endpoint's address for pingora's own pump; `None` when its name does not resolve.
    pub(crate) async fn tunnel_peer(&self, peer: &Peer, connect: Duration) -> Option<Box<HttpPeer>> {
        let address = self.resolver.resolve(&peer.host, peer.port).await?;
        self.secure.prepare(peer, address, connect).ok().map(|prepared| Box::new((*prepared).clone()))
    }

    /// Closes idle connections that are older than their limit. Call it now and then.
    pub fn sweep(&self) {
        self.clear.sweep();
    }
}

impl Dial for Net {
    type Answer = NetAnswer;

    async fn send(
        &self,
        peer: &Peer,
        request: &UpstreamRequest,
        connect: Duration,
        fresh: bool,
    ) -> Result<NetAnswer, Fault> {
        let address = self.resolver.resolve(&peer.host, peer.port).await.ok_or(Fault::Connect)?;
        if peer.tls.is_none() && !peer.h2c {
            self.clear.send(peer, address, request, connect, fresh).await
        } else {
            Box::pin(self.secure.send(peer, address, request, connect, fresh)).await
        }
    }
}

/// A peer's HTTP settings for pingora, made once for each (peer, address).
type Prepared = Arc<HttpPeer>;

fn inet(address: std::net::SocketAddr) -> PingoraAddr {
    PingoraAddr::Inet(address)
}
