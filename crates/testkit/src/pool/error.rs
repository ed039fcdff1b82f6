//! Reasons why a pool cannot be damaged.

use zsend_codec::DecompressError;
use zsend_codec::checksum::ChecksumError;
use zsend_ondisk::LayoutError;
use zsend_pool::{PoolError, Zbookmark};

/// Reason why a block cannot be changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DamageError {
    /// The pool cannot be opened, or a block on the way cannot be read.
    #[error(transparent)]
    Pool(#[from] PoolError),
    /// There is no block: a hole, or a place past the end of the object.
    #[error("{0}: there is no block")]
    Absent(Zbookmark),
    /// The block is encrypted or has a MAC, or lies below such a block.
    #[error("{0}: blocks with a MAC are not mended")]
    Encrypted(Zbookmark),
    /// The block is spread over others.
    #[error("{0}: gang blocks are not mended")]
    Gang(Zbookmark),
    /// The block's bytes lie in its pointer, which can be changed where it lies.
    #[error("{0}: the block lies in its pointer")]
    Embedded(Zbookmark),
    /// A dnode or an indirect block on the way makes no sense.
    #[error("{at}: {source}")]
    Layout {
        /// The block.
        at: Zbookmark,
        /// Fault of it.
        source: LayoutError,
    },
    /// A block on the way does not decompress.
    #[error("{at}: {source}")]
    Compressed {
        /// The block.
        at: Zbookmark,
        /// Fault of it.
        source: DecompressError,
    },
    /// The block's checksum cannot be computed.
    #[error("{0}")]
    Checksum(#[from] ChecksumError),
    /// A codec's library refuses to compress.
    #[error("{0}")]
    Compress(std::io::Error),
    /// The top-level vdev is neither a disk nor a mirror of disks, or one of its devices is missing.
    #[error("top-level vdev {0} is neither a disk nor a mirror of disks that are all there")]
    Vdev(u64),
    /// The vdev has no stretch that was never written.
    #[error("top-level vdev {vdev} has no {bytes} bytes that were never written")]
    NoRoom {
        /// The top-level vdev.
        vdev: u64,
        /// Bytes needed.
        bytes: u64,
    },
    /// A fixture does not unpack.
    #[error("{0}")]
    Fixture(String),
    /// A device has no label.
    #[error("{0}: no label")]
    NoLabel(String),
    /// No uberblock is the one that the pool was opened with.
    #[error("no label holds the uberblock of txg {0}")]
    NoUberblock(u64),
}
