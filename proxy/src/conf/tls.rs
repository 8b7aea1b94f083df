//! Certificates of listeners: read and checked while the configuration is loaded, so that a bad file is an
//! error with a name and never a listener that fails its handshakes.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::sign::CertifiedKey;

use super::error::{CertificateProblem, Problem};

/// Longest PEM file that is read.
const PEM_BYTES_MAX: u64 = 1 << 20;

/// Chain and key of a listener, the key proven to be the certificate's.
pub(super) fn certified(cert: &Path, key: &Path) -> Result<Arc<CertifiedKey>, Problem> {
    let chain = certificates(cert)?;
    let wrong_key = |reason| Problem::Certificate { path: key.to_owned(), reason };
    let der = open(key)
        .and_then(|mut pem| rustls_pemfile::private_key(&mut pem))
        .map_err(|e| wrong_key(CertificateProblem::Unreadable(e)))?
        .ok_or_else(|| wrong_key(CertificateProblem::NoKey))?;
    CertifiedKey::from_der(chain, der, &rustls::crypto::ring::default_provider())
        .map(Arc::new)
        .map_err(|e| wrong_key(CertificateProblem::Unusable(e)))
}

/// A verifier that refuses clients without a certificate of these roots.
pub(super) fn client_verifier(roots: &Path) -> Result<Arc<dyn ClientCertVerifier>, Problem> {
    let wrong = |reason| Problem::Certificate { path: roots.to_owned(), reason };
    let mut store = RootCertStore::empty();
    for certificate in certificates(roots)? {
        store.add(certificate).map_err(|e| wrong(CertificateProblem::Unusable(e)))?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    WebPkiClientVerifier::builder_with_provider(Arc::new(store), provider)
        .build()
        .map_err(|e| wrong(CertificateProblem::Roots(e)))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Problem> {
    let wrong = |reason| Problem::Certificate { path: path.to_owned(), reason };
    let chain: Vec<_> = open(path)
        .and_then(|mut pem| rustls_pemfile::certs(&mut pem).collect())
        .map_err(|e| wrong(CertificateProblem::Unreadable(e)))?;
    if chain.is_empty() {
        return Err(wrong(CertificateProblem::NoCertificate));
    }
    Ok(chain)
}

fn open(path: &Path) -> std::io::Result<BufReader<std::io::Take<File>>> {
    Ok(BufReader::new(File::open(path)?.take(PEM_BYTES_MAX)))
}
