//! TLS towards an endpoint: the files behind `tls ca …` and `tls client_cert …`, read and checked at load.

use std::sync::Arc;

use bytes::Bytes;
use weir_dsl::hir::{SecretRef, Tls};

use super::target::TargetError;
use crate::exchange::port::PeerTls;
use crate::secret::{Secret, SecretError};

/// Reads what the settings name.
pub(super) fn read(
    endpoint: &Arc<str>,
    tls: &Tls,
    resolve: &dyn Fn(&SecretRef) -> Result<Secret, SecretError>,
) -> Result<PeerTls, TargetError> {
    let pem = |reference: &SecretRef, what: &'static str, wanted: fn(&[u8]) -> bool| {
        let secret = resolve(reference).map_err(|source| TargetError::Secret {
            endpoint: Arc::clone(endpoint),
            setting: what,
            source,
        })?;
        let bytes = Bytes::copy_from_slice(secret.reveal().as_bytes());
        if wanted(&bytes) {
            Ok(bytes)
        } else {
            Err(TargetError::Pem { endpoint: Arc::clone(endpoint), setting: what })
        }
    };
    let ca_pem = tls.ca.as_ref().map(|ca| pem(ca, "tls ca", has_certificate)).transpose()?;
    let client_pem = match &tls.client_cert {
        Some((chain, key)) => {
            Some((pem(chain, "tls client_cert", has_certificate)?, pem(key, "tls client_cert", has_key)?))
        }
        None => None,
    };
    Ok(PeerTls { server_name: tls.server_name.clone(), ca_pem, client_pem })
}

fn has_certificate(pem: &[u8]) -> bool {
    let mut text = pem;
    let mut found = rustls_pemfile::certs(&mut text).peekable();
    found.peek().is_some() && found.all(|certificate| certificate.is_ok())
}

fn has_key(pem: &[u8]) -> bool {
    let mut text = pem;
    matches!(rustls_pemfile::private_key(&mut text), Ok(Some(_)))
}
