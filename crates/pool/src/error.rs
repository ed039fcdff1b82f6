//! What can go wrong while a pool is read: the device, the bytes, or what this reader knows.

use crate::place::{Attempt, Bookmark};
use std::fmt;
use std::io;
use std::sync::Arc;
use zsend_crypto::CryptoError;
use zsend_ondisk::LayoutError;

/// Which of the tool's exit codes an error stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorClass {
    /// The input is damaged, a check failed, or what was asked for is not there: exit 1.
    Damaged,
    /// The request itself makes no sense: exit 2.
    Usage,
    /// A device or the output failed: exit 3.
    Device,
    /// The pool needs something that is not supported, named: exit 4.
    Unsupported,
}

/// An error of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PoolError {
    /// A device could not be opened or read.
    #[error("{device}@{offset:#x}: {source}")]
    Device {
        /// The device, as given.
        device: String,
        /// Bytes from the start of the device.
        offset: u64,
        /// What the system said.
        source: io::Error,
    },
    /// No label on a device that was named.
    #[error("{device}: no ZFS label found: {why}")]
    NoLabel {
        /// The device, as given.
        device: String,
        /// What each label had instead.
        why: String,
    },
    /// No pool was found, and something could not be read that may hold one.
    #[error("no pool was found{}", Listed(passed_over))]
    NothingRead {
        /// Why each device was passed over.
        passed_over: Vec<PoolError>,
    },
    /// No pool, or not the one that was asked for, or more than one.
    #[error("{0}")]
    NoPool(String),
    /// Not one copy of a block could be read and verified.
    #[error("{at}: no good copy of the block: {}", Attempts(attempts))]
    Unreadable {
        /// The block.
        at: Bookmark,
        /// Every copy that was tried.
        attempts: Vec<Attempt>,
    },
    /// Bytes that passed their checksum, or lie in a verified block, make no sense.
    #[error("{at}: {what} is {found}, expected {expected}")]
    Corrupt {
        /// The block.
        at: Bookmark,
        /// Which field.
        what: &'static str,
        /// Its value.
        found: String,
        /// What it should have been.
        expected: String,
    },
    /// The state of the pool that was to be read cannot be.
    #[error("{source}; so the pool's state of txg {txg} cannot be read{}", Usable(usable))]
    State {
        /// Its transaction group.
        txg: u64,
        /// Why not.
        source: Box<PoolError>,
        /// The older states that can be read, newest first.
        usable: Vec<u64>,
    },
    /// Another host has the pool imported.
    #[error(
        "pool '{pool}' is in use by {host}: its multihost heartbeat goes on; blocks may change while \
         they are read"
    )]
    InUse {
        /// The pool.
        pool: String,
        /// The host, as the label has it.
        host: String,
    },
    /// The pool needs something that this reader does not know.
    #[error("not supported: {0}")]
    Unsupported(String),
    /// A dataset, snapshot, bookmark, object or key of that name does not exist.
    #[error("{what} '{name}' does not exist")]
    NotFound {
        /// What kind of thing.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// A name is not well formed.
    #[error("'{name}': {why}")]
    BadName {
        /// The name.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The caller's [`crate::CancelToken`] was cancelled.
    #[error("cancelled")]
    Cancelled,
    /// Something that was found to be unreadable before.
    #[error("{0}")]
    Known(Arc<PoolError>),
    /// The dataset is encrypted and its key was not given.
    #[error("'{0}': dataset key must be loaded")]
    KeyNeeded(String),
    /// A key was refused, or a block failed its authentication.
    #[error("{at}: {source}")]
    Crypto {
        /// The block; for a key, the key object.
        at: Bookmark,
        /// What failed.
        source: CryptoError,
    },
}

/// Devices that were passed over, a line each, to end an error with.
pub struct Listed<'a>(pub &'a [PoolError]);

/// How many devices an error lists.
const MAX_LISTED: usize = 20;

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().take(MAX_LISTED).try_for_each(|e| write!(f, "\n  {e}"))?;
        match self.0.len().checked_sub(MAX_LISTED) {
            None | Some(0) => Ok(()),
            Some(more) => write!(f, "\n  and {more} more"),
        }
    }
}

struct Usable<'a>(&'a [u64]);

impl fmt::Display for Usable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str(", nor an older one");
        }
        let txgs: Vec<String> = self.0.iter().map(u64::to_string).collect();
        write!(f, "; an older one can, with --txg: {}", txgs.join(", "))
    }
}

struct Attempts<'a>(&'a [Attempt]);

impl fmt::Display for Attempts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("no device holds one");
        }
        for (i, a) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str("; ")?;
            }
            write!(f, "{a}")?;
        }
        Ok(())
    }
}

impl PoolError {
    /// A field of a verified block that makes no sense.
    pub fn corrupt(
        at: Bookmark,
        what: &'static str,
        found: impl fmt::Display,
        expected: impl fmt::Display,
    ) -> Self {
        Self::Corrupt { at, what, found: found.to_string(), expected: expected.to_string() }
    }

    /// What makes no sense in a layout, at the block that it lies in.
    pub fn layout(at: Bookmark, error: LayoutError) -> Self {
        match error {
            LayoutError::Field { what, found, expected } => {
                Self::corrupt(at, what, found, expected)
            }
            LayoutError::Unknown(what) => Self::Unsupported(format!("{at}: {what}")),
        }
    }

    /// Which exit code this error stands for.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Device { .. } => ErrorClass::Device,
            Self::NothingRead { passed_over } => {
                let unread = passed_over.iter().any(|e| e.class() == ErrorClass::Device);
                if unread { ErrorClass::Device } else { ErrorClass::Damaged }
            }
            Self::Unreadable { attempts, .. } => {
                if !attempts.is_empty() && attempts.iter().all(|a| a.io) {
                    ErrorClass::Device
                } else {
                    ErrorClass::Damaged
                }
            }
            Self::Unsupported(_) => ErrorClass::Unsupported,
            Self::State { source, .. } => source.class(),
            Self::Known(source) => source.class(),
            Self::BadName { .. } => ErrorClass::Usage,
            Self::NoLabel { .. }
            | Self::NoPool(_)
            | Self::InUse { .. }
            | Self::Cancelled
            | Self::Corrupt { .. }
            | Self::NotFound { .. }
            | Self::KeyNeeded(_)
            | Self::Crypto { .. } => ErrorClass::Damaged,
        }
    }
}

/// The result of this crate's functions.
pub type Result<T> = std::result::Result<T, PoolError>;
