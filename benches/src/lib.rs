//! What the measuring programs share: HTTP/1.1 on a socket, just enough of it and at little cost, so that the
//! programs around the proxy under test do not become what is measured.

pub mod wire;
