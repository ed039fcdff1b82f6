//! See `zsend_fuzz::dsl`.
#![no_main]

zsend_fuzz::target!(dsl);
