//! Our [`Peer`] as pingora's `HttpPeer`, made once for each endpoint address.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use dashmap::DashMap;
use pingora::listeners::ALPN;
use pingora::protocols::tls::CaType;
use pingora::upstreams::peer::HttpPeer;
use pingora::utils::tls::{CertKey, WrappedX509, parse_x509};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};

use super::{Prepared, TransportLimits, inet};
use crate::exchange::port::{Fault, Peer, PeerTls};

/// Prepared peers by (key, address). An entry is some hundred bytes; addresses of an endpoint change rarely, and
/// the map is cleared when it outgrows its bound.
#[derive(Debug, Default)]
pub(super) struct Peers {
    made: DashMap<(u64, SocketAddr), Prepared>,
}

const PEERS_MAX: usize = 16_384;

impl Peers {
    /// The prepared peer; fails as TLS when certificate files cannot be understood.
    pub(super) fn prepare(
        &self,
        peer: &Peer,
        address: SocketAddr,
        connect: Duration,
        limits: &TransportLimits,
    ) -> Result<Prepared, Fault> {
        let key = (peer.key, address);
        if let Some(made) = self.made.get(&key)
            && made.options.total_connection_timeout == Some(connect)
        {
            return Ok(Arc::clone(&made));
        }
        let made = Arc::new(build(peer, address, connect, limits)?);
        if self.made.len() >= PEERS_MAX {
            self.made.clear();
        }
        self.made.insert(key, Arc::clone(&made));
        Ok(made)
    }
}

fn build(peer: &Peer, address: SocketAddr, connect: Duration, limits: &TransportLimits) -> Result<HttpPeer, Fault> {
    let sni = peer.tls.as_ref().map_or_else(String::new, |tls| {
        tls.server_name.as_deref().unwrap_or(&peer.host).trim_matches(['[', ']']).to_owned()
    });
    let mut made = HttpPeer::new(address, peer.tls.is_some(), sni);
    made._address = inet(address);
    made.group_key = peer.key;
    let options = &mut made.options;
    options.connection_timeout = Some(connect);
    options.total_connection_timeout = Some(connect);
    options.idle_timeout = Some(limits.idle_max);
    options.max_h2_streams = limits.h2_streams_max;
    options.h2_stream_window_size = Some(limits.h2_stream_window_bytes);
    options.alpn = if peer.h2c {
        ALPN::H2
    } else if peer.tls.is_some() {
        ALPN::H2H1
    } else {
        ALPN::H1
    };
    if let Some(tls) = &peer.tls {
        apply_tls(&mut made, tls)?;
    }
    Ok(made)
}

fn apply_tls(made: &mut HttpPeer, tls: &PeerTls) -> Result<(), Fault> {
    if let Some(pem) = &tls.ca_pem {
        let roots: Vec<WrappedX509> =
            certificates(pem)?.into_iter().map(|der| WrappedX509::new(der, parse_x509)).collect();
        made.options.ca = Some(Arc::<CaType>::from(roots.into_boxed_slice()));
    }
    if let Some((chain, key)) = &tls.client_pem {
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| Fault::Tls)?;
        made.client_cert_key = Some(Arc::new(CertKey::new(certificates(chain)?, key.secret_der().to_vec())));
    }
    Ok(())
}

fn certificates(pem: &[u8]) -> Result<Vec<Vec<u8>>, Fault> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let found = found.map_err(|_| Fault::Tls)?;
    if found.is_empty() {
        return Err(Fault::Tls);
    }
    Ok(found.into_iter().map(|der| der.to_vec()).collect())
}
