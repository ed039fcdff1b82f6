//! See `zsend_fuzz::resealed`.
#![no_main]

zsend_fuzz::target!(resealed);
