//! See `zsend_fuzz::objset`.
#![no_main]

zsend_fuzz::target!(objset);
