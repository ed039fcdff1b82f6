//! See `zsend_fuzz::zap`.
#![no_main]

zsend_fuzz::target!(zap);
