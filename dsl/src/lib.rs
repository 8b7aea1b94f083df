//! The weir policy language: text in, checked and compiled policy out.
//!
//! This crate knows strings, types and spans. It refuses to know HTTP, JSON libraries, clocks, files and the
//! network: whoever uses it hands in texts ([`compile::Loader`]) and facts ([`facts::Facts`]).

mod check;
pub mod compile;
pub mod diag;
pub mod facts;
pub mod failover;
pub mod hir;
pub mod oracle;
pub mod plan;
mod resolve;
pub mod span;
pub mod syntax;
pub mod tree;
pub mod words;

pub use compile::{Compilation, Level, Limits, LoadError, Loader, MemoryLoader, Options, compile};
