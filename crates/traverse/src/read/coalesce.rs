//! Neighbouring blocks are read together: the blocks of a batch that lie side by side on a device, in
//! whatever order they are sent.

use super::items::SendItem;
use crate::tuning::{COALESCE_GAP, COALESCED, COALESCED_SLOW, SLOW_READ, SPARSEST};
use std::ops::Range;
use std::sync::OnceLock;
use std::time::Duration;
use zsend_pool::CancelToken;
use zsend_pool::{Extent, Zio};

/// Blocks that lie one after another.
#[derive(Debug, Default)]
struct Coalesced {
    vdev: u64,
    start: u64,
    end: u64,
    /// Bytes in it that are wanted, parity not counted.
    wanted: u64,
    /// Blocks in it that were not asked for yet.
    blocks: usize,
    /// The bytes, once they were read; nothing where that has to be done block by block.
    extent: OnceLock<Option<Extent>>,
}

impl Coalesced {
    /// One block; `None` if the device holds far more than the block there.
    fn new(block: &Located) -> Option<Self> {
        let Located { vdev, start, end, wanted, .. } = *block;
        let coalesced = Self { vdev, start, end, wanted, blocks: 1, ..Self::default() };
        ((end - start) / SPARSEST <= wanted).then_some(coalesced)
    }

    /// Adds a block that lies behind all others, and returns true, if it is near enough.
    fn add(&mut self, block: &Located, most: u64) -> bool {
        if block.vdev != self.vdev || block.start < self.end {
            return false;
        }
        let len = block.end - self.start;
        let wanted = self.wanted + block.wanted;
        if block.start - self.end > COALESCE_GAP || len > most || len / SPARSEST > wanted {
            return false;
        }
        (self.end, self.wanted) = (block.end, wanted);
        self.blocks += 1;
        true
    }

    /// Reads the bytes. Those of several devices at once are worth it where reading takes longer than
    /// the copying that puts blocks together.
    fn read(&self, zio: &Zio, is_slow: bool, cancel: &CancelToken) -> Option<Extent> {
        let len = usize::try_from(self.end - self.start).ok()?;
        let plain = zio.read_extent(self.vdev, self.start, len);
        let rows = || zio.read_rows(self.vdev, self.start, len, cancel);
        if is_slow { plain.or_else(rows) } else { plain }
    }

    /// The bytes for one of its blocks, if they were read; given up with the last.
    fn take(&mut self) -> Option<Extent> {
        self.blocks = self.blocks.saturating_sub(1);
        if self.blocks == 0 { self.extent.take()? } else { self.extent.get()?.clone() }
    }
}

/// The bytes of an item on a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Located {
    vdev: u64,
    start: u64,
    end: u64,
    /// Bytes of the block.
    wanted: u64,
    /// Index of the item.
    item: usize,
}

impl Located {
    /// Of an item that has bytes on a device.
    fn of<P>(index: usize, item: &SendItem<P>, zio: &Zio) -> Option<Self> {
        let bp = item.bp()?;
        let (vdev, Range { start, end }) = zio.span(bp)?;
        Some(Self { vdev, start, end, wanted: bp.psize(), item: index })
    }
}

/// The reads of some items, done as the items are taken if nobody did them before.
pub(super) struct Reads<'a> {
    zio: &'a Zio,
    coalesced: Vec<Coalesced>,
    /// For each item the index of the read that has it.
    of: Vec<Option<usize>>,
    is_slow: bool,
    /// Asked before each device of several.
    cancel: &'a CancelToken,
}

impl<'a> Reads<'a> {
    /// The reads of these items from devices of which a read takes `latency`.
    pub(super) fn new<P>(
        zio: &'a Zio,
        latency: Duration,
        items: &[SendItem<P>],
        cancel: &'a CancelToken,
    ) -> Self {
        let is_slow = latency >= SLOW_READ;
        let most = if is_slow { COALESCED_SLOW } else { COALESCED };
        let (coalesced, of) = coalesce(items, zio, most);
        Self { zio, coalesced, of, is_slow, cancel }
    }

    /// Number of reads that should be done at once, before the items are taken: all of them where each
    /// takes long, so that a batch waits once and not for one after another.
    pub(super) fn at_once(&self) -> usize {
        if self.is_slow { self.coalesced.len() } else { 0 }
    }

    /// Does a read, if nobody did.
    pub(super) fn read(&self, index: usize) {
        if let Some(coalesced) = self.coalesced.get(index) {
            coalesced.extent.get_or_init(|| coalesced.read(self.zio, self.is_slow, self.cancel));
        }
    }

    /// The bytes that were read together with an item, now or before. Each item is asked for once.
    pub(super) fn extent(&mut self, item: usize) -> Option<Extent> {
        let index = self.of.get(item).copied().flatten()?;
        if self.coalesced.get(index)?.blocks > 1 {
            self.read(index);
        }
        self.coalesced.get_mut(index)?.take()
    }
}

/// The coalesced reads, and for each item the index of the one that has it.
fn coalesce<P>(
    items: &[SendItem<P>],
    zio: &Zio,
    most: u64,
) -> (Vec<Coalesced>, Vec<Option<usize>>) {
    let mut blocks: Vec<Located> =
        items.iter().enumerate().filter_map(|(i, item)| Located::of(i, item, zio)).collect();
    // Objects that were written at one time lie in several places by turns, often backwards.
    blocks.sort_unstable();
    let mut of = vec![None; items.len()];
    let mut coalesced: Vec<Coalesced> = Vec::new();
    for block in &blocks {
        if !coalesced.last_mut().is_some_and(|last| last.add(block, most)) {
            let Some(first) = Coalesced::new(block) else { continue };
            coalesced.push(first);
        }
        of[block.item] = Some(coalesced.len() - 1);
    }
    (coalesced, of)
}

#[cfg(test)]
mod tests {
    use super::*;
    use zsend_encoder::event::{Event, FreeSlot};
    use zsend_pool::Zbookmark;
    use zsend_pool::blkptr::{BlkPtr, Dva};
    use zsend_pool::vdev::VdevTree;
    use zsend_records::writer::Payload;

    /// Of devices that nothing is read from.
    fn zio() -> Zio {
        Zio::new(VdevTree::default())
    }

    /// A block of 4 KiB at an offset of a vdev.
    fn block(vdev: u64, offset: u64) -> SendItem<Payload> {
        let dva = Dva::new(vdev, offset, 4096).unwrap();
        let bp = BlkPtr::builder().size(4096).dva(0, dva).build().unwrap();
        SendItem::Spill { at: Zbookmark::default(), bp, unmodified: false }
    }

    /// Start, end and blocks of each read.
    fn reads(items: &[SendItem<Payload>]) -> Vec<(u64, u64, usize)> {
        coalesce(items, &zio(), COALESCED).0.iter().map(|c| (c.start, c.end, c.blocks)).collect()
    }

    #[test]
    fn neighbours_are_read_together_whatever_their_order() {
        let ready = SendItem::Ready(Event::FreeSlot(FreeSlot { object: 1 }));
        let items = [block(0, 12288), ready, block(1, 16384), block(0, 8192), block(0, 1 << 20)];
        let (found, of) = coalesce(&items, &zio(), COALESCED);
        assert_eq!(of, [Some(0), None, Some(2), Some(0), Some(1)]);
        assert_eq!(
            reads(&items),
            [(8192, 16384, 2), (1 << 20, (1 << 20) + 4096, 1), (16384, 20480, 1)]
        );
        assert_eq!((found[0].vdev, found[2].vdev), (0, 1));
    }

    #[test]
    fn gaps_lengths_and_waste_have_their_bounds() {
        let pair = |second: u64| reads(&[block(0, 0), block(0, second)]).len();
        assert_eq!(pair(4096 + COALESCE_GAP), 1);
        assert_eq!(pair(4096 + COALESCE_GAP + 512), 2);
        // Twice the same is not read together.
        assert_eq!(pair(0), 2);
        let spaced = |by: u64| reads(&(0..10).map(|i| block(0, i * by)).collect::<Vec<_>>()).len();
        assert_eq!(spaced(12288), 1);
        assert!(spaced(4096 + COALESCE_GAP) > 1);
        let long: Vec<_> = (0..100).map(|i| block(0, i * 4096)).collect();
        assert_eq!(reads(&long), [(0, COALESCED, 64), (COALESCED, 100 * 4096, 36)]);
        // An offset that no device has.
        assert_eq!(reads(&[block(0, !511)]), [(0, 0, 0); 0]);
    }
}
