//! See `zsend_fuzz::change`.
#![no_main]

zsend_fuzz::target!(change);
