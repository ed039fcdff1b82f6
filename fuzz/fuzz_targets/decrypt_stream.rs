//! See `zsend_fuzz::decrypt_stream`.
#![no_main]

zsend_fuzz::target!(decrypt_stream);
