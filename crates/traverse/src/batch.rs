//! Batches: what one worker reads and what is encoded in one go, cut by what it costs of the byte
//! budget.

use crate::error::Result;
use crate::items::{Item, Out};
use crate::part::Part;
use zsend_pool::blkptr::BlkPtr;

/// What a batch is made of.
#[derive(Clone, Debug)]
pub(crate) enum Piece {
    /// A step of the send.
    Item(Item),
    /// A part of the tree; the worker walks it.
    Part(Part),
}

/// Pieces that are read by one worker and encoded one after another.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) pieces: Vec<Piece>,
    /// What the batch takes of the byte budget.
    pub(crate) cost: u64,
}

/// Payload bytes that one batch collects.
const BATCH_BYTES: u64 = 1 << 20;
/// What the first batch collects; each collects twice what the one before it did, so that the first
/// byte leaves soon.
const FIRST_BYTES: u64 = 32 << 10;
/// What an item takes of the budget besides its payload.
const ITEM_COST: u64 = 1 << 10;
/// What an item takes where no data are read.
const ITEM_COST_UNREAD: u64 = 128;

/// Cuts what it is given into batches and hands them on.
pub(crate) struct Batcher<F> {
    batch: Batch,
    limit: u64,
    /// Txg of the incremental source: data that are not younger cost nothing.
    fromtxg: u64,
    sizes_only: bool,
    submit: F,
}

impl<F: FnMut(Batch) -> Result<()>> Batcher<F> {
    pub(crate) fn new(fromtxg: u64, sizes_only: bool, submit: F) -> Self {
        Self { batch: Batch::default(), limit: FIRST_BYTES, fromtxg, sizes_only, submit }
    }

    /// Hands on what was collected.
    pub(crate) fn flush(&mut self) -> Result<()> {
        if self.batch.pieces.is_empty() {
            return Ok(());
        }
        self.limit = (self.limit * 2).min(BATCH_BYTES);
        (self.submit)(std::mem::take(&mut self.batch))
    }

    fn push(&mut self, piece: Piece, cost: u64) -> Result<()> {
        self.batch.pieces.push(piece);
        self.batch.cost += cost;
        if self.batch.cost >= self.limit { self.flush() } else { Ok(()) }
    }

    /// What an item costs whose payload has so many bytes.
    const fn cost(&self, bytes: u64) -> u64 {
        if self.sizes_only { ITEM_COST_UNREAD } else { bytes + ITEM_COST }
    }

    /// What a data pointer in a part costs, if it is visited.
    fn pointer_cost(&self, bp: &BlkPtr) -> u64 {
        let birth = bp.logical_birth();
        if birth != 0 && birth <= self.fromtxg {
            0
        } else if bp.is_hole() {
            self.cost(0)
        } else {
            self.cost(bp.lsize())
        }
    }
}

impl<F: FnMut(Batch) -> Result<()>> Out for Batcher<F> {
    fn item(&mut self, item: Item, bytes: u64) -> Result<()> {
        let cost = self.cost(bytes);
        self.push(Piece::Item(item), cost)
    }

    fn part(&mut self, part: &Part) -> Result<bool> {
        match part {
            Part::Dnodes { data, at, .. } => {
                let pointers = Part::dnode_pointers(data, at);
                let cost: u64 =
                    pointers.iter().map(|bp| self.cost(0) + self.pointer_cost(bp)).sum();
                // A block of dnodes is not cut, and a batch has its bound.
                if cost > BATCH_BYTES {
                    return Ok(false);
                }
                self.push(Piece::Part(part.clone()), cost + self.cost(0))?;
            }
            Part::Children { dnode, data, at, range } => {
                let mut from = range.start;
                let mut cost = 0;
                for i in range.clone() {
                    cost += BlkPtr::at(data, i).map_or(0, |bp| self.pointer_cost(&bp));
                    if i + 1 == range.end || self.batch.cost + cost >= self.limit {
                        let (dnode, data) = (dnode.clone(), data.clone());
                        let part = Part::Children { dnode, data, at: *at, range: from..i + 1 };
                        self.push(Piece::Part(part), std::mem::take(&mut cost))?;
                        from = i + 1;
                    }
                }
            }
        }
        Ok(true)
    }
}
