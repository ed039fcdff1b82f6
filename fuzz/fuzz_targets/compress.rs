//! See `zsend_fuzz::compress`.
#![no_main]

zsend_fuzz::target!(compress);
