//! Parity of the parts of a stream, by which what is lost of them is made again.
//!
//! All parts together are cut into blocks of one length. Blocks that are a number of blocks apart make a set, so
//! that the blocks of a part that is lost are of many sets; each set has its recovery blocks, of a Reed-Solomon
//! code, and as many of its blocks as those may be lost, whichever. Every block has its BLAKE3, by which it is
//! known if it is right. `docs/stored.md` describes the files.

mod data;
mod error;
mod layout;
mod make;
mod repair;
mod volume;

pub use error::ParityError;
pub use make::{MadeParity, make};
pub use repair::{Repaired, RepairedPart, repair};
pub use volume::{VolumeError, check_volume, volume_name};
