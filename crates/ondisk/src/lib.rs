//! The on-disk layouts of ZFS, each once and both ways. No I/O, no thread, no file.
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

pub mod embedded;

/// The byte order of the machine that wrote something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Order {
    /// Little-endian.
    Little,
    /// Big-endian.
    Big,
}

impl Order {
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
