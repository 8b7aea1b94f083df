//! Whoever can be called: the network, or the simulated vendor in this process.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use super::{Net, NetAnswer};
use crate::exchange::port::{Answer, Dial, Fault, Peer, UpstreamRequest};
use crate::sim::{Sim, SimAnswer};

/// Calls endpoints over sockets, and endpoints of provider `sim` without.
#[derive(Debug)]
pub struct Upstreams {
    /// Sockets.
    pub net: Net,
    /// Provider `sim`.
    pub sim: Sim,
}

/// An answer from either.
#[derive(Debug)]
pub enum AnyAnswer {
    /// Over a socket.
    Net(Box<NetAnswer>),
    /// From this process.
    Sim(Box<SimAnswer>),
}

impl Dial for Upstreams {
    type Answer = AnyAnswer;

    async fn send(
        &self,
        peer: &Peer,
        request: &UpstreamRequest,
        connect: Duration,
        fresh: bool,
    ) -> Result<AnyAnswer, Fault> {
        if peer.sim {
            Ok(AnyAnswer::Sim(Box::new(Box::pin(self.sim.send(peer, request, connect, fresh)).await?)))
        } else {
            Ok(AnyAnswer::Net(Box::new(self.net.send(peer, request, connect, fresh).await?)))
        }
    }
}

impl Answer for AnyAnswer {
    async fn head(&mut self) -> Result<StatusCode, Fault> {
        match self {
            Self::Net(answer) => answer.head().await,
            Self::Sim(answer) => Box::pin(answer.head()).await,
        }
    }

    fn headers(&self) -> &HeaderMap {
        match self {
            Self::Net(answer) => answer.headers(),
            Self::Sim(answer) => answer.headers(),
        }
    }

    fn reused(&self) -> bool {
        match self {
            Self::Net(answer) => answer.reused(),
            Self::Sim(answer) => answer.reused(),
        }
    }

    async fn body(&mut self) -> Result<Option<Bytes>, Fault> {
        match self {
            Self::Net(answer) => answer.body().await,
            Self::Sim(answer) => Box::pin(answer.body()).await,
        }
    }

    async fn release(self) {
        match self {
            Self::Net(answer) => answer.release().await,
            Self::Sim(answer) => Box::pin(answer.release()).await,
        }
    }
}
