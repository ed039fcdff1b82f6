//! From a block pointer to the block's bytes: copies, gangs, checksums, codecs.

pub(crate) mod extent;
mod gang;
mod latency;
pub(crate) mod read;

pub use extent::Extent;
pub use read::{Access, Healed, Stored, Zio};
