//! See `zsend_fuzz::gpt`.
#![no_main]

zsend_fuzz::target!(gpt);
