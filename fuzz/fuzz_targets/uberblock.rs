//! See `zsend_fuzz::uberblock`.
#![no_main]

zsend_fuzz::target!(uberblock);
