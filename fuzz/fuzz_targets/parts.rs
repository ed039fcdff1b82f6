//! See `zsend_fuzz::parts`.
#![no_main]

zsend_fuzz::target!(parts);
