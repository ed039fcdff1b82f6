//! Leaves of a walk: what is left when all metadata were read.

use super::node::Node;
use super::spec::{WalkSpec, root};
use crate::error::Result;
use bytes::Bytes;
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use zsend_ondisk::Level;
use zsend_pool::PoolError;
use zsend_pool::blkptr::BlkPtr;
use zsend_pool::dmu::dnode::{DNODE_BLOCK_SIZE, DNODE_SIZE, DNODES_PER_BLOCK, Dnode, DnodeRef};
use zsend_records::types::DmuType;

/// Something below which there is no more metadata to read, so that any thread can visit what is in
/// it, whatever the others are at.
#[derive(Clone, Debug)]
pub(crate) enum Leaf {
    /// A block of dnodes, none of which has an indirect block, with all that they point to.
    DnodeBlock {
        /// The pointer to it.
        bp: BlkPtr,
        /// Its number in the meta-dnode.
        blkid: u64,
        /// Its contents, of the right size.
        data: Bytes,
    },
    /// Another block of dnodes, before any of them.
    Opening {
        /// The pointer to it.
        bp: BlkPtr,
        /// Its number in the meta-dnode.
        blkid: u64,
        /// Its slots: object numbers and dnodes, free ones too.
        dnodes: Arc<[(u64, Dnode)]>,
    },
    /// One of those dnodes, before its blocks; free slots too.
    Dnode {
        /// The pointer to its block.
        bp: BlkPtr,
        /// Object number.
        object: u64,
        /// The dnode.
        dnode: Dnode,
    },
    /// A pointer to an indirect block, before what is below it.
    Indirect {
        /// Its place.
        node: Node,
        /// The pointer.
        bp: BlkPtr,
    },
    /// A pointer to data, to a spill block or to nothing.
    Pointer {
        /// Its object's dnode.
        dnode: Dnode,
        /// Its place.
        node: Node,
        /// The pointer.
        bp: BlkPtr,
    },
    /// Pointers of an indirect block, to data or to nothing.
    Pointers {
        /// Their object's dnode.
        dnode: Dnode,
        /// Place of the block's first pointer.
        first: Node,
        /// The whole block.
        data: Bytes,
        /// Those that are meant, by their index in the block.
        range: Range<usize>,
    },
}

/// One thing that a leaf has, in send order.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Visit<'a> {
    /// A block of dnodes, before any of them: see [`Leaf::Opening`].
    Opening {
        /// The pointer to it.
        bp: &'a BlkPtr,
        /// Its number in the meta-dnode.
        blkid: u64,
        /// Its slots.
        dnodes: &'a [(u64, Dnode)],
    },
    /// A dnode, before its blocks; free slots too.
    Dnode {
        /// The pointer to its block.
        bp: &'a BlkPtr,
        /// Object number.
        object: u64,
        /// The dnode.
        dnode: &'a Dnode,
    },
    /// An indirect block.
    Indirect {
        /// Its place.
        node: Node,
        /// The pointer.
        bp: &'a BlkPtr,
    },
    /// A pointer to data, to a spill block or to nothing.
    Pointer {
        /// Its object's dnode.
        dnode: &'a Dnode,
        /// Its place.
        node: Node,
        /// The pointer.
        bp: &'a BlkPtr,
    },
}

impl Leaf {
    /// Gives `each` what is in the leaf, in send order, as far as it is wanted.
    ///
    /// # Errors
    /// Those of `each`, and [`PoolError::Corrupt`] for a dnode or a pointer that makes no sense.
    pub(crate) fn visit(
        &self,
        spec: &WalkSpec,
        mut each: impl FnMut(Visit<'_>) -> Result<()>,
    ) -> Result<()> {
        match self {
            Self::DnodeBlock { bp, blkid, data } => {
                let dnodes = dnodes(spec, *blkid, data)?;
                each(Visit::Opening { bp, blkid: *blkid, dnodes: &dnodes })?;
                for (object, dnode) in &dnodes {
                    if spec.is_before_resume(*object) {
                        continue;
                    }
                    each(Visit::Dnode { bp, object: *object, dnode })?;
                    if dnode.object_type == DmuType::NONE {
                        continue;
                    }
                    let roots = (0..).map_while(|i| root(dnode, *object, i));
                    for (node, bp) in roots {
                        pointer(spec, dnode, node, &bp, &mut each)?;
                    }
                }
                Ok(())
            }
            Self::Opening { bp, blkid, dnodes } => {
                each(Visit::Opening { bp, blkid: *blkid, dnodes })
            }
            Self::Dnode { bp, object, dnode } => each(Visit::Dnode { bp, object: *object, dnode }),
            Self::Indirect { node, bp } => each(Visit::Indirect { node: *node, bp }),
            Self::Pointer { dnode, node, bp } => each(Visit::Pointer { dnode, node: *node, bp }),
            Self::Pointers { dnode, first, data, range } => {
                for i in range.clone() {
                    let Some(bp) = BlkPtr::at(data, i) else { break };
                    pointer(spec, dnode, first.sibling(i), &bp, &mut each)?;
                }
                Ok(())
            }
        }
    }

    /// All that is in the leaf, each thing as a leaf of its own: at most as many as a block has pointers.
    /// After an error there is nothing more.
    pub(crate) fn into_singles(self, spec: &WalkSpec) -> VecDeque<Result<Self>> {
        let mut singles = VecDeque::new();
        let visited = self.visit(spec, |visit| {
            singles.push_back(Ok(visit.to_leaf()));
            Ok(())
        });
        singles.extend(visited.err().map(Err));
        singles
    }
}

impl Visit<'_> {
    fn to_leaf(self) -> Leaf {
        match self {
            Self::Opening { bp, blkid, dnodes } => {
                Leaf::Opening { bp: *bp, blkid, dnodes: dnodes.into() }
            }
            Self::Dnode { bp, object, dnode } => {
                Leaf::Dnode { bp: *bp, object, dnode: dnode.clone() }
            }
            Self::Indirect { node, bp } => Leaf::Indirect { node, bp: *bp },
            Self::Pointer { dnode, node, bp } => {
                Leaf::Pointer { dnode: dnode.clone(), node, bp: *bp }
            }
        }
    }
}

/// Visits a pointer below which there is no metadata, if it is wanted.
fn pointer(
    spec: &WalkSpec,
    dnode: &Dnode,
    node: Node,
    bp: &BlkPtr,
    each: &mut impl FnMut(Visit<'_>) -> Result<()>,
) -> Result<()> {
    if !spec.is_wanted(dnode, node, bp) {
        return Ok(());
    }
    check_level(spec, node, bp)?;
    each(Visit::Pointer { dnode, node, bp })
}

/// Refuses a pointer to a block that says that it is of another level. A hole may say anything.
///
/// # Errors
/// [`PoolError::Corrupt`].
pub(super) fn check_level(spec: &WalkSpec, node: Node, bp: &BlkPtr) -> Result<()> {
    if bp.is_hole() || bp.is_redacted() || bp.level() == u32::from(node.level) {
        return Ok(());
    }
    Err(PoolError::corrupt(spec.bookmark(node), "level", bp.level(), node.level).into())
}

/// The dnodes in block `blkid` of the meta-dnode, which was found to have the right size, with their
/// object numbers.
///
/// # Errors
/// [`PoolError::Corrupt`] for a dnode that makes no sense.
pub(super) fn dnodes(spec: &WalkSpec, blkid: u64, data: &Bytes) -> Result<Vec<(u64, Dnode)>> {
    let at = spec.bookmark(Node::data(0, blkid));
    let first = blkid.checked_mul(DNODES_PER_BLOCK).ok_or_else(|| {
        PoolError::corrupt(at, "dnode block's number", blkid, "one whose objects have numbers")
    })?;
    let mut dnodes = Vec::with_capacity(DNODE_BLOCK_SIZE / DNODE_SIZE);
    let mut slot = 0;
    while slot * DNODE_SIZE < DNODE_BLOCK_SIZE {
        let dnode = Dnode::parse(data, slot * DNODE_SIZE, &at)?;
        let object = first + slot as u64;
        slot += usize::from(dnode.extra_slots) + 1;
        dnodes.push((object, dnode));
    }
    Ok(dnodes)
}

/// True if none of a block's dnodes has an indirect block, so that their own pointers are all there
/// is. A block that no writer wrote is not flat; parsing it says what is wrong with it.
pub(super) fn is_flat(data: &Bytes) -> bool {
    DnodeRef::all(data)
        .all(|dnode| dnode.is_some_and(|d| d.object_type() == DmuType::NONE || d.nlevels() == 1))
}

/// Number of the pointers that have metadata below them, from the first on, in an indirect block of
/// `count`. Below level 1 of an object are data alone. A block that is higher up ends in holes, if it
/// is not full: a thousand of them, for most large files.
pub(super) fn count_metadata(node: Node, data: &[u8], count: usize) -> usize {
    if node.level == Level::LOWEST_INDIRECT && node.object != 0 {
        return 0;
    }
    let is_hole = |i: &usize| BlkPtr::at(data, *i).is_none_or(|bp| bp.is_hole());
    count - (0..count).rev().take_while(is_hole).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_end_where_the_holes_at_the_end_begin() {
        let level = |n| Node { level: n, ..Node::data(7, 0) };
        let mut data = vec![0; 4 * 128];
        // A hole has no address.
        let mut has = |i: usize, is: bool| data[i * 128] = u8::from(is);
        has(1, true);
        has(3, true);
        let one = Level::LOWEST_INDIRECT;
        assert_eq!(count_metadata(Node { object: 0, ..level(one) }, &data, 4), 4);
        data[3 * 128] = 0;
        assert_eq!(count_metadata(Node { object: 0, ..level(one) }, &data, 4), 2);
        data[128] = 0;
        assert_eq!(count_metadata(Node { object: 0, ..level(one) }, &data, 4), 0);
        data[0] = 1;
        // Level 1 of an object points to data.
        assert_eq!(count_metadata(level(one), &data, 4), 0);
    }
}
