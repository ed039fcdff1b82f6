//! What can end a send early.

use std::io;
use zsend_pool::{ErrorClass, PoolError};

/// An error of a send.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The pool could not be read.
    #[error(transparent)]
    Pool(#[from] PoolError),
    /// The output failed.
    #[error("output: {0}")]
    Output(#[source] io::Error),
    /// The send was asked to stop.
    #[error("interrupted")]
    Cancelled,
    /// What `zfs send` refuses, in its words.
    #[error("{0}")]
    Refused(String),
    /// Something that this program does not do.
    #[error("not supported: {0}")]
    Unsupported(String),
    /// The system gave no thread.
    #[error("cannot start a thread: {0}")]
    Threads(#[source] io::Error),
}

impl SendError {
    /// Which exit code this error stands for.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Pool(e) => e.class(),
            // A stream that was interrupted was not delivered, as if its output had failed.
            Self::Output(_) | Self::Threads(_) | Self::Cancelled => ErrorClass::Device,
            Self::Unsupported(_) => ErrorClass::Unsupported,
            Self::Refused(_) => ErrorClass::Damaged,
        }
    }
}

/// The result of this crate's functions.
pub type Result<T> = std::result::Result<T, SendError>;
