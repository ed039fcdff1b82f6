#![doc = include_str!("../README.md")]

pub mod checksum;
mod compress;
mod compression;
mod decompress;

pub use compress::{CompressError, Compressor};
pub use compression::{Compression, UnknownCompression};
pub use decompress::{DecompressError, decompress};
