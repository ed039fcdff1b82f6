//! The codecs and checksums of ZFS blocks. Bytes to bytes: no pool, no file, no thread.
//!
//! ```
//! use zsend_codec::{checksum, decompress};
//! use zsend_records::types::{Checksum, Compress};
//!
//! // ZLE: three literals, then 509 zeros in runs of at most 192.
//! let stored = [2, b'z', b'f', b's', 255, 255, 188];
//! let mut block = vec![0xff; 512];
//! decompress(Compress::ZLE, &stored, &mut block)?;
//! assert_eq!(&block[..4], b"zfs\0");
//! let sum = checksum::compute(Checksum::FLETCHER_4, &block, false, None)?;
//! assert_eq!(sum[0], u64::from(u32::from_le_bytes(*b"zfs\0")));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod checksum;
mod decompress;

pub use decompress::{DecompressError, decompress};
