//! See `zsend_fuzz::redaction`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| zsend_fuzz::redaction::check(bytes));
