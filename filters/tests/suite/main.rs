//! The tests of the public entries, one module each; what they expect is data under `tests/corpus` where it can be.
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "tests fail by panicking")]

mod compose;
mod errors;
mod golden;
mod mangled;
mod peek;
mod requests;
mod splice;
mod sse;
mod streams;
