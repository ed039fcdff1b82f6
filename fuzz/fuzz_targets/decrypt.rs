//! See `zsend_fuzz::decrypt`.
#![no_main]

zsend_fuzz::target!(decrypt);
