//! From a block pointer to the block's bytes: copies, gangs, checksums, codecs.

pub mod checksum;
pub mod compress;
mod doubt;
mod edonr;
pub(crate) mod extent;
mod fletcher2;
mod gang;
mod latency;
mod lzjb;
pub(crate) mod read;
mod skein;
mod zle;

pub use doubt::Doubted;
pub use extent::Extent;
pub use read::{Access, Healed, Stored, Zio};
