//! See `zsend_fuzz::uberblock`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| zsend_fuzz::uberblock::check(bytes));
