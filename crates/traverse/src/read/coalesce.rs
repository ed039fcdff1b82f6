//! Neighbouring blocks are read together: which blocks of a batch lie side by side on a device, in
//! whatever order they are sent.

use crate::read::items::Item;
use std::ops::Range;
use std::sync::OnceLock;
use std::time::Duration;
use zsend_pool::zio::{Extent, Zio};

/// Most bytes that are read together: few enough that they are still in a core's second cache when
/// their turn comes.
const MOST: u64 = 256 << 10;
/// Most bytes that are read together where each read takes long: larger ones would leave too few under
/// way, which the byte budget bounds.
const MOST_SLOW: u64 = 768 << 10;
/// A device on which a read takes this long is slow.
const SLOW: Duration = Duration::from_millis(1);
/// Blocks that lie no further apart are read together: skipping so little costs more than reading.
const GAP: u64 = 16 << 10;
/// How many bytes may be read for each that is wanted, since the byte budget counts those alone.
const SPARSEST: u64 = 4;

/// Blocks that lie one after another.
#[derive(Debug, Default)]
struct Run {
    vdev: u64,
    start: u64,
    end: u64,
    /// Bytes in it that are wanted, parity not counted.
    wanted: u64,
    /// Blocks in it that were not asked for yet.
    blocks: usize,
    /// What was read, once it was; nothing where that has to be done block by block.
    extent: OnceLock<Option<Extent>>,
}

impl Run {
    /// A run of one block; none where far more than the block lies there.
    fn new(place: &Place) -> Option<Self> {
        let Place { vdev, start, end, wanted, .. } = *place;
        let run = Self { vdev, start, end, wanted, blocks: 1, ..Self::default() };
        ((end - start) / SPARSEST <= wanted).then_some(run)
    }

    /// Adds a block that lies behind all others; says whether it belongs to the run.
    fn add(&mut self, place: &Place, most: u64) -> bool {
        if place.vdev != self.vdev || place.start < self.end {
            return false;
        }
        let span = place.end - self.start;
        let wanted = self.wanted + place.wanted;
        if place.start - self.end > GAP || span > most || span / SPARSEST > wanted {
            return false;
        }
        (self.end, self.wanted) = (place.end, wanted);
        self.blocks += 1;
        true
    }

    /// Its bytes. Those of several devices at once are worth it where reading takes longer than the
    /// copying that it takes to put blocks together.
    fn read(&self, zio: &Zio, is_slow: bool) -> Option<Extent> {
        let len = usize::try_from(self.end - self.start).ok()?;
        let plain = zio.read_extent(self.vdev, self.start, len);
        if is_slow { plain.or_else(|| zio.read_rows(self.vdev, self.start, len)) } else { plain }
    }

    /// The bytes for one of its blocks, if they were read; given up with the last.
    fn take(&mut self) -> Option<Extent> {
        self.blocks = self.blocks.saturating_sub(1);
        if self.blocks == 0 { self.extent.take()? } else { self.extent.get()?.clone() }
    }
}

/// Where an item's bytes lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    vdev: u64,
    start: u64,
    end: u64,
    /// Bytes of the block.
    wanted: u64,
    item: usize,
}

impl Place {
    /// Of an item that has bytes on a device.
    fn of<P>(item: usize, what: &Item<P>, zio: &Zio) -> Option<Self> {
        let bp = match what {
            Item::Ready(_) => return None,
            Item::Data(data) => &data.bp,
            Item::Spill { bp, .. } => bp,
        };
        let (vdev, Range { start, end }) = zio.span(bp)?;
        Some(Self { vdev, start, end, wanted: bp.psize(), item })
    }
}

/// The runs of some items, read as the items are taken if nobody read them before.
pub(crate) struct Runs<'a> {
    zio: &'a Zio,
    runs: Vec<Run>,
    /// For each item the run that it belongs to.
    of: Vec<Option<usize>>,
    is_slow: bool,
}

impl<'a> Runs<'a> {
    pub(crate) fn new<P>(zio: &'a Zio, latency: Duration, items: &[Item<P>]) -> Self {
        let is_slow = latency >= SLOW;
        let (runs, of) = find(items, zio, if is_slow { MOST_SLOW } else { MOST });
        Self { zio, runs, of, is_slow }
    }

    /// How many runs should be read at once, before the items are taken: all of them where each read
    /// takes long, so that a batch waits once and not for one after another.
    pub(crate) fn at_once(&self) -> usize {
        if self.is_slow { self.runs.len() } else { 0 }
    }

    /// Reads run `i`.
    pub(crate) fn read(&self, i: usize) {
        if let Some(run) = self.runs.get(i) {
            run.extent.get_or_init(|| run.read(self.zio, self.is_slow));
        }
    }

    /// What was read together with item `i`, now or before. Each item is asked for once.
    pub(crate) fn extent(&mut self, i: usize) -> Option<Extent> {
        let run = self.of.get(i).copied().flatten()?;
        if self.runs.get(run)?.blocks > 1 {
            self.read(run);
        }
        self.runs.get_mut(run)?.take()
    }
}

/// The runs, and for each item the one that it belongs to.
fn find<P>(items: &[Item<P>], zio: &Zio, most: u64) -> (Vec<Run>, Vec<Option<usize>>) {
    let mut places: Vec<Place> =
        items.iter().enumerate().filter_map(|(i, item)| Place::of(i, item, zio)).collect();
    // Objects that were written at one time lie in several places by turns, often backwards.
    places.sort_unstable();
    let mut of = vec![None; items.len()];
    let mut runs: Vec<Run> = Vec::new();
    for place in &places {
        if !runs.last_mut().is_some_and(|run| run.add(place, most)) {
            let Some(run) = Run::new(place) else { continue };
            runs.push(run);
        }
        of[place.item] = Some(runs.len() - 1);
    }
    (runs, of)
}

#[cfg(test)]
mod tests {
    use super::*;
    use zsend_encoder::event::{Event, FreeSlot};
    use zsend_pool::blkptr::{BlkPtr, Dva};
    use zsend_pool::place::Bookmark;
    use zsend_pool::vdev::Tree;
    use zsend_records::writer::Payload;

    /// Of devices that nothing is read from.
    fn zio() -> Zio {
        Zio::new(Tree::default())
    }

    /// A block of 4 KiB at an offset of a vdev.
    fn block(vdev: u64, offset: u64) -> Item<Payload> {
        let dva = Dva::new(vdev, offset, 4096).unwrap();
        let bp = BlkPtr::builder().size(4096).dva(0, dva).build().unwrap();
        Item::Spill { at: Bookmark::default(), bp, unmodified: false }
    }

    /// Start, end and blocks of each run.
    fn runs(items: &[Item<Payload>]) -> Vec<(u64, u64, usize)> {
        find(items, &zio(), MOST).0.iter().map(|run| (run.start, run.end, run.blocks)).collect()
    }

    #[test]
    fn neighbours_are_one_run_whatever_their_order() {
        let ready = Item::Ready(Event::FreeSlot(FreeSlot { object: 1 }));
        let items = [block(0, 12288), ready, block(1, 16384), block(0, 8192), block(0, 1 << 20)];
        let (found, of) = find(&items, &zio(), MOST);
        assert_eq!(of, [Some(0), None, Some(2), Some(0), Some(1)]);
        assert_eq!(
            runs(&items),
            [(8192, 16384, 2), (1 << 20, (1 << 20) + 4096, 1), (16384, 20480, 1)]
        );
        assert_eq!((found[0].vdev, found[2].vdev), (0, 1));
    }

    #[test]
    fn gaps_lengths_and_waste_have_their_bounds() {
        let pair = |second: u64| runs(&[block(0, 0), block(0, second)]).len();
        assert_eq!(pair(4096 + GAP), 1);
        assert_eq!(pair(4096 + GAP + 512), 2);
        // Twice the same is no run.
        assert_eq!(pair(0), 2);
        let spaced = |by: u64| runs(&(0..10).map(|i| block(0, i * by)).collect::<Vec<_>>()).len();
        assert_eq!(spaced(12288), 1);
        assert!(spaced(4096 + GAP) > 1);
        let long: Vec<_> = (0..100).map(|i| block(0, i * 4096)).collect();
        assert_eq!(runs(&long), [(0, MOST, 64), (MOST, 100 * 4096, 36)]);
        // An offset that no device has.
        assert_eq!(runs(&[block(0, !511)]), [(0, 0, 0); 0]);
    }
}
