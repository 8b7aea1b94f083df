//! What is wrong with a configuration file: where, what was expected, what stands there.
//!
//! Messages quote what the user wrote, except where it could be a secret.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::secret::SecretError;

/// Everything that is wrong with one configuration; never empty.
#[derive(Debug)]
pub struct ConfErrors(pub Vec<ConfError>);

/// One problem and its place.
#[derive(Debug)]
pub struct ConfError {
    /// Path of the key in the file, `limits.body_bytes_max`; empty for the file as a whole.
    pub key: String,
    /// `gateway.toml:12:18`, or the flag that it came from.
    pub place: String,
    /// What is wrong.
    pub problem: Problem,
}

/// What is wrong.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// The file cannot be read.
    #[error("cannot read the configuration: {0}")]
    Unreadable(std::io::Error),
    /// The file is longer than [`super::CONF_BYTES_MAX`].
    #[error("the file is larger than {} bytes", super::CONF_BYTES_MAX)]
    TooLarge,
    /// It is not TOML.
    #[error("not valid TOML: {0}")]
    Syntax(String),
    /// There is no such key.
    #[error("there is no key `{name}` {}", suggestion(.near.as_ref(), .known))]
    Unknown {
        /// As written.
        name: String,
        /// What was probably meant.
        near: Option<&'static str>,
        /// What there is.
        known: Vec<&'static str>,
    },
    /// The value is not what the key takes.
    #[error("expected {expected}, got {got}")]
    Mismatch {
        /// What the key takes.
        expected: String,
        /// What stands there.
        got: String,
    },
    /// A key that must be there is not.
    #[error("missing: expected {0}")]
    Missing(&'static str),
    /// Two listeners want the same address.
    #[error("`{0}` is used twice: each listener needs an address of its own")]
    SameAddress(SocketAddr),
    /// The admin listener would be open to strangers.
    #[error("`{0}` is not loopback: set `admin.token = \"env:NAME\"` or bind the admin listener to `127.0.0.1`")]
    OpenAdmin(SocketAddr),
    /// A secret has no value.
    #[error("{0}")]
    Secret(#[from] SecretError),
    /// A certificate or key cannot be used.
    #[error("`{path}`: {reason}")]
    Certificate {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: CertificateProblem,
    },
}

/// Why a PEM file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CertificateProblem {
    /// Reading failed.
    #[error("cannot be read: {0}")]
    Unreadable(std::io::Error),
    /// No certificate inside.
    #[error("holds no PEM certificate")]
    NoCertificate,
    /// No private key inside.
    #[error("holds no PEM private key (PKCS#8, PKCS#1 or SEC1)")]
    NoKey,
    /// The key is of a kind that is not supported, or it is not the certificate's key.
    #[error("{0}")]
    Unusable(rustls::Error),
    /// The roots for client certificates cannot be used.
    #[error("{0}")]
    Roots(rustls::server::VerifierBuilderError),
}

fn suggestion(near: Option<&&'static str>, known: &[&'static str]) -> String {
    match near {
        Some(near) => format!("here: did you mean `{near}`?"),
        None => format!("here: the keys are {}", known.join(", ")),
    }
}

// === impl Problem ===

impl Problem {
    /// Whether it may be right on the machine where the process runs: a secret or a certificate that is not here.
    pub(super) fn is_of_this_machine(&self) -> bool {
        match self {
            Self::Secret(SecretError::Unset(_) | SecretError::Unreadable { .. }) => true,
            Self::Certificate { reason, .. } => matches!(reason, CertificateProblem::Unreadable(_)),
            Self::Secret(
                SecretError::NotText(_)
                | SecretError::TooLong(_)
                | SecretError::Empty(_)
                | SecretError::Vault(_)
                | SecretError::Malformed,
            )
            | Self::Unreadable(_)
            | Self::TooLarge
            | Self::Syntax(_)
            | Self::Unknown { .. }
            | Self::Mismatch { .. }
            | Self::Missing(_)
            | Self::SameAddress(_)
            | Self::OpenAdmin(_) => false,
        }
    }
}

// === impl ConfError ===

impl fmt::Display for ConfError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.key.as_str() {
            "" => write!(f, "{}: {}", self.place, self.problem),
            key => write!(f, "{}: `{key}`: {}", self.place, self.problem),
        }
    }
}

impl std::error::Error for ConfError {}

// === impl ConfErrors ===

impl fmt::Display for ConfErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, error) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            write!(f, "error: {error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfErrors {}
