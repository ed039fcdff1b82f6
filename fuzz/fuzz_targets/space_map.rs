//! See `zsend_fuzz::space_map`.
#![no_main]

zsend_fuzz::target!(space_map);
