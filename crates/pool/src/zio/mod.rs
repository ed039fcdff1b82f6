//! From a block pointer to the block's bytes: copies, gangs, checksums, encryption, codecs.

pub(crate) mod crypt;
mod doubt;
pub(crate) mod extent;
mod gang;
mod latency;
mod plain;
pub(crate) mod read;
mod verify;

pub use crypt::Crypt;
pub use doubt::Doubted;
pub use extent::Extent;
pub use plain::Access;
pub use read::{Healed, Missed, Recovered, StoredBlock, Zio};
