//! Withholding the blocks of a redaction list: in their place the receiver is told that they are not
//! there.

use super::catch_up::{largest, place};
use super::cursor::RedactionCursor;
use crate::error::Result;
use crate::walk::{Leaf, Node, Stop, WalkSpec};
use std::collections::VecDeque;
use std::ops::Range;
use zsend_ondisk::blkptr::{BlkPtrBuilder, EmbeddedType};
use zsend_pool::PoolError;
use zsend_pool::Zbookmark;
use zsend_pool::blkptr::BlkPtr;
use zsend_pool::dmu::dnode::Dnode;
use zsend_pool::dsl::redaction::BlockRun;

/// The lists of a redacted send.
#[derive(Clone, Debug, Default)]
pub(crate) struct Withheld {
    /// Blocks that are withheld, whether they are visited or not.
    pub(crate) listed: RedactionCursor,
    /// Those of them that the receiver lacks already: of these nothing is said.
    pub(crate) known: RedactionCursor,
}

/// The pointer to a block that is withheld.
///
/// # Errors
/// [`PoolError::Corrupt`] at this place if a field had no room for its value.
pub(super) fn redacted(at: &Zbookmark) -> Result<BlkPtr> {
    let bp = BlkPtrBuilder::default().embedded(EmbeddedType::REDACTED, &[0]).build();
    Ok(bp.map_err(|e| PoolError::layout(*at, e))?)
}

/// Leaves without the listed blocks, each of which is a pointer to a redacted block at its place.
///
/// Follows `send_merge_thread()` and `find_next_range()`, OpenZFS `module/zfs/dmu_send.c`, zfs-2.3.2.
#[derive(Debug)]
pub(super) struct Withhold<I> {
    leaves: I,
    spec: WalkSpec,
    stop: Stop,
    lists: Withheld,
    /// The rest of a leaf that was taken apart.
    singles: VecDeque<Result<Leaf>>,
    /// A leaf that waits for the listed blocks before it.
    held: Option<Leaf>,
    /// A hole that listed blocks may lie in.
    hole: Option<(Dnode, u64, Range<u64>)>,
    /// The next items: pieces of a hole, and of listed blocks.
    pieces: VecDeque<(Dnode, u64, Range<u64>, BlkPtr)>,
    redacted: BlkPtr,
}

impl<I: Iterator<Item = Result<Leaf>>> Withhold<I> {
    pub(super) fn new(
        leaves: I,
        spec: WalkSpec,
        lists: Withheld,
        redacted: BlkPtr,
        stop: Stop,
    ) -> Self {
        let (singles, pieces) = (VecDeque::new(), VecDeque::new());
        Self { leaves, spec, stop, lists, singles, held: None, hole: None, pieces, redacted }
    }

    fn advance(&mut self) -> Result<Option<Leaf>> {
        loop {
            self.stop.check()?;
            if let Some(leaf) = self.piece() {
                return Ok(Some(leaf));
            }
            if let Some((dnode, object, blocks)) = self.hole.take() {
                self.split(dnode, object, blocks)?;
                continue;
            }
            if self.held.is_none() {
                self.held = self.singles.pop_front().transpose()?;
            }
            if self.held.is_none()
                && let Some(leaf) = self.leaves.next().transpose()?
            {
                if self.lists.listed.is_empty() {
                    return Ok(Some(leaf));
                }
                self.singles = leaf.into_singles(&self.spec);
                continue;
            }
            let (object, blkid) = self.held.as_ref().map_or((u64::MAX, 0), place);
            if let Some(run) = self.lists.listed.next_before(object, blkid)? {
                self.withhold(run)?;
                continue;
            }
            match self.held.take() {
                Some(Leaf::Pointer { mut dnode, node, bp })
                    if node.object != 0 && node != Node::spill(node.object) =>
                {
                    let blocks = node.first_block(&dnode)..node.end_block(&dnode);
                    if bp.is_hole() && !self.lists.listed.is_empty() {
                        // A hole that begins past the end of the data is not sent. One that begins
                        // before it is sent to its own end, each piece of it.
                        if blocks.start <= dnode.maxblkid {
                            dnode.maxblkid = u64::MAX;
                        }
                        self.hole = Some((dnode, node.object, blocks));
                        continue;
                    }
                    match self.lists.listed.next_before(node.object, blocks.end)? {
                        Some(run) => self.withhold(run)?,
                        None => return Ok(Some(Leaf::Pointer { dnode, node, bp })),
                    }
                }
                leaf => return Ok(leaf),
            }
        }
    }

    /// The next piece, as the largest that one pointer stands for.
    fn piece(&mut self) -> Option<Leaf> {
        let (dnode, object, blocks, bp) = self.pieces.front_mut()?;
        let node = largest(dnode, *object, blocks);
        blocks.start = node.end_block(dnode).max(blocks.start.saturating_add(1));
        let leaf = Leaf::Pointer { dnode: dnode.clone(), node, bp: *bp };
        if blocks.is_empty() {
            self.pieces.pop_front();
        }
        Some(leaf)
    }

    fn push(&mut self, dnode: &Dnode, object: u64, blocks: Range<u64>, bp: BlkPtr) {
        if !blocks.is_empty() {
            self.pieces.push_back((dnode.clone(), object, blocks, bp));
        }
    }

    /// Splits a hole at the next listed blocks in it.
    fn split(&mut self, dnode: Dnode, object: u64, blocks: Range<u64>) -> Result<()> {
        let Some(run) = self.lists.listed.next_before(object, blocks.end)? else {
            self.push(&dnode, object, blocks, BlkPtr::default());
            return Ok(());
        };
        self.push(&dnode, object, blocks.start..run.first, BlkPtr::default());
        let rest = run.end..blocks.end;
        self.withhold(run)?;
        if !rest.is_empty() {
            self.hole = Some((dnode, object, rest));
        }
        Ok(())
    }

    /// Says of blocks that they are redacted, but for those of which the receiver knows.
    fn withhold(&mut self, mut run: BlockRun) -> Result<()> {
        let dnode = match self.spec.objset.dnode(run.object) {
            Ok(dnode) => dnode,
            // The list is of a snapshot that had the object; a FREEOBJECTS frees it.
            Err(PoolError::NotFound { .. }) => return Ok(()),
            Err(e) => return Err(e.into()),
        };
        run.end = run.end.min(dnode.blocks());
        self.lists.known.start_at(run.object, run.first)?;
        while run.first < run.end {
            let known = self.lists.known.next_before(run.object, run.end)?;
            let end = known.map_or(run.end, |known| known.first);
            self.push(&dnode, run.object, run.first..end, self.redacted);
            run.first = known.map_or(run.end, |known| known.end);
        }
        Ok(())
    }
}

impl<I: Iterator<Item = Result<Leaf>>> Iterator for Withhold<I> {
    type Item = Result<Leaf>;

    fn next(&mut self) -> Option<Self::Item> {
        self.advance().transpose()
    }
}

#[cfg(test)]
mod tests;
