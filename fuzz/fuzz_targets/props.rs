//! See `zsend_fuzz::props`.
#![no_main]

zsend_fuzz::target!(props);
