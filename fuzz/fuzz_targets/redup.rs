//! See `zsend_fuzz::redup`.
#![no_main]

zsend_fuzz::target!(redup);
