//! Errors of parity.

use super::volume::VolumeError;
use crate::split::SplitError;
use std::path::PathBuf;

/// An error of making parity, or of repairing by it. Its text has the whole cause.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ParityError {
    /// An error of the parts, of their list, or of a file.
    #[error(transparent)]
    Parts(#[from] SplitError),
    /// There are no parity files.
    #[error("{} has no parity file that can be read", .0.display())]
    NoParity(PathBuf),
    /// A parity file is damaged in what says how it is to be read, at both its ends.
    #[error("{}: {why}", path.display())]
    Volume {
        /// The file.
        path: PathBuf,
        /// The reason.
        why: VolumeError,
    },
    /// Parity files are of different streams, and nothing says which is the right one.
    #[error("{}: the parity files are of different lists of parts, and none is of {}", folder.display(), list.display())]
    OtherList {
        /// The folder.
        folder: PathBuf,
        /// The list.
        list: PathBuf,
    },
    /// The parts are more than parity is made of.
    #[error("parity is made of at most {most} bytes, and the parts have {bytes}")]
    TooLarge {
        /// Their bytes.
        bytes: u64,
        /// Most bytes.
        most: u64,
    },
    /// More is lost than the parity makes good.
    #[error(
        "too much is lost: of {lost} lost blocks of {block} bytes, in {parts}, one set has {in_set}, and of its recovery blocks \
         {left} are left; no file was changed"
    )]
    TooMuch {
        /// Blocks that are lost, in all.
        lost: u64,
        /// Bytes of a block.
        block: u64,
        /// Names of the parts that they are of, as far as there is room.
        parts: String,
        /// Lost blocks of the worst set.
        in_set: u64,
        /// Recovery blocks that this set has.
        left: u64,
    },
    /// The code refused what it was given.
    #[error("Reed-Solomon code: {0}")]
    Code(#[from] reed_solomon_simd::Error),
    /// A part that was made again is not what the list says.
    #[error(
        "part {0} was made again, and its BLAKE3 is not that of the list; it is left as it was"
    )]
    NotMended(u64),
}
