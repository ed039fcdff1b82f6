//! See `zsend_fuzz::dump`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| zsend_fuzz::dump::check(bytes));
