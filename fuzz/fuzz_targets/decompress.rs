//! See `zsend_fuzz::decompress`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| zsend_fuzz::decompress::check(bytes));
