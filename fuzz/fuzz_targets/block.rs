//! See `zsend_fuzz::block`.
#![no_main]

zsend_fuzz::target!(block);
