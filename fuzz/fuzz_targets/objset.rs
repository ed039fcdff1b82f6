//! See `zsend_fuzz::objset`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| zsend_fuzz::objset::check(bytes));
