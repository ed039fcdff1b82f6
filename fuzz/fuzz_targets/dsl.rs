//! See `zsend_fuzz::dsl`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| zsend_fuzz::dsl::check(bytes));
