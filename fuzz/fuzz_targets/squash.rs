//! See `zsend_fuzz::squash`.
#![no_main]

zsend_fuzz::target!(squash);
