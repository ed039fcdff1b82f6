//! See `zsend_fuzz::gang`.
#![no_main]

zsend_fuzz::target!(gang);
