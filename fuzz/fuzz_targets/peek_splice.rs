//! libFuzzer's way into `weir_fuzz::body::peek_splice`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| weir_fuzz::body::peek_splice(input));
