//! See `zsend_fuzz::label`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| zsend_fuzz::label::check(bytes));
