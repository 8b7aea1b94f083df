//! The command line as scripts use it: the real binary, its exit codes and its files.
//!
//! `cargo test -p weir --test cli`. Every test starts its own process on free ports and waits for conditions.
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "tests fail by panicking")]

mod check;
mod harness;
mod life;
mod refusals;
mod reload;
