//! See `zsend_fuzz::pool`.
#![no_main]

zsend_fuzz::target!(pool);
