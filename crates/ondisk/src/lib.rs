//! The on-disk layouts of ZFS, each once and both ways. No I/O, no thread, no file.
//!
//! A block pointer that is built reads back the same, in either byte order:
//!
//! ```
//! use zsend_ondisk::Order;
//! use zsend_ondisk::blkptr::{BlkPtr, Dva};
//! use zsend_records::types::DmuType;
//!
//! let copy = Dva::new(0, 1 << 20, 4096)?;
//! let bp = BlkPtr::builder()
//!     .object_type(DmuType::PLAIN_FILE_CONTENTS)
//!     .size(4096)
//!     .dva(0, copy)
//!     .logical_birth(77)
//!     .build()?;
//! assert_eq!((bp.lsize(), bp.logical_birth()), (4096, 77));
//! assert_eq!(bp.dvas().collect::<Vec<_>>(), [copy]);
//! assert_eq!(BlkPtr::parse_in(&bp.to_bytes(Order::Big), Order::Big), bp);
//! # Ok::<(), zsend_ondisk::LayoutError>(())
//! ```
//!
//! A dnode is built around its pointers, and found in its block:
//!
//! ```
//! use zsend_ondisk::Order;
//! use zsend_ondisk::blkptr::BlkPtr;
//! use zsend_ondisk::dnode::{DnodeBuilder, DnodePhys, Outline};
//!
//! let core = DnodePhys { kind: 19, nlevels: 1, datablkszsec: 8.into(), ..DnodePhys::default() };
//! let hole = BlkPtr::default();
//! let file = DnodeBuilder { core, pointers: vec![hole], ..DnodeBuilder::default() };
//! let block = [vec![0; 512], file.build(Order::Little)?].concat();
//! let found = Outline::at(&block, 1).expect("a dnode in the second slot");
//! assert_eq!(found.pointers().collect::<Vec<_>>(), [hole]);
//! # Ok::<(), zsend_ondisk::LayoutError>(())
//! ```
//!
//! A region with its checksum inside is sealed and verified:
//!
//! ```
//! use zsend_ondisk::Order;
//! use zsend_ondisk::embedded::{Sum, seal, verify};
//!
//! // A slot of the uberblock ring at byte 128 KiB of a device.
//! let mut slot = vec![0; 1024];
//! seal(&mut slot, [128 << 10, 0, 0, 0], Sum::Whole, Order::Big)?;
//! assert_eq!(verify(&slot, [128 << 10, 0, 0, 0], Sum::Whole), Ok(Order::Big));
//! # Ok::<(), zsend_ondisk::embedded::EmbeddedError>(())
//! ```

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
