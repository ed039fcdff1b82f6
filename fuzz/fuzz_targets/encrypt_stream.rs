//! See `zsend_fuzz::encrypt_stream`.
#![no_main]

zsend_fuzz::target!(encrypt_stream);
