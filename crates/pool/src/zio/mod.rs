//! From a block pointer to the block's bytes: copies, gangs, checksums, codecs.

mod doubt;
pub(crate) mod extent;
mod gang;
mod latency;
pub(crate) mod read;

pub use doubt::Doubted;
pub use extent::Extent;
pub use read::{Access, Healed, Stored, Zio};
