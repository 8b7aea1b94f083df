//! weir, the proxy: the only crate that does I/O.
//!
//! Data flows one way: `edge` (pingora sessions) → `exchange` (eleven stations, pure but for its two ports) →
//! `pool` and `upstream` → back through `exchange` → `edge`; `observe` listens. `ARCHITECTURE.md` has the map.

pub mod admin;
pub mod answer;
pub mod cli;
pub mod clock;
pub mod conf;
pub mod drain;
pub mod edge;
pub mod exchange;
pub mod journal;
pub mod observe;
pub mod pool;
pub mod provider;
pub mod secret;
pub mod sign;
pub mod sim;
pub mod snapshot;
pub mod upstream;
pub mod work;

#[cfg(test)]
mod testing;
