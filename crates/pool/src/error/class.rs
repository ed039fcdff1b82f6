//! Kinds of errors: what can be done about one, and whether it means that a block is lost.

use super::{PoolError, Unsupported};

/// Kind of an error, by what its reader can do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorClass {
    /// The input is damaged, a check failed, or what was asked for is not there.
    Damaged,
    /// The request itself makes no sense.
    Usage,
    /// A device or the output failed.
    Device,
    /// The pool needs something that is not supported, named.
    Unsupported,
}

impl PoolError {
    /// Kind of the error.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Open { .. } | Self::Device { .. } => ErrorClass::Device,
            Self::NothingRead { passed_over } => {
                let unread = passed_over.iter().any(|e| e.class() == ErrorClass::Device);
                if unread { ErrorClass::Device } else { ErrorClass::Damaged }
            }
            Self::Unreadable { attempts, .. } => {
                if !attempts.is_empty() && attempts.iter().all(|a| a.cause.is_device()) {
                    ErrorClass::Device
                } else {
                    ErrorClass::Damaged
                }
            }
            Self::Unsupported(_) => ErrorClass::Unsupported,
            Self::State { source, .. } | Self::TooFewDevices { source, .. } => source.class(),
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

    /// Returns true if it means that a block which was to be read is lost: that no copy of it is good, or that
    /// what the pool says of it, or has there, makes no sense. What may go well another time, with a key or on
    /// a larger machine, does not mean that, nor does what is no error of a block.
    ///
    /// Source: errors of `arc_read()` that `do_dump()` replaces where `zfs_send_corrupt_data` is set, OpenZFS
    /// `module/zfs/dmu_send.c`, zfs-2.3.2: `EIO`, `ECKSUM`, and those of `zfs_blkptr_verify()`.
    pub fn is_lost_block(&self) -> bool {
        match self {
            Self::Unreadable { .. } | Self::Corrupt { .. } | Self::Crypto { .. } => true,
            Self::Unsupported(what) => match what {
                Unsupported::Layout { .. } | Unsupported::ByteOrder { .. } => true,
                Unsupported::Version(_)
                | Unsupported::Feature(_)
                | Unsupported::Vdev(_)
                | Unsupported::TooLarge { .. }
                | Unsupported::Length(_) => false,
            },
            Self::TooFewDevices { source, .. } | Self::State { source, .. } => {
                source.is_lost_block()
            }
            Self::Known(source) => source.is_lost_block(),
            Self::Open { .. }
            | Self::Device { .. }
            | Self::NoLabel { .. }
            | Self::NothingRead { .. }
            | Self::NoPool(_)
            | Self::InUse { .. }
            | Self::NotFound { .. }
            | Self::BadName { .. }
            | Self::Cancelled
            | Self::KeyNeeded(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Zbookmark;
    use std::sync::Arc;
    use zsend_ondisk::LayoutError;

    #[test]
    fn what_may_go_well_another_time_is_no_lost_block() {
        let at = Zbookmark::default();
        let lost = || PoolError::Unreadable { at, attempts: Vec::new() };
        let source = LayoutError::Conflict { what: "a", other: "b" };
        for error in [
            lost(),
            PoolError::corrupt(at, "lsize", 1, 2),
            PoolError::TooFewDevices { broken: Vec::new(), source: Box::new(lost()) },
            PoolError::Known(Arc::new(lost())),
            Unsupported::Layout { at, source }.into(),
        ] {
            assert!(error.is_lost_block(), "{error}");
        }
        for error in [
            PoolError::Cancelled,
            PoolError::Known(Arc::new(PoolError::Cancelled)),
            PoolError::KeyNeeded("fs".to_owned()),
            PoolError::NotFound { what: "object", name: "1".to_owned() },
            Unsupported::Length(u64::MAX).into(),
        ] {
            assert!(!error.is_lost_block(), "{error}");
        }
    }
}
