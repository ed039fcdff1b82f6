//! See `zsend_fuzz::gpt`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| zsend_fuzz::gpt::check(bytes));
