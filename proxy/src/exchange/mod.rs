//! One model request from its first byte to its last, station by station.
//!
//! The exchange knows HTTP types and the two ports of [`port`]; it refuses to know pingora, sockets, metrics
//! libraries and how a policy is written.

pub mod port;
