//! See `zsend_fuzz::catalogue`.
#![no_main]

zsend_fuzz::target!(catalogue);
