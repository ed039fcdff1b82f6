//! See `zsend_fuzz::parity`.
#![no_main]

zsend_fuzz::target!(parity);
