//! libFuzzer's way into `weir_fuzz::dsl::tree_oracle`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| weir_fuzz::dsl::tree_oracle(input));
