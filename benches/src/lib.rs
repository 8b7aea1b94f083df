//! Bodies and streams that the benchmarks share.
