//! Attempts at reading a copy of a block, and why each of them failed.

use std::fmt;
use std::io;
use std::sync::Arc;
use zsend_codec::checksum::ChecksumError;
use zsend_ondisk::embedded::EmbeddedError;
use zsend_records::types::Checksum;

use super::VdevError;

/// One attempt at reading a copy of a block, and why it failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The leaf device by its name, or the vdev's name where no leaf was reached.
    pub device: String,
    /// Bytes from the start of that device, labels included (from the start of the vdev's data
    /// where no leaf was reached).
    pub offset: u64,
    /// Reason, with what was found there and what was expected.
    pub cause: Cause,
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{:#x}: {}", self.device, self.offset, self.cause)
    }
}

/// Reason why an attempt at reading a copy of a block failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Cause {
    /// Bytes came, and they are not the wanted ones.
    #[error(transparent)]
    Mismatch(#[from] Mismatch),
    /// Parity gave bytes for what is missing, and the block is not the wanted one.
    #[error("{0} (reconstructed)")]
    Reconstructed(#[source] Mismatch),
    /// The block lies in pieces, and all of them together are not the wanted one.
    #[error("piece {nth} of {count} of a block: {source}")]
    Piece {
        /// Number of the piece, from one.
        nth: usize,
        /// Pieces of the block.
        count: usize,
        /// Reason why the whole is refused.
        source: Mismatch,
    },
    /// The device failed.
    #[error(transparent)]
    Device(#[from] DeviceFailure),
    /// The device was not found.
    #[error("device is missing")]
    Missing,
    /// The device was not asked: it is recorded as not having the block.
    #[error(transparent)]
    Lacking(#[from] Lack),
    /// The pool has fewer top-level vdevs than the block pointer says.
    #[error("the pool has only {count} top-level vdevs")]
    NoVdev {
        /// Top-level vdevs of the pool.
        count: usize,
    },
    /// The top-level vdev was a log, and was removed.
    #[error("a log device lay here and was removed")]
    RemovedLog,
    /// No label names the top-level vdev.
    #[error("top-level vdev is missing")]
    MissingTop,
    /// The layout of the top-level vdev is not one that this build reads.
    #[error("{0} is not supported")]
    Layout(#[source] VdevError),
    /// No block of that size can lie at that offset of a raidz or draid.
    #[error("no block of {size} bytes can lie here")]
    NoRoom {
        /// Bytes of the block.
        size: usize,
    },
    /// The mapping of a removed device could not be loaded.
    #[error("the mapping of this removed device is not known")]
    NoMapping,
    /// The mapping of a removed device has no entry for the offset.
    #[error("this removed device has nothing mapped here")]
    Unmapped,
    /// Removed devices lead to each other without an end.
    #[error("removed devices lead to each other more than {most} times")]
    MappingLoop {
        /// Mappings that are followed.
        most: usize,
    },
    /// A distributed spare leads to no child of its draid.
    #[error("no device is behind this part of the spare")]
    NothingBehind,
    /// The bytes of a column are not those that parity gives.
    #[error("its bytes are not what parity gives")]
    NotParity,
    /// This was no failure: the bytes that came from here in the end are what parity gives.
    #[error("the bytes were rebuilt from parity")]
    Rebuilt,
    /// The device holds a part of a block that no combination of columns made whole.
    #[error("holds a part of it, which may be wrong")]
    Suspect,
    /// Gang headers lead from one to the next too often.
    #[error("gang headers nest too deeply")]
    GangDepth,
    /// Gang headers lead to each other in a circle.
    #[error("more gang headers than the block can have")]
    GangHeaders,
    /// The pieces of a gang hold more bytes than its block has.
    #[error("its pieces hold more than the block")]
    GangExcess,
    /// The pieces of a gang hold fewer bytes than its block has.
    #[error("its pieces hold {found} bytes, the block has {expected}")]
    GangSize {
        /// Bytes of the pieces.
        found: usize,
        /// Bytes of the block.
        expected: usize,
    },
}

impl Cause {
    /// Returns true if a device was the reason, rather than the bytes that it holds.
    pub const fn is_device(&self) -> bool {
        match self {
            Self::Device(_)
            | Self::Missing
            | Self::Lacking(_)
            | Self::RemovedLog
            | Self::MissingTop
            | Self::NothingBehind
            | Self::Layout(_) => true,
            Self::Mismatch(_)
            | Self::Reconstructed(_)
            | Self::Piece { .. }
            | Self::NoVdev { .. }
            | Self::NoRoom { .. }
            | Self::NoMapping
            | Self::Unmapped
            | Self::MappingLoop { .. }
            | Self::NotParity
            | Self::Rebuilt
            | Self::Suspect
            | Self::GangDepth
            | Self::GangHeaders
            | Self::GangExcess
            | Self::GangSize { .. } => false,
        }
    }

    /// Returns true if nothing failed: the device is recorded as not having the block, and was not asked;
    /// or what came was rebuilt.
    pub const fn is_planned(&self) -> bool {
        matches!(self, Self::Lacking(_) | Self::Rebuilt)
    }
}

/// Reason why candidate bytes are not the wanted ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Mismatch {
    /// A word of the checksum is another than the block pointer's.
    #[error("{} checksum word {word} is {found:#x}, expected {expected:#x}", .checksum.name())]
    Word {
        /// The algorithm.
        checksum: Checksum,
        /// The first word that differs, from zero.
        word: usize,
        /// The word of the candidate.
        found: u64,
        /// The word of the block pointer.
        expected: u64,
    },
    /// The checksum cannot be computed.
    #[error(transparent)]
    Checksum(#[from] ChecksumError),
    /// The checksum that lies in the bytes is not theirs.
    #[error(transparent)]
    Embedded(#[from] EmbeddedError),
    /// The block of an intent log belongs to another log, or was never written.
    #[error("it is not of this intent log")]
    OtherLog,
    /// The caller wants other bytes, or to be shown all candidates.
    #[error("it is not the wanted one")]
    Unwanted,
}

/// The system's word when a device failed. Two are equal if they are of one kind.
#[derive(Clone, Debug, thiserror::Error)]
#[error(transparent)]
pub struct DeviceFailure(Arc<io::Error>);

impl From<io::Error> for DeviceFailure {
    fn from(error: io::Error) -> Self {
        Self(Arc::new(error))
    }
}

impl PartialEq for DeviceFailure {
    fn eq(&self, other: &Self) -> bool {
        let kind = |e: &io::Error| (e.kind(), e.raw_os_error());
        kind(&self.0) == kind(&other.0)
    }
}

impl Eq for DeviceFailure {}

/// Reason why a device is not trusted with a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Lack {
    /// A distributed spare that a rebuild is filling: what it lacks goes by offset.
    #[error("is being rebuilt")]
    Rebuilding,
    /// Its DTL has the txg.
    #[error("missed txg {txg}, as its DTL says")]
    Missed {
        /// The txg that the block was written in.
        txg: u64,
    },
    /// Its newest state is from before the block.
    #[error("has the pool's state of txg {newest}, and the block is of txg {txg}")]
    Older {
        /// Txg of its newest state.
        newest: u64,
        /// The txg that the block was written in.
        txg: u64,
    },
    /// Nothing says that it has the block.
    #[error("may have missed txg {txg}: {doubt}")]
    Doubtful {
        /// The txg that the block was written in.
        txg: u64,
        /// Reason why it may have missed it.
        doubt: Doubt,
    },
}

/// Reason why a device may have missed writes that its DTL does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Doubt {
    /// It was offline, faulted, removed or not present when the configuration was written.
    #[error("the pool was doing without it")]
    OutOfUse,
    /// Its DTL cannot be read.
    #[error("its DTL cannot be read")]
    UnreadableDtl,
    /// Other devices of its vdev have a newer state.
    #[error("it is older than other devices of its vdev")]
    Older,
    /// It was the target of a resilver or a rebuild.
    #[error("it was being resilvered")]
    Resilvering,
    /// Two devices with its guid were found.
    #[error("the device is there twice, and the copies may differ")]
    Twin,
    /// Its DTL has other txgs, and when the block was copied to it is not known.
    #[error("it has missed some")]
    MissedSome,
}
