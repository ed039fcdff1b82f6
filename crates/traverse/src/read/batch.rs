//! Batches: what one worker reads and what is encoded in one go, cut by what it costs of the byte
//! budget.

use crate::error::Result;
use crate::tuning::{BATCH_COST, FIRST_BATCH_COST, ITEM_COST};
use crate::walk::{Leaf, WalkSpec};
use std::collections::VecDeque;
use std::ops::{AddAssign, Range};
use zsend_pool::blkptr::BlkPtr;
use zsend_pool::dmu::dnode::DnodeRef;
use zsend_records::types::DmuType;

/// Leaves that are read by one worker and encoded one after another.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) leaves: Vec<Leaf>,
    /// The error that ended the walk behind those leaves.
    pub(super) ended: Result<()>,
    /// Bytes that the batch takes of the byte budget.
    pub(super) cost: u64,
    /// Items that the leaves give, about.
    pub(super) items: usize,
}

impl Default for Batch {
    fn default() -> Self {
        Self { leaves: Vec::new(), ended: Ok(()), cost: 0, items: 0 }
    }
}

/// The cost of some items, and their number.
#[derive(Clone, Copy, Debug, Default)]
struct Price {
    cost: u64,
    items: usize,
}

impl AddAssign for Price {
    fn add_assign(&mut self, other: Self) {
        self.cost += other.cost;
        self.items += other.items;
    }
}

/// The costs of one kind of send.
#[derive(Clone, Copy, Debug)]
struct Prices {
    /// True if payloads are read, so that they cost what they hold.
    is_read: bool,
    /// Txg of the incremental source: blocks that are not younger cost nothing.
    fromtxg: u64,
}

impl Prices {
    /// An item whose payload has `bytes` bytes.
    const fn item(self, bytes: u64) -> Price {
        Price { cost: if self.is_read { bytes + ITEM_COST } else { ITEM_COST }, items: 1 }
    }

    /// A pointer to data or to nothing; free of cost if it is not visited.
    fn pointer(self, bp: &BlkPtr) -> Price {
        let birth = bp.logical_birth();
        if birth != 0 && birth <= self.fromtxg {
            Price::default()
        } else {
            self.item(if bp.is_hole() { 0 } else { bp.largest_size() })
        }
    }

    /// A block of dnodes and all that they point to.
    fn dnode_block(self, data: &[u8]) -> Price {
        let mut price = Price::default();
        for dnode in DnodeRef::all(data).flatten() {
            price += self.item(dnode.size());
            if dnode.object_type() != DmuType::NONE {
                dnode.pointers().for_each(|bp| price += self.pointer(&bp));
            }
        }
        price
    }

    /// True if a range of an indirect block costs as much as the whole block holds. Looks no further
    /// than to where it does.
    fn is_worth_holding(self, data: &[u8], range: Range<usize>) -> bool {
        let mut cost = 0;
        range.map_while(|i| BlkPtr::at(data, i)).any(|bp| {
            cost += self.pointer(&bp).cost;
            cost >= data.len() as u64
        })
    }
}

/// Cuts the leaves of a walk into batches. The last has the error of the walk, if it ended with one.
#[derive(Debug)]
pub(super) struct Batches<I> {
    leaves: I,
    spec: WalkSpec,
    prices: Prices,
    batch: Batch,
    limit: u64,
    /// The pointers that did not go into the last batch.
    rest: Option<Leaf>,
    /// The rest of a leaf that was taken apart.
    singles: VecDeque<Result<Leaf>>,
    is_ended: bool,
}

impl<I: Iterator<Item = Result<Leaf>>> Batches<I> {
    /// Batches of a send that reads payloads, or only counts them.
    pub(super) fn new(leaves: I, spec: WalkSpec, is_read: bool) -> Self {
        let prices = Prices { is_read, fromtxg: spec.fromtxg };
        let (batch, limit) = (Batch::default(), FIRST_BATCH_COST);
        let singles = VecDeque::new();
        Self { leaves, spec, prices, batch, limit, rest: None, singles, is_ended: false }
    }

    /// The batch that was collected.
    fn cut(&mut self) -> Batch {
        self.limit = (self.limit * 2).min(BATCH_COST);
        std::mem::take(&mut self.batch)
    }

    fn push(&mut self, leaf: Leaf, price: Price) {
        self.batch.leaves.push(leaf);
        self.batch.cost += price.cost;
        self.batch.items += price.items;
    }

    /// Adds a leaf, or as many of its pointers as the batch has room for.
    fn add(&mut self, leaf: Leaf) {
        let prices = self.prices;
        match &leaf {
            // Nothing is sent of it.
            Leaf::Indirect { .. } => {}
            Leaf::DnodeBlock { data, .. } => {
                let price = prices.dnode_block(data);
                // A block of dnodes is not cut, and a batch has its bound.
                if price.cost > BATCH_COST {
                    self.singles = leaf.into_singles(&self.spec);
                } else {
                    self.push(leaf, price);
                }
            }
            Leaf::Opening { dnodes, .. } => {
                // illumos sends them all here, and they hold their block.
                let held = dnodes.iter().map(|(_, dnode)| dnode.bytes().len() as u64).sum();
                self.push(leaf, prices.item(held));
            }
            Leaf::Dnode { dnode, .. } => {
                let mut price = prices.item(dnode.bytes().len() as u64);
                if let Some(spill) = dnode.spill() {
                    price += prices.item(spill.largest_size());
                }
                self.push(leaf, price);
            }
            Leaf::Pointer { bp, .. } => {
                let bytes = if bp.is_hole() { 0 } else { bp.largest_size() };
                self.push(leaf, prices.item(bytes));
            }
            Leaf::Pointers { data, range, .. } => {
                // It holds its whole block. One with little in it that is visited would hold more than
                // it costs, so those few are taken out here and now.
                if prices.is_worth_holding(data, range.clone()) {
                    self.add_pointers(leaf);
                } else {
                    self.singles = leaf.into_singles(&self.spec);
                }
            }
        }
    }

    /// Adds as many pointers as the batch has room for, and keeps the rest for the next.
    fn add_pointers(&mut self, leaf: Leaf) {
        let Leaf::Pointers { dnode, first, data, range } = leaf else { return self.add(leaf) };
        let mut price = Price::default();
        let mut end = range.start;
        while end < range.end && (price.items == 0 || self.batch.cost + price.cost < self.limit) {
            if let Some(bp) = BlkPtr::at(&data, end) {
                price += self.prices.pointer(&bp);
            }
            end += 1;
        }
        if end < range.end {
            let (dnode, data) = (dnode.clone(), data.clone());
            self.rest = Some(Leaf::Pointers { dnode, first, data, range: end..range.end });
        }
        if price.items > 0 {
            self.push(Leaf::Pointers { dnode, first, data, range: range.start..end }, price);
        }
    }
}

impl<I: Iterator<Item = Result<Leaf>>> Iterator for Batches<I> {
    type Item = Batch;

    fn next(&mut self) -> Option<Batch> {
        while !self.is_ended {
            if let Some(rest) = self.rest.take() {
                self.add_pointers(rest);
            } else {
                match self.singles.pop_front().or_else(|| self.leaves.next()) {
                    Some(Ok(leaf)) => self.add(leaf),
                    Some(Err(e)) => {
                        self.is_ended = true;
                        self.batch.ended = Err(e);
                        return Some(self.cut());
                    }
                    None => self.is_ended = true,
                }
            }
            if self.batch.cost >= self.limit {
                return Some(self.cut());
            }
        }
        (!self.batch.leaves.is_empty()).then(|| self.cut())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::SendError;
    use crate::testing::{objset, pointer};
    use crate::walk::Node;
    use bytes::Bytes;
    use zsend_ondisk::Order;
    use zsend_ondisk::blkptr::{BLKPTR_SIZE, BlkPtr, Dva};
    use zsend_ondisk::dnode::{DnodeBuilder, DnodePhys};
    use zsend_pool::Zbookmark;
    use zsend_pool::dmu::dnode::{DNODE_SIZE, DNODES_PER_BLOCK, Dnode};

    /// A pointer to 8 KiB, of which so many bytes are stored, born in a txg.
    fn bp(psize: u64, birth: u64) -> [u8; BLKPTR_SIZE] {
        let dva = Dva::new(0, 1 << 20, psize).unwrap();
        let bp = BlkPtr::builder().dva(0, dva).size(8 << 10).psize(psize).logical_birth(birth);
        bp.build().unwrap().to_bytes(Order::Little)
    }

    /// The pointers of an indirect block of 1024, of which these are to 8 KiB born in txg 9 and the
    /// others to 8 KiB born in txg 3.
    fn pointers(young: Range<usize>) -> Leaf {
        let pointer = |i| bp(8 << 10, if young.contains(&i) { 9 } else { 3 });
        let data: Vec<u8> = (0..1024).flat_map(pointer).collect();
        let dnode =
            Dnode::parse(&Bytes::from(vec![0; DNODE_SIZE]), 0, &Zbookmark::default()).unwrap();
        Leaf::Pointers { dnode, first: Node::data(2, 0), data: data.into(), range: 0..1024 }
    }

    fn batches(leaves: Vec<Result<Leaf>>) -> Batches<std::vec::IntoIter<Result<Leaf>>> {
        let spec = WalkSpec { objset: objset(), fromtxg: 5, resume: None };
        Batches::new(leaves.into_iter(), spec, true)
    }

    /// The ranges of pointers in each batch that a leaf is cut into, with the batch's cost. Single
    /// pointers are ranges of one.
    fn cut(leaf: Leaf) -> Vec<(u64, Vec<Range<u64>>)> {
        let ranges = |leaf: &Leaf| match leaf {
            Leaf::Pointers { range, .. } => range.start as u64..range.end as u64,
            Leaf::Pointer { node, .. } => node.blkid..node.blkid + 1,
            other => panic!("{other:?}"),
        };
        let of = |batch: Batch| (batch.cost, batch.leaves.iter().map(ranges).collect());
        batches(vec![Ok(leaf)]).map(of).collect()
    }

    #[test]
    fn a_block_of_pointers_is_cut_into_batches_that_grow_to_their_bound() {
        let mut next = 0;
        for (i, (cost, ranges)) in cut(pointers(0..1024)).iter().enumerate() {
            let [range] = &ranges[..] else { panic!("{ranges:?}") };
            assert_eq!(range.start, next);
            next = range.end;
            let limit = (FIRST_BATCH_COST << i.min(5)).min(BATCH_COST);
            assert!(*cost <= limit + (9 << 10), "{i}");
            assert!(*cost >= limit || next == 1024, "{i}");
        }
        assert_eq!(next, 1024);
    }

    #[test]
    fn a_leaf_never_holds_more_than_it_costs() {
        // Fourteen blocks and their items cost less than the 128 KiB that point to them.
        let singles: Vec<_> = cut(pointers(100..114)).into_iter().flat_map(|(_, r)| r).collect();
        assert_eq!(singles, (100..114).map(|i| i..i + 1).collect::<Vec<_>>());
        assert_eq!(cut(pointers(0..0)), []);
        let batches = cut(pointers(100..116));
        let costs: u64 = batches.iter().map(|(cost, _)| cost).sum();
        assert_eq!(costs, 16 * (9 << 10));
        let ranges = batches.iter().flat_map(|(_, ranges)| ranges);
        assert_eq!(ranges.map(|r| r.end.min(116) - r.start.max(100)).sum::<u64>(), 16);
    }

    #[test]
    fn a_pointer_costs_what_it_says_that_is_stored() {
        let Leaf::Pointers { dnode, first, data, range } = pointers(0..16) else { panic!() };
        let mut data = data.to_vec();
        // A megabyte stored of 8 KiB, which is to be sent as it is stored.
        data[..BLKPTR_SIZE].copy_from_slice(&bp(1 << 20, 9));
        let leaf = Leaf::Pointers { dnode, first, data: data.into(), range };
        assert_eq!(cut(leaf)[0].0, (1 << 20) + (1 << 10));
    }

    /// A block of 32 dnodes, each of which points to one block of this many sectors.
    fn dnode_block(sectors: u64) -> Leaf {
        let mut data = Vec::new();
        for _ in 0..DNODES_PER_BLOCK {
            let pointers = vec![pointer(19, 100, sectors).build().unwrap()];
            let datablkszsec = 1.into();
            let core = DnodePhys { kind: 19, nlevels: 1, datablkszsec, ..DnodePhys::default() };
            let dnode = DnodeBuilder { core, pointers, ..DnodeBuilder::default() };
            data.extend(dnode.build(Order::Little).unwrap());
        }
        Leaf::DnodeBlock { bp: pointer(10, 4, 32).build().unwrap(), blkid: 1, data: data.into() }
    }

    #[test]
    fn a_block_of_dnodes_that_costs_more_than_a_batch_is_taken_apart() {
        let spec = WalkSpec { objset: objset(), fromtxg: 0, resume: None };
        let cut = |leaf| -> Vec<Batch> {
            Batches::new(vec![Ok(leaf)].into_iter(), spec.clone(), true).collect()
        };
        let [batch] = &cut(dnode_block(8))[..] else { panic!() };
        assert!(matches!(batch.leaves[..], [Leaf::DnodeBlock { .. }]));
        // A pointer, a dnode and two items for each of 32 objects.
        assert_eq!(batch.cost, 32 * (4096 + 512 + 2048));
        let batches = cut(dnode_block(256));
        assert!(batches.len() > 4);
        assert!(batches.iter().all(|batch| batch.cost <= BATCH_COST + (129 << 10)));
        let leaves = batches.iter().flat_map(|batch| &batch.leaves);
        assert_eq!(leaves.filter(|leaf| matches!(leaf, Leaf::Pointer { .. })).count(), 32);
    }

    #[test]
    fn the_last_batch_has_the_error_of_the_walk_behind_what_came_before_it() {
        let leaves = vec![
            Ok(pointers(0..3)),
            Err(SendError::Unsupported("a test".into())),
            Ok(pointers(0..1024)),
        ];
        let mut batches = batches(leaves);
        let batch = batches.next().unwrap();
        assert_eq!(batch.leaves.len(), 3);
        assert!(matches!(batch.ended, Err(SendError::Unsupported(_))));
        assert!(batches.next().is_none());
    }
}
