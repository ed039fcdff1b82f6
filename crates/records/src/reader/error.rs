//! Faults of a stream, with their places.

use crate::chain::ChecksumMismatch;
use crate::drr::{MAGIC, RecordType};
use crate::payload::RecordError;
use std::io;

/// A defect of a stream, at a record of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("byte {offset}, record {index}: {kind}")]
pub struct StreamError {
    /// Bytes of input before the record (or, of a payload that ends early, before the payload).
    pub offset: u64,
    /// Number of records before it in the input.
    pub index: u64,
    /// Kind of the fault.
    pub kind: StreamErrorKind,
}

/// Kind of fault of a stream.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StreamErrorKind {
    /// The input ends inside a record header or a payload.
    #[error("stream is truncated: {what} has {have} of {need} bytes")]
    Truncated {
        /// Part of the stream that is cut.
        what: &'static str,
        /// Bytes of it that there are.
        have: u64,
        /// Bytes it has.
        need: u64,
    },
    /// The input ends between two records, and an END should have come.
    #[error("stream is truncated: it ends without an END record")]
    NoEnd,
    /// There is more input after the end of the stream.
    #[error("there is more after the end of the stream")]
    Trailing,
    /// A BEGIN does not have the magic number, in either byte order.
    #[error("magic is {found:#x}, expected {MAGIC:#x}")]
    Magic {
        /// The number that is there, read as little-endian.
        found: u64,
    },
    /// A BEGIN opens neither a stream nor a package.
    #[error("header type is {found}, expected {expected}")]
    HeaderType {
        /// The low two bits of `drr_versioninfo`.
        found: u8,
        /// Values that may stand there, in words.
        expected: &'static str,
    },
    /// A record stands where its type may not.
    #[error("record is {}, expected {expected}", TypeName(found))]
    Unexpected {
        /// The record's type.
        found: RecordType,
        /// Values that may stand there, in words.
        expected: &'static str,
    },
    /// The record's type is unknown, or its payload too long.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The record's checksum is not that of the stream before it.
    #[error("{0}")]
    Checksum(ChecksumMismatch),
    /// The sum in an END is not that of the stream before it.
    #[error("END's own {0}")]
    EndChecksum(ChecksumMismatch),
}

/// A type's name, or its number.
struct TypeName<'a>(&'a RecordType);

impl core::fmt::Display for TypeName<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self.0.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "of type {:#x}", self.0.0),
        }
    }
}

/// Reason to stop reading a stream.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The stream is damaged or is none.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// The source failed.
    #[error("byte {offset}: read failed")]
    Io {
        /// Bytes that were read before.
        offset: u64,
        /// Error of the source.
        source: io::Error,
    },
}
