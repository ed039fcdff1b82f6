//! Batches: what one worker reads and what is encoded in one go, cut by what it costs of the byte
//! budget.

use crate::error::Result;
use crate::read::items::{Item, Out};
use crate::read::payload::Wanted;
use crate::walk::part::Part;
use std::ops::Range;
use zsend_pool::blkptr::BlkPtr;
use zsend_pool::dmu::dnode::Outline;
use zsend_records::types::DmuType;

/// What a batch is made of.
#[derive(Clone, Debug)]
pub(crate) enum Piece<P> {
    /// A step of the send.
    Item(Item<P>),
    /// A part of the tree; the worker walks it.
    Part(Part),
}

/// Pieces that are read by one worker and encoded one after another.
#[derive(Debug)]
pub(crate) struct Batch<P> {
    pub(crate) pieces: Vec<Piece<P>>,
    /// What the batch takes of the byte budget.
    pub(crate) cost: u64,
    /// Items that the pieces give, about.
    pub(crate) items: usize,
}

impl<P> Default for Batch<P> {
    fn default() -> Self {
        Self { pieces: Vec::new(), cost: 0, items: 0 }
    }
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
pub(crate) struct Batcher<P, F> {
    batch: Batch<P>,
    limit: u64,
    /// Txg of the incremental source: data that are not younger cost nothing.
    fromtxg: u64,
    submit: F,
}

impl<P: Wanted, F: FnMut(Batch<P>) -> Result<()>> Batcher<P, F> {
    pub(crate) fn new(fromtxg: u64, submit: F) -> Self {
        Self { batch: Batch::default(), limit: FIRST_BYTES, fromtxg, submit }
    }

    /// Hands on what was collected.
    pub(crate) fn flush(&mut self) -> Result<()> {
        if self.batch.pieces.is_empty() {
            return Ok(());
        }
        self.limit = (self.limit * 2).min(BATCH_BYTES);
        (self.submit)(std::mem::take(&mut self.batch))
    }

    fn push(&mut self, piece: Piece<P>, price: Price) -> Result<()> {
        self.batch.pieces.push(piece);
        self.batch.cost += price.cost;
        self.batch.items += price.items;
        if self.batch.cost >= self.limit { self.flush() } else { Ok(()) }
    }

    /// What an item comes to whose payload has so many bytes.
    const fn price(&self, bytes: u64) -> Price {
        Price { cost: if P::IS_READ { bytes + ITEM_COST } else { ITEM_COST }, items: 1 }
    }

    /// What a data pointer in a part comes to: nothing if it is not visited.
    fn pointer_price(&self, bp: &BlkPtr) -> Price {
        let birth = bp.logical_birth();
        if birth != 0 && birth <= self.fromtxg {
            Price::default()
        } else {
            self.price(if bp.is_hole() { 0 } else { bp.largest_size() })
        }
    }

    /// Whether a range of an indirect block costs as much as the whole block holds. Looks no further
    /// than to where it does.
    fn is_worth_holding(&self, data: &[u8], range: Range<usize>) -> bool {
        let mut cost = 0;
        range.map_while(|i| BlkPtr::at(data, i)).any(|bp| {
            cost += self.pointer_price(&bp).cost;
            cost >= data.len() as u64
        })
    }

    /// What a dnode and its data come to.
    fn dnode_price(&self, dnode: &Outline<'_>) -> Price {
        let mut price = self.price(dnode.size());
        if dnode.object_type() != DmuType::NONE {
            dnode.pointers().for_each(|bp| price += self.pointer_price(&bp));
        }
        price
    }
}

impl<P: Wanted, F: FnMut(Batch<P>) -> Result<()>> Out for Batcher<P, F> {
    type Payload = P;

    fn item(&mut self, item: Item<P>, bytes: u64) -> Result<()> {
        let price = self.price(bytes);
        self.push(Piece::Item(item), price)
    }

    fn part(&mut self, part: &Part) -> Result<bool> {
        match part {
            Part::Dnodes { data, .. } => {
                let mut price = Price::default();
                Outline::all(data).flatten().for_each(|dnode| price += self.dnode_price(&dnode));
                // A block of dnodes is not cut, and a batch has its bound.
                if price.cost > BATCH_BYTES {
                    return Ok(false);
                }
                self.push(Piece::Part(part.clone()), price)?;
            }
            Part::Children { dnode, data, at, range } => {
                // A part holds its whole block. One with little in it that is visited would hold more
                // than it costs, so those few items are made here and now.
                if !self.is_worth_holding(data, range.clone()) {
                    return Ok(false);
                }
                let mut from = range.start;
                let mut price = Price::default();
                for i in range.clone() {
                    if let Some(bp) = BlkPtr::at(data, i) {
                        price += self.pointer_price(&bp);
                    }
                    let full = self.batch.cost + price.cost >= self.limit;
                    if price.items > 0 && (full || i + 1 == range.end) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use zsend_pool::dmu::dnode::{DNODE_SIZE, Dnode};
    use zsend_pool::place::Bookmark;
    use zsend_records::writer::Payload;

    /// An indirect block of 1024 pointers, of which these are to 8 KiB born in txg 9 and the others
    /// to 8 KiB born in txg 3.
    fn children(young: Range<usize>) -> Part {
        let mut data = vec![0; 128 << 10];
        for (i, bp) in data.chunks_mut(128).enumerate() {
            let birth = if young.contains(&i) { 9u64 } else { 3 };
            bp[0] = 1;
            bp[48..56].copy_from_slice(&15u64.to_le_bytes());
            bp[80..88].copy_from_slice(&birth.to_le_bytes());
        }
        let at = Bookmark::new(1, 2, 1, 0);
        let dnode = Dnode::parse(&Bytes::from(vec![0; DNODE_SIZE]), 0, &at).unwrap();
        Part::Children { dnode, data: data.into(), at, range: 0..1024 }
    }

    /// The ranges of the parts in the batches that a part is cut into, with what each batch costs;
    /// nothing if it is not taken.
    fn cut(part: &Part) -> Option<Vec<(u64, Vec<Range<usize>>)>> {
        let mut batches = Vec::new();
        let mut batcher = Batcher::new(5, |batch: Batch<Payload>| {
            let ranges = batch.pieces.iter().map(|piece| match piece {
                Piece::Part(Part::Children { range, .. }) => range.clone(),
                _ => 0..0,
            });
            batches.push((batch.cost, ranges.collect()));
            Ok(())
        });
        let taken = batcher.part(part).unwrap();
        batcher.flush().unwrap();
        taken.then_some(batches)
    }

    #[test]
    fn a_block_of_pointers_is_cut_into_batches_that_grow_to_their_bound() {
        let batches = cut(&children(0..1024)).unwrap();
        let mut next = 0;
        for (i, (cost, ranges)) in batches.iter().enumerate() {
            let [range] = &ranges[..] else { panic!("{ranges:?}") };
            assert_eq!(range.start, next);
            next = range.end;
            let limit = (FIRST_BYTES << i.min(5)).min(BATCH_BYTES);
            assert!(*cost <= limit + (9 << 10), "{i}");
            assert!(*cost >= limit || next == 1024, "{i}");
        }
        assert_eq!(next, 1024);
    }

    #[test]
    fn a_part_never_holds_more_than_it_costs() {
        // Fourteen blocks and their items cost less than the 128 KiB that point to them.
        assert_eq!(cut(&children(100..114)), None);
        assert_eq!(cut(&children(0..0)), None);
        let batches = cut(&children(100..116)).unwrap();
        let costs: u64 = batches.iter().map(|(cost, _)| cost).sum();
        assert_eq!(costs, 16 * (9 << 10));
        assert!(batches.iter().flat_map(|(_, ranges)| ranges).all(|range| !range.is_empty()));
    }

    #[test]
    fn a_pointer_costs_what_it_says_that_is_stored() {
        let Part::Children { dnode, data, at, range } = children(0..16) else { panic!() };
        let mut data = data.to_vec();
        // A megabyte stored of 8 KiB, which is to be sent as it is stored.
        data[50..52].copy_from_slice(&2047u16.to_le_bytes());
        let part = Part::Children { dnode, data: data.into(), at, range };
        assert_eq!(cut(&part).unwrap()[0].0, (1 << 20) + (1 << 10));
    }
}
