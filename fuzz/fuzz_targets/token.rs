//! See `zsend_fuzz::token`.
#![no_main]

zsend_fuzz::target!(token);
