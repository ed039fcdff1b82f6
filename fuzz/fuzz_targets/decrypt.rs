//! See `zsend_fuzz::decrypt`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| zsend_fuzz::decrypt::check(bytes));
