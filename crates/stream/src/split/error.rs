//! Errors of parts and of their list.

use super::manifest::{MANIFEST, MAX_PARTS};
use std::io;
use std::path::{Path, PathBuf};
use zsend_records::reader::{ReadError, StreamError};

/// An error of splitting or joining. Its text has the whole cause.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SplitError {
    /// A file or folder could not be read or written.
    #[error("cannot {verb} {}: {source}", path.display())]
    Io {
        /// The thing that was being done to it.
        verb: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's word.
        source: io::Error,
    },
    /// The input could not be read on.
    #[error("byte {offset}: read failed: {source}")]
    Read {
        /// Bytes that were read before.
        offset: u64,
        /// The system's word.
        source: io::Error,
    },
    /// The output could not be written.
    #[error("write failed: {0}")]
    Write(#[source] io::Error),
    /// The stream is damaged, cut within a record, or is none.
    #[error("{0}")]
    Stream(#[from] StreamError),
    /// A record is longer than a part may be.
    #[error(
        "record {record} has {bytes} bytes, more than a part of {size} may have; the least size for this stream is \
         {least}"
    )]
    TooSmall {
        /// Number of the first such record, from zero.
        record: u64,
        /// Its bytes.
        bytes: u64,
        /// Most bytes of a part.
        size: u64,
        /// Bytes of the longest record.
        least: u64,
    },
    /// There would be more parts than a list has.
    #[error("the stream has more than {MAX_PARTS} parts of {size} bytes")]
    TooMany {
        /// Most bytes of a part.
        size: u64,
    },
    /// A file has the name of a part, or of the list, and other bytes.
    #[error("{} is there already, and is not what would be written", .0.display())]
    Exists(PathBuf),
    /// The stream has no part of this number.
    #[error("the stream has no part {number}: its last is part {parts}")]
    NoPart {
        /// The number.
        number: u64,
        /// Number of parts.
        parts: u64,
    },
    /// A part that was made again is not the one that the list has.
    #[error(
        "part {number} of this stream is not that of the list: it is another stream, or another --size"
    )]
    OtherStream {
        /// The part's number.
        number: u64,
    },
    /// The folder has no list.
    #[error("{} has no {MANIFEST}", .0.display())]
    NoManifest(PathBuf),
    /// The list makes no sense.
    #[error("{}: {why}", path.display())]
    Manifest {
        /// The list's file.
        path: PathBuf,
        /// The reason.
        why: ManifestError,
    },
    /// A part is not what the list says.
    #[error("{}: {why}", path.display())]
    Part {
        /// The part's file.
        path: PathBuf,
        /// Fault of it.
        why: String,
    },
    /// All parts are right by themselves, and the whole is not.
    #[error(
        "BLAKE3 of the whole is {found}, expected {expected}: the list, or a part while it was read, was changed"
    )]
    Whole {
        /// Hash of the parts together.
        found: String,
        /// Hash in the list.
        expected: String,
    },
}

impl SplitError {
    /// An I/O error of a file or folder.
    pub(crate) fn io<'a>(
        verb: &'static str,
        path: &'a Path,
    ) -> impl FnOnce(io::Error) -> Self + 'a {
        move |source| Self::Io { verb, path: path.to_owned(), source }
    }
}

impl From<ReadError> for SplitError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Io { offset, source } => Self::Read { offset, source },
            ReadError::Stream(e) => Self::Stream(e),
            // A kind that is not known here says for itself what it is.
            other => Self::Read { offset: 0, source: io::Error::other(other) },
        }
    }
}

/// Reason that a list of parts is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// It is longer than any that is written.
    #[error("it has {bytes} bytes; at most {most} are read")]
    TooLarge {
        /// Its bytes.
        bytes: u64,
        /// Most bytes that are read.
        most: u64,
    },
    /// A line is not one that is written.
    #[error("line {number}: {why}")]
    Line {
        /// The line, from 1 on.
        number: u64,
        /// The reason.
        why: String,
    },
    /// A value contradicts another.
    #[error("line {number}: {what} is {found}, expected {expected}")]
    Value {
        /// The line, from 1 on.
        number: u64,
        /// Name of the value.
        what: &'static str,
        /// The value.
        found: String,
        /// Values that may stand there.
        expected: String,
    },
    /// Lines are missing.
    #[error("it ends before its last line")]
    Short,
    /// Its own hash is not that of its lines.
    #[error("it was changed: BLAKE3 of its lines is {found}, expected {expected}")]
    Changed {
        /// Hash of the lines.
        found: String,
        /// Hash in the last one.
        expected: String,
    },
}
