//! See `zsend_fuzz::space_map`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| zsend_fuzz::space_map::check(bytes));
