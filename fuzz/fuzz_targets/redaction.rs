//! See `zsend_fuzz::redaction`.
#![no_main]

zsend_fuzz::target!(redaction);
