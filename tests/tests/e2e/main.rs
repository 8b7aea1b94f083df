//! weir from the outside: real sockets, a real process, upstreams that misbehave.
//!
//! One binary, so that it is linked once. Needs `cargo build --bin weir` first.

mod bodies;
mod cancel;
mod connections;
mod drain;
mod faults;
mod framing;
mod policies;
mod recorded;
mod refusals;
mod reload;
mod secrets;
mod streams;
mod timers;
mod tunnel;
