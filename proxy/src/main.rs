//! The `weir` binary.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// Many small short-lived allocations a request: measured against glibc's in `docs/performance.md`.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    weir::cli::main()
}
