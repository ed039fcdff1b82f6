#![doc = include_str!("../README.md")]
#![warn(missing_debug_implementations)]

pub mod checksum;
mod decompress;

pub use decompress::{DecompressError, decompress};
