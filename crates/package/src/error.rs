//! Errors of a package, and what it leaves out.

use std::fmt;
use zsend_pool::{ErrorClass, PoolError};
use zsend_traverse::SendError;

/// An error of a package.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PackageError {
    /// A stream could not be made.
    #[error(transparent)]
    Send(SendError),
    /// The package is refused; in the words of `zfs send`.
    #[error(transparent)]
    Refused(#[from] PackageRefusal),
}

/// The reason why a package is refused, in the words of `zfs send`: OpenZFS
/// `lib/libzfs/libzfs_sendrecv.c` and `cmd/zfs/zfs_main.c`, zfs-2.3.2.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PackageRefusal {
    /// The target is no snapshot.
    #[error("Error: Unsupported flag with filesystem or bookmark.")]
    NoSnapshot,
    /// The source of several streams is a bookmark.
    #[error("Error: multiple snapshots cannot be sent from a bookmark.")]
    FromBookmark,
    /// Several streams are to be redacted.
    #[error("Error: multiple snapshots cannot be sent redacted.")]
    Redacted,
    /// The source of several streams is in another filesystem.
    #[error("incremental source must be in same filesystem")]
    OtherFilesystem,
    /// The source's name has more than one `@`, or a `/` behind it.
    #[error("invalid incremental source")]
    InvalidSource,
    /// [`PackageOptions::skip_missing`](crate::PackageOptions::skip_missing) without `-R`.
    #[error("skip-missing flag can only be used in conjunction with replicate")]
    SkipMissing,
    /// [`PackageOptions::excluded`](crate::PackageOptions::excluded) without `-R`.
    #[error("Cannot specify dataset exclusion (-X) on a non-recursive send.")]
    Exclusion,
    /// A name of [`PackageOptions::excluded`](crate::PackageOptions::excluded) is none of a dataset below
    /// the top one.
    #[error("-X {0}: not a valid non-root dataset name.")]
    ExcludedName(String),
    /// A dataset lacks the snapshot.
    #[error(
        "cannot send {target}{}: snapshot {missing} does not exist\n\
         warning: cannot send '{target}': backup failed",
        if *recursive { " recursively" } else { "" }
    )]
    Missing {
        /// Full name of the snapshot that is sent.
        target: String,
        /// With all datasets below.
        recursive: bool,
        /// Full name of the snapshot that is missing.
        missing: String,
    },
    /// An encrypted dataset is to be sent with its properties, but not raw.
    #[error(
        "cannot send {target}: encrypted dataset {dataset} may not be sent with properties without \
         the raw flag\nwarning: cannot send '{target}': backup failed"
    )]
    Encrypted {
        /// Full name of the snapshot that is sent.
        target: String,
        /// Name of the encrypted dataset.
        dataset: String,
    },
    /// The header would be larger than `zfs receive` takes.
    #[error(
        "warning: cannot send {at}: the size of the list of snapshots and properties is too large to \
         be received successfully.\nSelect a smaller number of snapshots to send.\n\
         warning: cannot send '{target}': backup failed"
    )]
    TooLarge {
        /// Full name of the snapshot that is sent.
        target: String,
        /// The same snapshot of the dataset with which it became too large.
        at: String,
    },
    /// Something of an incremental package cannot be read.
    #[error(
        "an incremental package must list all that is there, for `zfs receive -F` destroys what it does \
         not list, and of '{target}' something cannot be read: {first}{}",
        if *others > 0 { format!(" (and {others} more)") } else { String::new() }
    )]
    Incomplete {
        /// Full name of the snapshot that is sent.
        target: String,
        /// The first that cannot be read, and the reason.
        first: String,
        /// Number of others.
        others: usize,
    },
    /// A package was begun with other flags than it is to go on with.
    #[error(
        "the stream that the token is of was begun with other flags: large blocks {}, embedded {}, \
         compressed {}, raw {}",
        word(*.large_block), word(*.embed), word(*.compress), word(*.raw)
    )]
    OtherFlags {
        /// Flags of the token.
        large_block: bool,
        /// As before.
        embed: bool,
        /// As before.
        compress: bool,
        /// As before.
        raw: bool,
    },
    /// The options of each stream have a place to go on at.
    #[error("a package goes on at a stream of its own, and not each of its streams at one place")]
    Resumed,
    /// Everything that would be sent is left out, for this reason.
    #[error("{0}")]
    LeftOut(String),
    /// The package has no stream of a snapshot from which it is to go on.
    #[error("the package has no stream of '{0}' that it could go on from")]
    NotInPackage(String),
    /// Nothing is left to send.
    #[error("cannot send '{0}': nothing is left to send")]
    Nothing(String),
}

const fn word(is_on: bool) -> &'static str {
    if is_on { "on" } else { "off" }
}

impl PackageError {
    /// The kind of failure that this error is.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Send(e) => e.class(),
            Self::Refused(why) => match why {
                PackageRefusal::OtherFilesystem
                | PackageRefusal::InvalidSource
                | PackageRefusal::SkipMissing
                | PackageRefusal::Exclusion
                | PackageRefusal::ExcludedName(_)
                | PackageRefusal::NoSnapshot
                | PackageRefusal::FromBookmark
                | PackageRefusal::Redacted
                | PackageRefusal::OtherFlags { .. }
                | PackageRefusal::Resumed => ErrorClass::Usage,
                PackageRefusal::Missing { .. }
                | PackageRefusal::Incomplete { .. }
                | PackageRefusal::Encrypted { .. }
                | PackageRefusal::TooLarge { .. }
                | PackageRefusal::NotInPackage(_)
                | PackageRefusal::LeftOut(_)
                | PackageRefusal::Nothing(_) => ErrorClass::Damaged,
            },
        }
    }
}

impl From<SendError> for PackageError {
    fn from(e: SendError) -> Self {
        Self::Send(e)
    }
}

impl From<PoolError> for PackageError {
    fn from(e: PoolError) -> Self {
        Self::Send(e.into())
    }
}

/// Something that a package leaves out.
#[derive(Debug)]
#[non_exhaustive]
pub enum Omission {
    /// A snapshot that is younger than the one that is sent.
    LaterSnapshot {
        /// Its full name.
        name: String,
        /// Short name of the one that is sent.
        tosnap: String,
    },
    /// A dataset that was made after the snapshot above it.
    LaterDataset {
        /// Its name.
        name: String,
        /// Short name of the snapshot that it lacks.
        tosnap: String,
    },
    /// A dataset without the snapshot, with all below it:
    /// [`PackageOptions::skip_missing`](crate::PackageOptions::skip_missing).
    Missing {
        /// Its name.
        name: String,
        /// Short name of the snapshot that it lacks.
        tosnap: String,
    },
    /// A dataset of which no snapshot is sent, since the source is not there.
    NoSource {
        /// Full name of its snapshot.
        to: String,
        /// Full name of the source.
        from: String,
    },
    /// A dataset of which no snapshot is sent, since the source is younger.
    NotEarlier {
        /// Full name of its snapshot.
        to: String,
        /// Full name of the source.
        from: String,
    },
    /// The properties or holds of a dataset or snapshot, which is sent without them.
    Undescribed {
        /// Its full name.
        name: String,
        /// The reason.
        why: PoolError,
    },
    /// A dataset, with all below it, or a snapshot that cannot be read.
    Unreadable {
        /// Its full name.
        name: String,
        /// The reason.
        why: PoolError,
    },
}

impl Omission {
    /// True if the package lacks what was asked for: `zfs send` sends the rest then, and fails.
    pub const fn is_failure(&self) -> bool {
        match self {
            Self::LaterSnapshot { .. } | Self::LaterDataset { .. } | Self::Missing { .. } => false,
            Self::NoSource { .. }
            | Self::NotEarlier { .. }
            | Self::Undescribed { .. }
            | Self::Unreadable { .. } => true,
        }
    }

    /// True if it may be the snapshot of this name that cannot be read: itself, or a part of the list.
    pub(crate) fn may_be(&self, dataset: &str, snapshot: &str) -> bool {
        let Self::Unreadable { name, .. } = self else { return false };
        let rest = name.strip_prefix(dataset).and_then(|rest| rest.strip_prefix('@'));
        rest.is_some_and(|rest| rest == snapshot || rest.is_empty())
    }

    /// True if `zfs send` says it with `-v` alone.
    pub const fn is_detail(&self) -> bool {
        matches!(self, Self::LaterSnapshot { .. } | Self::LaterDataset { .. })
    }
}

impl fmt::Display for Omission {
    /// In the words of `zfs send`, where it has any.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LaterSnapshot { name, tosnap } => write!(
                f,
                "skipping snapshot {name} because it was created after the destination snapshot \
                 ({tosnap})"
            ),
            Self::LaterDataset { name, tosnap } => {
                write!(f, "skipping dataset {name}: snapshot {tosnap} does not exist")
            }
            Self::Missing { name, tosnap } => write!(
                f,
                "WARNING: skipping dataset {name} and its children: snapshot {tosnap} does not exist"
            ),
            Self::NoSource { to, from } => write!(
                f,
                "WARNING: could not send {to}:\nincremental source ({from}) does not exist"
            ),
            Self::NotEarlier { to, from } => write!(
                f,
                "WARNING: could not send {to}:\nincremental source ({from}) is not earlier than it"
            ),
            Self::Undescribed { name, why } => {
                write!(f, "WARNING: could not send properties or holds of {name}: {why}")
            }
            Self::Unreadable { name, why } => write!(f, "WARNING: could not send {name}: {why}"),
        }
    }
}

/// The result of this crate's functions.
pub type Result<T> = std::result::Result<T, PackageError>;
