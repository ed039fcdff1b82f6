//! Errors of reading a pool: the device fails, the bytes are wrong, or this reader does not know them.

mod attempt;
mod class;
mod health;
mod label;
mod listed;
mod passed_over;
mod vdev;

pub use attempt::{Attempt, Cause, DeviceFailure, Doubt, Lack, Mismatch};
pub use class::ErrorClass;
pub use health::Health;
pub use label::{
    ConfigError, Contents, GptError, LabelError, NoLabelAt, NoLabelReason, PoolId, Unlabelled,
};
pub use listed::Listed;
pub use passed_over::PassedOver;
pub(crate) use passed_over::is_unread;
pub use vdev::{ShapeError, VdevError};

use crate::zbookmark::Zbookmark;
use listed::{Commas, Joined};
use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;
use zsend_crypto::CryptoError;
use zsend_ondisk::LayoutError;
use zsend_records::types::DmuType;

/// An error of this crate. Its text has the whole cause; [`Error::source`] gives the cause as a value.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PoolError {
    /// A device, or a folder of them, could not be opened.
    #[error("cannot open {path}: {source}")]
    Open {
        /// The path, as given.
        path: String,
        /// The system's word.
        source: io::Error,
    },
    /// A device could not be read.
    #[error("{device}@{offset:#x}: {source}")]
    Device {
        /// The device, as given.
        device: String,
        /// Bytes from the start of the device.
        offset: u64,
        /// The system's word.
        source: io::Error,
    },
    /// No label on a device that was named.
    #[error("{device}: no ZFS label found: {}", Joined(why, ""))]
    NoLabel {
        /// The device, as given.
        device: String,
        /// Reason why each part of it has none.
        why: Vec<NoLabelAt>,
    },
    /// No pool was found, and something could not be read that may hold one.
    #[error("no pool was found{}", Listed(passed_over))]
    NothingRead {
        /// Reasons why devices were passed over.
        passed_over: Vec<PoolError>,
    },
    /// No pool, or not the one that was asked for, or more than one.
    #[error(transparent)]
    NoPool(#[from] NoPool),
    /// Not one copy of a block could be read and verified.
    #[error("{at}: no good copy of the block: {}", Joined(attempts, "no device holds one"))]
    Unreadable {
        /// The block.
        at: Zbookmark,
        /// Every copy that was tried.
        attempts: Vec<Attempt>,
    },
    /// Bytes that passed their checksum, or lie in a verified block, make no sense.
    #[error("{at}: {what} is {found}, expected {expected}")]
    Corrupt {
        /// The block.
        at: Zbookmark,
        /// Name of the field.
        what: &'static str,
        /// Its value.
        found: String,
        /// Values that it should have had.
        expected: String,
        /// The reason why the value was refused, where that is an error of its own.
        source: Option<Box<dyn Error + Send + Sync>>,
    },
    /// A block cannot be read, and some top-level vdev has too few devices.
    #[error("{}\n{source}", broken.iter().map(Health::to_string).collect::<Vec<_>>().join("\n"))]
    TooFewDevices {
        /// The vdevs that have too few.
        broken: Vec<Health>,
        /// The block.
        source: Box<PoolError>,
    },
    /// The state of the pool that was to be read cannot be.
    #[error("{source}; so the pool's state of txg {txg} cannot be read{}", Usable(usable))]
    State {
        /// Its transaction group.
        txg: u64,
        /// The reason.
        source: Box<PoolError>,
        /// Txgs of the older states that can be read, newest first.
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
    Unsupported(#[source] Unsupported),
    /// A dataset, snapshot, bookmark, object or key of that name does not exist.
    #[error("{what} '{name}' does not exist")]
    NotFound {
        /// Kind of the thing.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// A name is not well formed.
    #[error("cannot open '{name}': {why}")]
    BadName {
        /// The name.
        name: String,
        /// Rule that it breaks.
        why: &'static str,
    },
    /// The caller's [`crate::CancelToken`] was cancelled.
    #[error("cancelled")]
    Cancelled,
    /// Something that was found to be unreadable before.
    #[error("{0}")]
    Known(#[source] Arc<PoolError>),
    /// The dataset is encrypted and its key was not given.
    #[error("'{0}': dataset key must be loaded")]
    KeyNeeded(String),
    /// A key was refused, or a block failed its authentication.
    #[error("{at}: {source}")]
    Crypto {
        /// The block; for a key, the key object.
        at: Zbookmark,
        /// The check or the key that failed.
        source: CryptoError,
    },
}

/// Reason why there is no pool to open.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NoPool {
    /// The device is a spare or a cache device.
    #[error("{device}: a spare or cache device, which holds nothing of a pool")]
    Auxiliary {
        /// The device, as given.
        device: String,
    },
    /// There is none of that name or guid.
    #[error("cannot open '{name}': {}{}", Others(found), Listed(passed_over.all()))]
    Absent {
        /// The name or guid that was asked for.
        name: String,
        /// The pools that were found.
        found: Vec<PoolId>,
        /// Reasons why devices were passed over.
        passed_over: PassedOver,
    },
    /// There is more than one of that name.
    #[error("cannot open '{name}': {count} pools have that name; ask by guid: {}", Commas(found))]
    Ambiguous {
        /// The name that was asked for.
        name: String,
        /// Pools of that name.
        count: usize,
        /// All pools that were found.
        found: Vec<PoolId>,
    },
    /// No device has an uberblock with a good checksum.
    #[error("pool '{pool}': no uberblock with a good checksum on any device")]
    NoUberblock {
        /// The pool.
        pool: String,
    },
    /// No device has an uberblock of the txg that was asked for.
    #[error("pool '{pool}' has no uberblock of txg {txg}; there are {}", Commas(known))]
    NoTxg {
        /// The pool.
        pool: String,
        /// The txg that was asked for.
        txg: u64,
        /// Txgs that there are uberblocks of, newest first.
        known: Vec<u64>,
    },
}

/// Something in a pool that this reader does not know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unsupported {
    /// A version of the pool.
    #[error("pool version {0}")]
    Version(u64),
    /// A feature that must be understood to read the pool, by its guid.
    #[error("the pool needs feature {0} to be read")]
    Feature(String),
    /// A vdev.
    #[error("vdev type {0}")]
    Vdev(#[source] VdevError),
    /// An algorithm that a block pointer names.
    #[error("{at}: {source}")]
    Layout {
        /// The block.
        at: Zbookmark,
        /// The algorithm.
        source: LayoutError,
    },
    /// The byte order of a type of object.
    #[error("{at}: byte order of object type {kind}")]
    ByteOrder {
        /// The block.
        at: Zbookmark,
        /// The type.
        kind: DmuType,
    },
    /// An object that is larger than what is read of its kind.
    #[error("{at}: {what} of {count} {unit}")]
    TooLarge {
        /// The object.
        at: Zbookmark,
        /// Kind of the object.
        what: &'static str,
        /// Its size.
        count: u64,
        /// Unit of the size.
        unit: &'static str,
    },
    /// A length that no memory of this machine has.
    #[error("a length of {0} bytes")]
    Length(u64),
}

/// The pools that were found instead of another.
struct Others<'a>(&'a [PoolId]);

impl fmt::Display for Others<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [] => f.write_str("no pool was found on the given devices"),
            found => write!(f, "no such pool; found {}", Commas(found)),
        }
    }
}

/// The older states that can be read.
struct Usable<'a>(&'a [u64]);

impl fmt::Display for Usable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [] => f.write_str(", nor an older one"),
            txgs => write!(f, "; an older one can, of txg {}", Commas(txgs)),
        }
    }
}

impl PoolError {
    /// A field of a verified block that makes no sense.
    pub fn corrupt(
        at: Zbookmark,
        what: &'static str,
        found: impl fmt::Display,
        expected: impl fmt::Display,
    ) -> Self {
        let (found, expected) = (found.to_string(), expected.to_string());
        Self::Corrupt { at, what, found, expected, source: None }
    }

    /// A part of a verified block that what reads it has refused.
    pub fn refused(
        at: Zbookmark,
        what: &'static str,
        error: impl Error + Send + Sync + 'static,
        expected: &'static str,
    ) -> Self {
        let (found, expected) = (error.to_string(), expected.to_owned());
        Self::Corrupt { at, what, found, expected, source: Some(Box::new(error)) }
    }

    /// A value that a layout refuses, at the block that it lies in.
    pub fn layout(at: Zbookmark, error: LayoutError) -> Self {
        match error {
            LayoutError::Field { what, found, expected } => {
                Self::corrupt(at, what, found, expected)
            }
            source => Self::Unsupported(Unsupported::Layout { at, source }),
        }
    }
}

impl From<Unsupported> for PoolError {
    fn from(what: Unsupported) -> Self {
        Self::Unsupported(what)
    }
}

/// The result of this crate's functions.
pub type Result<T> = std::result::Result<T, PoolError>;

/// Bytes as a length in memory. The caller bounds them.
///
/// # Errors
/// [`Unsupported::Length`] if this machine can address no such memory.
pub(crate) fn len(bytes: u64) -> Result<usize> {
    usize::try_from(bytes).map_err(|_| Unsupported::Length(bytes).into())
}
