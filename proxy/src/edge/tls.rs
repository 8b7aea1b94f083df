//! Certificates of a TLS listener, taken from the newest settings at each handshake.

use std::fmt;
use std::sync::Arc;

use pingora::listeners::ALPN;
use pingora::listeners::tls::TlsSettings;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::snapshot::Current;

/// Gives a listener's certificate as the newest snapshot has it, so that a renewed one needs no restart.
struct Newest {
    current: Arc<Current>,
    listener: usize,
}

impl fmt::Debug for Newest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Newest").field("listener", &self.listener).finish_non_exhaustive()
    }
}

impl ResolvesServerCert for Newest {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let snapshot = self.current.load();
        let tls = snapshot.settings.listeners.get(self.listener)?.tls.as_ref()?;
        Some(Arc::clone(&tls.certified))
    }
}

/// pingora's settings for a listener; `None` when it has no TLS.
pub(super) fn settings(current: &Arc<Current>, listener: usize) -> Option<TlsSettings> {
    let snapshot = current.load();
    let tls = snapshot.settings.listeners.get(listener)?.tls.as_ref()?;
    // The paths are not read: a resolver is set.
    let mut settings = TlsSettings::intermediate("", "").ok()?;
    settings.set_cert_resolver(Arc::new(Newest { current: Arc::clone(current), listener }));
    if let Some(verifier) = &tls.client_verifier {
        settings.set_client_cert_verifier(Arc::clone(verifier));
    }
    settings.set_alpn(ALPN::H2H1);
    Some(settings)
}
