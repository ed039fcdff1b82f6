//! Reasons that a record is not written.

use crate::payload::RecordError;
use std::io;

/// Reason that a record was not written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The header's type is unknown.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The payload is not as long as the header says; nothing was written.
    #[error("payload of {record} is {found} bytes, expected {expected}")]
    PayloadLength {
        /// Name of the record's type, of whichever crate.
        record: &'static str,
        /// Bytes that were given.
        found: u64,
        /// Bytes by the header.
        expected: u64,
    },
    /// The payload is longer than readers take; nothing was written.
    #[error("payload of {record} is {found} bytes, expected at most {limit}")]
    TooLong {
        /// Name of the record's type, of whichever crate.
        record: &'static str,
        /// Its bytes.
        found: u64,
        /// Most bytes of such a payload: [`crate::payload::Limits::DEFAULT`].
        limit: u64,
    },
    /// The destination failed.
    #[error("byte {offset}: write failed")]
    Io {
        /// Bytes that the destination had taken by then.
        offset: u64,
        /// Error of the destination.
        source: io::Error,
    },
}

impl From<WriteError> for io::Error {
    /// Error of the destination, or an error with the other reason in it.
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Io { source, .. } => source,
            WriteError::Record(_)
            | WriteError::PayloadLength { .. }
            | WriteError::TooLong { .. } => Self::other(error),
        }
    }
}
