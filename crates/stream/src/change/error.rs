//! Reasons that a stream is not changed.

use super::packet::RecordOrigin;
use std::fmt;
use std::io;
use std::sync::Arc;
use zsend_records::reader::StreamErrorKind;
use zsend_records::{RecordError, WriteError};

/// Reason that a change ended before the end of the stream.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChangeError {
    /// The stream is damaged or is none.
    #[error("{origin}: {kind}")]
    Damaged {
        /// Place of the fault.
        origin: RecordOrigin,
        /// The fault.
        kind: StreamErrorKind,
    },
    /// A record does not hold what it says that it holds.
    #[error("{origin}: {what}: {why}")]
    Contents {
        /// The record.
        origin: RecordOrigin,
        /// Object and offset, or what else names the record within the stream.
        what: String,
        /// The difference, in words.
        why: String,
    },
    /// The change cannot be made to this stream, which is not damaged.
    #[error("{origin}: {why}")]
    Refused {
        /// The record that stands against it.
        origin: RecordOrigin,
        /// The reason.
        why: String,
    },
    /// The stream breaks a rule that it is held to.
    #[error("{origin}: {why}")]
    Policy {
        /// The BEGIN that tells so.
        origin: RecordOrigin,
        /// Name of the rule, and what breaks it.
        why: String,
    },
    /// The stream does not start from what is there.
    #[error("{origin}: it starts from guid {from}, and {}", Have(have))]
    Base {
        /// The stream's BEGIN.
        origin: RecordOrigin,
        /// Guid of the snapshot that it starts from.
        from: u64,
        /// Guid of the snapshot that is there, if one is known to be.
        have: Option<u64>,
    },
    /// An input cannot be read.
    #[error("{file}: byte {byte}: read failed")]
    Read {
        /// The input.
        file: Arc<str>,
        /// Bytes that were used before.
        byte: u64,
        /// Error of the input.
        source: io::Error,
    },
    /// The system gives no random numbers.
    #[error("random numbers for keys")]
    Random(#[source] io::Error),
    /// A thread cannot be started.
    #[error("start of a thread")]
    Thread(#[source] io::Error),
    /// Temporary files cannot be written or read.
    #[error("temporary file")]
    Spill(#[source] io::Error),
    /// The file of one of the streams cannot be opened, or made durable.
    #[error("destination of a stream")]
    Destination(#[source] io::Error),
    /// The volume that is written cannot be.
    #[error("volume, byte {offset}: write failed")]
    Volume {
        /// Bytes of the volume before the place.
        offset: u64,
        /// Error of the device.
        source: io::Error,
    },
    /// A changed record has a form that no stream may have.
    #[error("{origin}: {source}")]
    Record {
        /// The record.
        origin: RecordOrigin,
        /// Its fault.
        source: RecordError,
    },
    /// The changed stream cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// The snapshot that is there, in words.
struct Have<'a>(&'a Option<u64>);

impl fmt::Display for Have<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(guid) => write!(f, "guid {guid} is there"),
            None => f.write_str("nothing says that this is there"),
        }
    }
}

impl ChangeError {
    /// A stream that stands against the change, at one of its records.
    pub fn refused(origin: &RecordOrigin, why: impl Into<String>) -> Self {
        Self::Refused { origin: origin.clone(), why: why.into() }
    }

    /// A record that does not hold what it should.
    pub fn contents(
        origin: &RecordOrigin,
        what: impl Into<String>,
        why: impl Into<String>,
    ) -> Self {
        Self::Contents { origin: origin.clone(), what: what.into(), why: why.into() }
    }
}
