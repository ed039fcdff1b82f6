//! See `zsend_fuzz::nvlist`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| zsend_fuzz::nvlist::check(bytes));
