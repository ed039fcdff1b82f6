//! See `zsend_fuzz::dump`.
#![no_main]

zsend_fuzz::target!(dump);
