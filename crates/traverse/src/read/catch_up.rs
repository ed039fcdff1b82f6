//! Catching up with a redaction list: the listed blocks come between the leaves of the walk.

use super::cursor::RedactionCursor;
use crate::error::Result;
use crate::walk::{Leaf, Node, Stop, WalkSpec, above};
use std::collections::VecDeque;
use std::ops::Range;
use zsend_ondisk::Level;
use zsend_pool::PoolError;
use zsend_pool::blkptr::BlkPtr;
use zsend_pool::dmu::dnode::{DNODES_PER_BLOCK, Dnode};
use zsend_pool::dmu::objset::Objset;
use zsend_pool::dsl::redaction::BlockRun;

/// The leaves of a walk and, before each, the listed blocks that lie before it, as they are now.
///
/// Follows the branch of `send_reader_thread()` for `PREVIOUSLY_REDACTED`, OpenZFS
/// `module/zfs/dmu_send.c`, zfs-2.3.8: up to 2.3.7 and 2.4.2 it left out an object's last block.
#[derive(Debug)]
pub(super) struct CatchUp<I> {
    leaves: I,
    spec: WalkSpec,
    stop: Stop,
    cursor: RedactionCursor,
    /// The rest of a leaf that was taken apart, since listed blocks may lie inside it.
    singles: VecDeque<Result<Leaf>>,
    /// A leaf that waits for the listed blocks before it.
    held: Option<Leaf>,
    /// Listed blocks that are being sent.
    run: Option<ListedRun>,
}

impl<I: Iterator<Item = Result<Leaf>>> CatchUp<I> {
    pub(super) const fn new(
        leaves: I,
        spec: WalkSpec,
        cursor: RedactionCursor,
        stop: Stop,
    ) -> Self {
        Self { leaves, spec, stop, cursor, singles: VecDeque::new(), held: None, run: None }
    }

    fn advance(&mut self) -> Result<Option<Leaf>> {
        loop {
            self.stop.check()?;
            if let Some(run) = &mut self.run {
                if let Some(leaf) = run.advance(&self.spec.objset)? {
                    return Ok(Some(leaf));
                }
                self.run = None;
            }
            if self.held.is_none() {
                self.held = self.singles.pop_front().transpose()?;
            }
            if self.held.is_none()
                && let Some(leaf) = self.leaves.next().transpose()?
            {
                if self.cursor.is_empty() {
                    return Ok(Some(leaf));
                }
                self.singles = leaf.into_singles(&self.spec);
                continue;
            }
            // Behind the last leaf comes all that is still listed.
            let (object, blkid) = self.held.as_ref().map_or((u64::MAX, 0), place);
            if let Some(run) = self.cursor.next_before(object, blkid)? {
                match self.spec.objset.dnode(run.object) {
                    Ok(dnode) => self.run = Some(ListedRun::new(dnode, run)),
                    // An object that is gone needs no block; a FREEOBJECTS frees it.
                    Err(PoolError::NotFound { .. }) => {}
                    Err(e) => return Err(e.into()),
                }
                continue;
            }
            if let Some(Leaf::Pointer { dnode, node, bp }) = &self.held
                && (node.level == Level::DATA || bp.is_hole())
            {
                self.cursor.skip_to(node.object, node.end_block(dnode))?;
            }
            return Ok(self.held.take());
        }
    }
}

impl<I: Iterator<Item = Result<Leaf>>> Iterator for CatchUp<I> {
    type Item = Result<Leaf>;

    fn next(&mut self) -> Option<Self::Item> {
        self.advance().transpose()
    }
}

/// The block before which a single leaf comes: that of the objects that it frees, if it is a hole among
/// the dnodes.
///
/// Follows `send_range_start_compare()`, OpenZFS `module/zfs/dmu_send.c`, zfs-2.3.2.
pub(super) fn place(leaf: &Leaf) -> (u64, u64) {
    match leaf {
        Leaf::Opening { blkid, .. } | Leaf::DnodeBlock { blkid, .. } => {
            (blkid.saturating_mul(DNODES_PER_BLOCK), 0)
        }
        Leaf::Dnode { object, .. } => (*object, 0),
        // Nothing is sent of it, so the next leaf catches up.
        Leaf::Indirect { .. } => (0, 0),
        Leaf::Pointer { dnode, node, .. } if node.object == 0 => {
            (node.first_block(dnode).saturating_mul(DNODES_PER_BLOCK), 0)
        }
        Leaf::Pointer { dnode, node, .. } => (node.object, node.first_block(dnode)),
        Leaf::Pointers { dnode, first, range, .. } => {
            let first = first.sibling(range.start);
            (first.object, first.first_block(dnode))
        }
    }
}

/// Listed blocks of an object that exists, as far as it reaches; a FREE frees what lies past its end.
#[derive(Debug)]
struct ListedRun {
    object: u64,
    dnode: Dnode,
    blocks: Range<u64>,
    /// Holes that were found at their front.
    holes: Range<u64>,
}

impl ListedRun {
    fn new(dnode: Dnode, run: BlockRun) -> Self {
        let blocks = run.first..run.end.min(dnode.blocks());
        Self { object: run.object, dnode, blocks, holes: 0..0 }
    }

    fn advance(&mut self, objset: &Objset) -> Result<Option<Leaf>> {
        if self.holes.is_empty() {
            if self.blocks.is_empty() {
                return Ok(None);
            }
            let blkid = self.blocks.start;
            let (bp, span) = objset.pointer_and_span(&self.dnode, self.object, blkid)?;
            if !bp.is_hole() {
                self.blocks.start += 1;
                let node = Node::data(self.object, blkid);
                return Ok(Some(Leaf::Pointer { dnode: self.dnode.clone(), node, bp }));
            }
            let end = self.blocks.end.min(blkid.saturating_add(span.max(1)));
            (self.holes, self.blocks.start) = (blkid..end, end);
        }
        let node = largest(&self.dnode, self.object, &self.holes);
        self.holes.start = node.end_block(&self.dnode);
        Ok(Some(Leaf::Pointer { dnode: self.dnode.clone(), node, bp: BlkPtr::default() }))
    }
}

/// The largest hole at the front of a range of holes that one pointer of the tree stands for, so that
/// no list and no sparse object makes more of them than there are pointers.
pub(super) fn largest(dnode: &Dnode, object: u64, holes: &Range<u64>) -> Node {
    let mut level = Level::DATA;
    while let Some(above) = above(level, dnode)
        && let Some(blocks) = 1u64.checked_shl(dnode.shift(above))
        && holes.start.is_multiple_of(blocks)
        && blocks <= holes.end - holes.start
    {
        level = above;
    }
    Node { object, level, blkid: holes.start >> dnode.shift(level) }
}

#[cfg(test)]
#[cfg(feature = "fixtures")]
mod tests;
