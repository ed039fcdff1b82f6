//! See `zsend_fuzz::stream`.
#![no_main]

zsend_fuzz::target!(stream);
