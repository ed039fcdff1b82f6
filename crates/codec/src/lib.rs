#![doc = include_str!("../README.md")]

pub mod checksum;
mod decompress;

pub use decompress::{DecompressError, decompress};
