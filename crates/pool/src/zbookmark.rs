//! The logical place of a block, which every error names.

use std::fmt;

/// The logical place of a block: `zbookmark_phys_t`.
///
/// Printed as `<objset,object,level,blkid>`. Source: OpenZFS `include/sys/zio.h`, zfs-2.3.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Zbookmark {
    /// Number of the dataset's object in the MOS; zero for the MOS itself.
    pub objset: u64,
    /// Object number; zero for the meta-dnode.
    pub object: u64,
    /// Level in the object's tree; minus one for the object set's own block, minus two for one of its intent log
    /// (`ZB_ZIL_LEVEL`). Minus three, a dnode (`ZB_DNODE_LEVEL`), names no block and is not used here.
    pub level: i64,
    /// Block number at that level; [`SPILL_BLKID`] for a spill block.
    pub blkid: u64,
}

/// `DMU_SPILL_BLKID`: the block number that stands for an object's spill block.
pub const SPILL_BLKID: u64 = u64::MAX - 1;

/// Level of an object set's root block in a [`Zbookmark`]: `ZB_ROOT_LEVEL`.
pub const ROOT_LEVEL: i64 = -1;

impl Zbookmark {
    /// A block of an object.
    pub const fn new(objset: u64, object: u64, level: i64, blkid: u64) -> Self {
        Self { objset, object, level, blkid }
    }

    /// The root block of an object set.
    pub const fn root(objset: u64) -> Self {
        Self { objset, object: 0, level: ROOT_LEVEL, blkid: 0 }
    }
}

impl fmt::Display for Zbookmark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { objset, object, level, blkid } = *self;
        if blkid == SPILL_BLKID {
            write!(f, "<{objset},{object},{level},spill>")
        } else {
            write!(f, "<{objset},{object},{level},{blkid}>")
        }
    }
}
