//! See `zsend_fuzz::label`.
#![no_main]

zsend_fuzz::target!(label);
