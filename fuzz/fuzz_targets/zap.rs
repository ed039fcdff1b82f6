//! See `zsend_fuzz::zap`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| zsend_fuzz::zap::check(bytes));
