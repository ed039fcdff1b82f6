//! Places in the block tree of an object.

use zsend_ondisk::Level;
use zsend_pool::dmu::dnode::Dnode;
use zsend_pool::{PoolError, Result};
use zsend_pool::{SPILL_BLKID, Zbookmark};

/// Returns the next level up; `None` if the dnode has none.
pub(crate) fn above(level: Level, dnode: &Dnode) -> Option<Level> {
    level.above().filter(|level| *level <= dnode.top())
}

/// A block of an object set: `zbookmark_phys_t` without the object set, of the levels that a walk
/// meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    /// Object number; zero for the meta-dnode.
    pub(crate) object: u64,
    /// Level in the object's tree.
    pub(crate) level: Level,
    /// Block number at that level; [`SPILL_BLKID`] for the spill block.
    pub(crate) blkid: u64,
}

impl Node {
    /// A level-0 block.
    pub(crate) const fn data(object: u64, blkid: u64) -> Self {
        Self { object, level: Level::DATA, blkid }
    }

    /// An object's spill block.
    pub(crate) const fn spill(object: u64) -> Self {
        Self::data(object, SPILL_BLKID)
    }

    /// True for a block of dnodes.
    pub(crate) fn is_dnodes(self) -> bool {
        self.object == 0 && self.level == Level::DATA
    }

    /// True for data and spill blocks, below which there is nothing.
    pub(crate) fn is_data(self) -> bool {
        self.object != 0 && self.level == Level::DATA
    }

    /// The same place with its object set.
    pub(crate) fn bookmark(self, objset: u64) -> Zbookmark {
        Zbookmark::new(objset, self.object, self.level.into(), self.blkid)
    }

    /// The node of the first pointer in this indirect block.
    ///
    /// # Errors
    /// [`PoolError::Corrupt`] if the block numbers below do not fit in 64 bits, or there are none.
    pub(crate) fn first_child(self, dnode: &Dnode, objset: u64) -> Result<Self> {
        let fanout = 1u64 << dnode.epb_shift();
        let first = self.blkid.checked_mul(fanout).filter(|n| n.checked_add(fanout).is_some());
        match (self.level.below(), first) {
            (Some(level), Some(blkid)) => Ok(Self { object: self.object, level, blkid }),
            (None, _) | (_, None) => {
                let (at, found) = (self.bookmark(objset), self.blkid);
                Err(PoolError::corrupt(at, "indirect block's number", found, "one with data below"))
            }
        }
    }

    /// The node of pointer `index` beside this one, which is that of pointer zero.
    pub(crate) const fn sibling(self, index: usize) -> Self {
        Self { blkid: self.blkid.saturating_add(index as u64), ..self }
    }

    /// Number of the first level-0 block below, or `u64::MAX` past all that an object can have.
    pub(crate) fn first_block(self, dnode: &Dnode) -> u64 {
        shl(self.blkid, dnode.shift(self.level))
    }

    /// Number of the level-0 block behind the last one below, with the same bound.
    pub(crate) fn end_block(self, dnode: &Dnode) -> u64 {
        shl(self.blkid.saturating_add(1), dnode.shift(self.level))
    }
}

/// `n << shift`, or `u64::MAX` where that has no room.
const fn shl(n: u64, shift: u32) -> u64 {
    if n == 0 {
        0
    } else if shift <= n.leading_zeros() {
        n << shift
    } else {
        u64::MAX
    }
}

#[cfg(test)]
mod tests {
    use super::shl;

    #[test]
    fn a_shift_that_has_no_room_ends_at_the_largest_number() {
        assert_eq!(shl(3, 62), 3 << 62);
        assert_eq!(shl(3, 63), u64::MAX);
        assert_eq!(shl(1, 63), 1 << 63);
        assert_eq!(shl(1, 64), u64::MAX);
        assert_eq!(shl(0, 70), 0);
        assert_eq!(shl(u64::MAX, 0), u64::MAX);
    }
}
