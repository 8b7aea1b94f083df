//! The `weir` binary.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// A request makes many small short-lived allocations; glibc's allocator took a tenth of its instructions. What this
/// one keeps for idle streams has not been compared yet.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    weir::cli::main()
}
