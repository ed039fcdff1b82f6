//! Errors of a send.

use std::io;
use zsend_pool::{ErrorClass, PoolError};

/// An error of a send.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The pool could not be read.
    #[error(transparent)]
    Pool(PoolError),
    /// The output failed.
    #[error("output: {0}")]
    Output(#[source] io::Error),
    /// The caller's [`CancelToken`](zsend_pool::CancelToken) was cancelled.
    #[error("interrupted")]
    Cancelled,
    /// The dataset that is to be sent does not exist; in the words of `zfs send`.
    #[error("cannot open '{0}': dataset does not exist")]
    NoDataset(String),
    /// It exists and cannot be sent. `zfs send` prints this as a warning.
    #[error("cannot send '{name}': {why}")]
    CannotSend {
        /// Its name.
        name: String,
        /// The reason.
        why: Refusal,
    },
    /// A resume token does not fit what is there.
    #[error("cannot resume send: {0}")]
    CannotResume(ResumeRefusal),
    /// A dataset with large micro ZAPs was asked for without large blocks; in the words of `zfs send`.
    #[error(
        "source snapshot contains large microzaps, need -L (--large-block) or -w (--raw) to generate \
         stream"
    )]
    LargeMicrozap,
    /// Something that this program does not do.
    #[error("not supported: {0}")]
    Unsupported(String),
    /// The system gave no thread.
    #[error("cannot start a thread: {0}")]
    Threads(#[source] io::Error),
}

/// The reason why something cannot be sent, in the words of `zfs send`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// It is encrypted, and its key was not given.
    #[error("dataset key must be loaded")]
    KeyNotLoaded,
    /// It is the head of a receive that has not ended.
    #[error(
        "target is busy; if a filesystem, it must not be mounted\n\
         a receive into it has not ended, so it is not whole; its snapshots can be sent"
    )]
    Busy,
    /// The incremental source does not exist.
    #[error("incremental source ({0}) does not exist")]
    NoSource(String),
    /// It holds nothing of a receive that has not ended.
    #[error("there is no receive into it that has not ended")]
    NothingSaved,
    /// A raw stream has no records for what is redacted; in the words of `zfs send`.
    #[error("raw sends may not be redacted")]
    RawRedacted,
    /// A head has no redaction bookmark.
    #[error("cannot do a redacted send to a filesystem")]
    RedactedHead,
    /// The bookmark has no redaction list.
    #[error("not a redaction bookmark")]
    NoRedaction,
    /// The incremental source is not one that it descends from.
    #[error("not an earlier snapshot from the same fs")]
    NotEarlier,
}

/// The reason why a resume token cannot be gone on with, in the words of `zfs send -t`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResumeRefusal {
    /// Another snapshot has the name.
    #[error("'{0}' is no longer the same snapshot used in the initial send")]
    Changed(String),
    /// No snapshot has the guid.
    #[error("'{0}' used in the initial send no longer exists")]
    Gone(String),
    /// No redaction bookmark was made for the same snapshots.
    #[error("no redaction bookmark matches the one that the initial send was redacted by")]
    NoRedactBook,
    /// Neither a snapshot nor a bookmark has the guid of the incremental source.
    #[error("incremental source {0:#x} no longer exists")]
    NoSource(u64),
}

impl SendError {
    /// The kind of failure that this error is.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Pool(e) => e.class(),
            // A stream that was interrupted was not delivered, as if its output had failed.
            Self::Output(_) | Self::Threads(_) | Self::Cancelled => ErrorClass::Device,
            Self::Unsupported(_) => ErrorClass::Unsupported,
            Self::NoDataset(_)
            | Self::CannotSend { .. }
            | Self::CannotResume(_)
            | Self::LargeMicrozap => ErrorClass::Damaged,
        }
    }
}

impl From<PoolError> for SendError {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Cancelled => Self::Cancelled,
            other => Self::Pool(other),
        }
    }
}

/// The result of this crate's functions.
pub type Result<T> = std::result::Result<T, SendError>;
