//! Clear-text HTTP/1.1: one write for head and body, pingora's reader for the answer.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use pingora::connectors::TransportConnector;
use pingora::protocols::Stream;
use pingora::protocols::http::client::HttpSession;
use pingora::protocols::http::v1::client::HttpSession as Http1;
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

use super::answer::{Home, NetAnswer};
use super::idle::IdlePool;
use super::peer::Peers;
use super::{TransportLimits, fault, request};
use crate::exchange::port::{Fault, Peer, UpstreamRequest};

/// Up to here head and body are copied into one buffer and written at once; above, slices are written as they
/// are and the upstream may answer early.
const ONE_WRITE_MAX: usize = 64 * 1024;

pub(super) struct Clear {
    limits: TransportLimits,
    transport: TransportConnector,
    peers: Peers,
    idle: Arc<IdlePool>,
}

// === impl Clear ===

impl Clear {
    pub(super) fn new(limits: TransportLimits) -> Self {
        Self {
            limits,
            transport: TransportConnector::new(None),
            peers: Peers::default(),
            idle: Arc::new(IdlePool::new(limits.idle_per_peer_max, limits.idle_max)),
        }
    }

    pub(super) fn sweep(&self) {
        self.idle.sweep();
    }

    pub(super) async fn send(
        &self,
        peer: &Peer,
        address: SocketAddr,
        request: &UpstreamRequest,
        connect: Duration,
        fresh: bool,
    ) -> Result<NetAnswer, Fault> {
        let key = (peer.key, address);
        let pooled = if fresh { None } else { self.idle.take(key) };
        let reused = pooled.is_some();
        let stream = match pooled {
            Some(stream) => stream,
            // Boxed, here and below, because these futures are large and rare: what they hold would be moved with
            // every request.
            None => Box::pin(self.connect(peer, address, connect)).await?,
        };
        let home = Home::Idle(Arc::clone(&self.idle), key);
        if request::body_len(request) <= ONE_WRITE_MAX {
            let stream = write_once(stream, request).await.map_err(|_| Fault::Reset { stale: reused })?;
            return Ok(NetAnswer::new(HttpSession::H1(Http1::new(stream)), home, reused, true));
        }
        let mut answer = NetAnswer::new(HttpSession::H1(Http1::new(stream)), home, reused, false);
        Box::pin(answer.write(request, false)).await?;
        Ok(answer)
    }

    async fn connect(&self, peer: &Peer, address: SocketAddr, connect: Duration) -> Result<Stream, Fault> {
        let prepared = self.peers.prepare(peer, address, connect, &self.limits)?;
        match timeout(connect, self.transport.new_stream(&*prepared)).await {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(error)) => Err(fault::connecting(&error)),
            Err(_) => Err(Fault::ConnectTimeout),
        }
    }
}

async fn write_once(mut stream: Stream, request: &UpstreamRequest) -> std::io::Result<Stream> {
    let length = request::body_len(request);
    let mut bytes = request::head_bytes(request, length);
    for slice in &request.body {
        bytes.extend_from_slice(slice);
    }
    stream.write_all(&bytes).await?;
    stream.flush().await?;
    Ok(stream)
}
