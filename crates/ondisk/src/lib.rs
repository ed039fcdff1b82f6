#![doc = include_str!("../README.md")]

mod bits;
pub mod blkptr;
pub mod dnode;
pub mod dsl;
pub mod embedded;
mod error;
mod level;
pub mod objset;
pub mod space_map;
pub mod uberblock;
pub mod zap;
pub mod zil;

pub use bits::Bits;
pub use error::LayoutError;
pub use level::Level;

/// The byte order of the machine that wrote something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Order {
    /// Little-endian.
    Little,
    /// Big-endian.
    Big,
}

impl Order {
    /// Big-endian if true, little-endian if not.
    pub const fn from_big_endian(is_big_endian: bool) -> Self {
        if is_big_endian { Self::Big } else { Self::Little }
    }

    /// The value of a word in this order.
    pub const fn u64(self, bytes: [u8; 8]) -> u64 {
        match self {
            Self::Little => u64::from_le_bytes(bytes),
            Self::Big => u64::from_be_bytes(bytes),
        }
    }

    /// A word's bytes in this order.
    pub const fn bytes(self, word: u64) -> [u8; 8] {
        match self {
            Self::Little => word.to_le_bytes(),
            Self::Big => word.to_be_bytes(),
        }
    }
}
