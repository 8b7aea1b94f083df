//! TLS and HTTP/2, through pingora's `Connector`: ALPN, its pools, its sessions.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use pingora::connectors::http::Connector;
use pingora::protocols::http::client::HttpSession;
use tokio::time::timeout;

use super::answer::{Home, NetAnswer};
use super::peer::Peers;
use super::{Prepared, TransportLimits, fault};
use crate::exchange::port::{Fault, Peer, UpstreamRequest};

pub(super) struct Secure {
    limits: TransportLimits,
    connector: Arc<Connector>,
    peers: Peers,
}

// === impl Secure ===

impl Secure {
    pub(super) fn new(limits: TransportLimits) -> Self {
        Self { limits, connector: Arc::new(Connector::new(None)), peers: Peers::default() }
    }

    /// The peer's settings for pingora.
    pub(super) fn prepare(&self, peer: &Peer, address: SocketAddr, connect: Duration) -> Result<Prepared, Fault> {
        self.peers.prepare(peer, address, connect, &self.limits)
    }

    pub(super) async fn send(
        &self,
        peer: &Peer,
        address: SocketAddr,
        request: &UpstreamRequest,
        connect: Duration,
        fresh: bool,
    ) -> Result<NetAnswer, Fault> {
        let prepared = self.peers.prepare(peer, address, connect, &self.limits)?;
        let (session, reused) = self.open(&prepared, connect, fresh).await?;
        let home = Home::Pool(Arc::clone(&self.connector), prepared, self.limits.idle_max);
        let mut answer = NetAnswer::new(session, home, reused, false);
        answer.write(request, peer.tls.is_some()).await?;
        Ok(answer)
    }

    /// A session; with `fresh`, pooled HTTP/1 connections are thrown away until a new one is made.
    async fn open(&self, peer: &Prepared, connect: Duration, fresh: bool) -> Result<(HttpSession, bool), Fault> {
        // Bounded: each round takes one idle connection out of the pool.
        for _ in 0..=self.limits.idle_per_peer_max {
            let opened = timeout(connect, self.connector.get_http_session(&**peer)).await;
            let (mut session, reused) = match opened {
                Ok(Ok(opened)) => opened,
                Ok(Err(error)) => return Err(fault::connecting(&error)),
                Err(_) => return Err(Fault::ConnectTimeout),
            };
            if fresh && reused && session.as_http1().is_some() {
                session.shutdown().await;
                continue;
            }
            return Ok((session, reused));
        }
        Err(Fault::Connect)
    }
}
