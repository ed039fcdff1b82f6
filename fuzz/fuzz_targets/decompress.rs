//! See `zsend_fuzz::decompress`.
#![no_main]

zsend_fuzz::target!(decompress);
