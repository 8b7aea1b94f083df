//! Sockets towards clients: listeners, TLS, HTTP/1.1 and HTTP/2, all pingora's.
//!
//! The shell (`shell`) is a pingora proxy whose `request_filter` hands model requests to the exchange; the tunnel
//! (`tunnel`) is what its own pump proxies. This module and [`crate::upstream`] are the only ones that name pingora.
//! It refuses to decide anything about a request.

mod admin;
mod front;
mod serve;
mod session;
mod shell;
mod tls;
mod tunnel;

pub use serve::{Edge, serve, serve_admin};
