//! libFuzzer's way into `weir_fuzz::dsl::compile`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| weir_fuzz::dsl::compile(input));
