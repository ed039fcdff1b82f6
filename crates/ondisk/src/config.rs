//! Values in the nvlists of labels and of the MOS's configuration, whose keys are
//! [`names::config`](crate::names::config): types of vdevs, and states of a pool.

use alloc::borrow::ToOwned;
use alloc::string::String;
use core::fmt;

/// State of the pool as a label gives it: `pool_state_t`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolState(pub u64);

impl PoolState {
    /// In use, or never exported.
    pub const ACTIVE: Self = Self(0);
    /// Exported.
    pub const EXPORTED: Self = Self(1);
    /// Destroyed.
    pub const DESTROYED: Self = Self(2);
    /// An unused hot spare.
    pub const SPARE: Self = Self(3);
    /// A cache device.
    pub const L2CACHE: Self = Self(4);
}

/// Type of a vdev: `vdev_ops_t` by its name.
///
/// Source: `VDEV_TYPE_*`, OpenZFS `include/sys/fs/zfs.h`, zfs-2.3.2. Of those, `log` and `l2cache` are no types
/// that a configuration on disk has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum VdevType {
    /// The top of the tree, `root`.
    Root,
    /// A block device.
    Disk,
    /// A file.
    File,
    /// Children that hold the same.
    Mirror,
    /// A device and the one that takes its place; reads as a mirror.
    Replacing,
    /// A device and the hot spare that stands in for it; reads as a mirror.
    Spare,
    /// Data and parity over all children.
    Raidz,
    /// Data, parity and spares over all children, permuted.
    Draid,
    /// A distributed spare of a draid, `dspare`.
    DraidSpare,
    /// A removed device, whose contents were copied to others.
    Indirect,
    /// A place that a removed log left.
    Hole,
    /// A device that the writer of the configuration had no label of. What has no tree is taken for one.
    #[default]
    Missing,
    /// A type that is not known here, by its name.
    Unknown(String),
}

impl VdevType {
    /// Its name in a configuration.
    pub fn name(&self) -> &str {
        match self {
            Self::Root => "root",
            Self::Disk => "disk",
            Self::File => "file",
            Self::Mirror => "mirror",
            Self::Replacing => "replacing",
            Self::Spare => "spare",
            Self::Raidz => "raidz",
            Self::Draid => "draid",
            Self::DraidSpare => "dspare",
            Self::Indirect => "indirect",
            Self::Hole => "hole",
            Self::Missing => "missing",
            Self::Unknown(name) => name,
        }
    }
}

impl From<&str> for VdevType {
    fn from(name: &str) -> Self {
        match name {
            "root" => Self::Root,
            "disk" => Self::Disk,
            "file" => Self::File,
            "mirror" => Self::Mirror,
            "replacing" => Self::Replacing,
            "spare" => Self::Spare,
            "raidz" => Self::Raidz,
            "draid" => Self::Draid,
            "dspare" => Self::DraidSpare,
            "indirect" => Self::Indirect,
            "hole" => Self::Hole,
            "missing" => Self::Missing,
            unknown => Self::Unknown(unknown.to_owned()),
        }
    }
}

impl fmt::Display for VdevType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn a_type_keeps_its_name_known_or_not() {
        let known =
            "root disk file mirror replacing spare raidz draid dspare indirect hole missing";
        for name in known.split(' ') {
            let kind = VdevType::from(name);
            assert!(!matches!(kind, VdevType::Unknown(_)), "{name}");
            assert_eq!(kind.to_string(), name);
        }
        for name in ["anyraid", "", "Disk"] {
            assert_eq!(VdevType::from(name), VdevType::Unknown(name.to_owned()));
            assert_eq!(VdevType::from(name).to_string(), name);
        }
    }
}
