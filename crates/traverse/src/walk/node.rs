//! Places in the block tree of an object.

use std::fmt;
use zsend_pool::dmu::dnode::Dnode;
use zsend_pool::zbookmark::{SPILL_BLKID, Zbookmark};
use zsend_pool::{PoolError, Result};

/// Level in an object's tree, counted from its data, which are level zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Level(u8);

impl Level {
    /// The level of data, of dnodes in the meta-dnode, and of spill blocks.
    pub(crate) const DATA: Self = Self(0);
    /// The level that points to data.
    pub(crate) const LOWEST_INDIRECT: Self = Self(1);

    /// The level of the pointers in a dnode. A dnode has at least one level: `Dnode::parse` refuses
    /// others, but for free slots, which have no pointers.
    pub(crate) const fn of_roots(dnode: &Dnode) -> Self {
        Self(dnode.nlevels.saturating_sub(1))
    }

    /// The level as block pointers and records keep it.
    pub(crate) const fn get(self) -> u32 {
        self.0 as u32
    }

    /// The next level down; `None` below data.
    const fn below(self) -> Option<Self> {
        match self.0.checked_sub(1) {
            Some(level) => Some(Self(level)),
            None => None,
        }
    }

    /// The next level up, if the dnode has it.
    pub(crate) fn above(self, dnode: &Dnode) -> Option<Self> {
        (self < Self::of_roots(dnode)).then_some(Self(self.0 + 1))
    }

    /// log2 of the level-0 blocks below a pointer of this level.
    pub(crate) const fn shift(self, dnode: &Dnode) -> u32 {
        self.get() * dnode.epb_shift()
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
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
        Zbookmark::new(objset, self.object, self.level.get().into(), self.blkid)
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
        shl(self.blkid, self.level.shift(dnode))
    }

    /// Number of the level-0 block behind the last one below, with the same bound.
    pub(crate) fn end_block(self, dnode: &Dnode) -> u64 {
        shl(self.blkid.saturating_add(1), self.level.shift(dnode))
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
