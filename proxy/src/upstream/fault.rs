//! pingora's errors as [`Fault`]s.

use pingora::{Error, ErrorType};

use crate::exchange::port::Fault;

/// A failure while connecting.
#[expect(clippy::wildcard_enum_match_arm, reason = "pingora's error types grow; what is not known is no connection")]
pub(super) fn connecting(error: &Error) -> Fault {
    match error.etype {
        ErrorType::ConnectTimedout => Fault::ConnectTimeout,
        ErrorType::TLSHandshakeFailure
        | ErrorType::TLSHandshakeTimedout
        | ErrorType::InvalidCert
        | ErrorType::TLSWantX509Lookup
        | ErrorType::HandshakeError => Fault::Tls,
        _ => Fault::Connect,
    }
}

/// A failure on a connection that stands. `nothing_read` says that no byte of an answer has come.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "pingora's error types grow; what is not known is a lost connection"
)]
pub(super) fn talking(error: &Error, reused: bool, nothing_read: bool) -> Fault {
    match error.etype {
        ErrorType::InvalidHTTPHeader | ErrorType::H1Error | ErrorType::InvalidH2 => Fault::Garbled,
        _ => Fault::Reset { stale: reused && nothing_read },
    }
}

/// A failure while reading a body.
#[expect(clippy::wildcard_enum_match_arm, reason = "pingora's error types grow; what is not known is not HTTP")]
pub(super) fn reading(error: &Error) -> Fault {
    match error.etype {
        ErrorType::ConnectionClosed | ErrorType::ReadError | ErrorType::H2Error => Fault::Truncated,
        _ => Fault::Garbled,
    }
}
