//! What must hold for any input, as functions that panic where it does not.
//!
//! The targets in `fuzz_targets/` hand them libFuzzer's inputs; `tests/tests/fuzz_regressions.rs` hands them every
//! input that ever found something, by [`TARGETS`].

pub mod body;
pub mod dsl;
pub mod sse;

/// The body of a fuzz target.
pub type Target = fn(&[u8]);

/// Every target by name: the name of its file, its folder of regressions and its corpus.
pub const TARGETS: &[(&str, Target)] = &[
    ("dsl_compile", dsl::compile),
    ("dsl_fmt", dsl::format),
    ("dsl_parse", dsl::parse),
    ("peek_splice", body::peek_splice),
    ("sse_frames", sse::frames),
    ("tree_oracle", dsl::tree_oracle),
];
