//! The names of `libz-ng-sys`, given by `libz-rs-sys`, the C interface of the Rust zlib.
//!
//! pingora-core enables flate2's `zlib-ng` feature without a choice; the real `libz-ng-sys` compiles C with
//! cmake. This crate takes its place through `[patch.crates-io]`, so that a plain Debian with rustup and gcc
//! builds weir. It holds no code: both crates offer zlib's own function names, types and constants.
//! See `docs/decisions/0001-zlib-without-cmake.md`.

pub use libz_rs_sys::*;
