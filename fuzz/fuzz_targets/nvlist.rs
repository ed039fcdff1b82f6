//! See `zsend_fuzz::nvlist`.
#![no_main]

zsend_fuzz::target!(nvlist);
