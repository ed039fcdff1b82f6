//! Batches: what one worker reads and what is encoded in one go, cut by what it costs of the byte
//! budget.

use crate::error::Result;
use crate::items::{Item, Out};
use crate::part::Part;
use zsend_pool::blkptr::BlkPtr;
use zsend_pool::dmu::dnode::Outline;
use zsend_records::types::DmuType;

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
    /// Items that the pieces give, about.
    pub(crate) items: usize,
}

/// What some items come to.
#[derive(Clone, Copy, Debug, Default)]
struct Price {
    cost: u64,
    items: usize,
}

impl std::ops::AddAssign for Price {
    fn add_assign(&mut self, other: Self) {
        self.cost += other.cost;
        self.items += other.items;
    }
}

/// Payload bytes that one batch collects.
const BATCH_BYTES: u64 = 1 << 20;
/// What the first batch collects; each collects twice what the one before it did, so that the first
/// byte leaves soon.
const FIRST_BYTES: u64 = 32 << 10;
/// What an item takes of the budget besides its payload.
const ITEM_COST: u64 = 1 << 10;

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

    fn push(&mut self, piece: Piece, price: Price) -> Result<()> {
        self.batch.pieces.push(piece);
        self.batch.cost += price.cost;
        self.batch.items += price.items;
        if self.batch.cost >= self.limit { self.flush() } else { Ok(()) }
    }

    /// What an item comes to whose payload has so many bytes.
    const fn price(&self, bytes: u64) -> Price {
        Price { cost: if self.sizes_only { ITEM_COST } else { bytes + ITEM_COST }, items: 1 }
    }

    /// What a data pointer in a part comes to: nothing if it is not visited.
    fn pointer_price(&self, bp: &BlkPtr) -> Price {
        let birth = bp.logical_birth();
        if birth != 0 && birth <= self.fromtxg {
            Price::default()
        } else {
            self.price(if bp.is_hole() { 0 } else { bp.lsize() })
        }
    }

    /// What a dnode and its data come to.
    fn dnode_price(&self, dnode: &Outline<'_>) -> Price {
        let mut price = self.price(0);
        if dnode.object_type() != DmuType::NONE {
            dnode.pointers().for_each(|bp| price += self.pointer_price(&bp));
        }
        price
    }
}

impl<F: FnMut(Batch) -> Result<()>> Out for Batcher<F> {
    fn item(&mut self, item: Item, bytes: u64) -> Result<()> {
        let price = self.price(bytes);
        self.push(Piece::Item(item), price)
    }

    fn part(&mut self, part: &Part) -> Result<bool> {
        let mut price = Price::default();
        match part {
            Part::Dnodes { data, .. } => {
                Outline::all(data).flatten().for_each(|dnode| price += self.dnode_price(&dnode));
                // A block of dnodes is not cut, and a batch has its bound.
                if price.cost > BATCH_BYTES {
                    return Ok(false);
                }
                self.push(Piece::Part(part.clone()), price)?;
            }
            Part::Children { dnode, data, at, range } => {
                let mut from = range.start;
                for i in range.clone() {
                    if let Some(bp) = BlkPtr::at(data, i) {
                        price += self.pointer_price(&bp);
                    }
                    if i + 1 == range.end || self.batch.cost + price.cost >= self.limit {
                        let (dnode, data) = (dnode.clone(), data.clone());
                        let part = Part::Children { dnode, data, at: *at, range: from..i + 1 };
                        self.push(Piece::Part(part), std::mem::take(&mut price))?;
                        from = i + 1;
                    }
                }
            }
        }
        Ok(true)
    }
}
