//! See `zsend_fuzz::gang`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| zsend_fuzz::gang::check(bytes));
