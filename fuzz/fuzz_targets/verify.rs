//! See `zsend_fuzz::verify`.
#![no_main]

zsend_fuzz::target!(verify);
