//! See `zsend_fuzz::chain`.
#![no_main]

zsend_fuzz::target!(chain);
