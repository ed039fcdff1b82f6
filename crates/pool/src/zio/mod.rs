//! From a block pointer to the block's bytes: checksums, codecs, gangs, copies.

pub mod checksum;
pub mod compress;
