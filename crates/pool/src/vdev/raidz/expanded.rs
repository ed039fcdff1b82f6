//! Places of a raidz block's sectors after, or during, an expansion: row by row, in rows as
//! wide as the raidz was when the block was written, on as many devices as it has by now.

use super::map::{Col, Map, Shape, swap_parity};
use crate::config::VdevConfig;
use crate::error::ShapeError;
use crate::uberblock::Reflow;
use zsend_ondisk::label::DATA_START;

/// Bytes of the boot area before a leaf's data, `VDEV_BOOT_SIZE`. An expansion keeps the first
/// rows there while it overwrites them in place.
const BOOT_SIZE: u64 = 7 << 19;

/// Widths that a raidz had and has, and the progress of its expansion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Widths {
    /// Devices now.
    physical: usize,
    /// Devices before the first expansion.
    original: usize,
    /// Txg and width of each later state, ascending.
    later: Vec<(u64, usize)>,
    /// Progress of an expansion that is not done.
    reflow: Option<Reflow>,
}

impl Widths {
    /// From the configuration; says what is wrong if the widths cannot have been.
    pub(super) fn new(config: &VdevConfig, reflow: Reflow) -> Result<Self, ShapeError> {
        let physical = config.children.len();
        let in_progress = usize::from(config.raidz_expanding);
        let expansions = config.raidz_expand_txgs.len();
        let original = physical.checked_sub(expansions.saturating_add(in_progress));
        let Some(original) = original.filter(|&o| o as u64 > config.nparity.max(1)) else {
            return Err(ShapeError::Expansions { devices: physical, expansions });
        };
        let txgs = config.raidz_expand_txgs.iter().copied();
        Ok(Self {
            physical,
            original,
            later: txgs.zip(original + 1..).collect(),
            reflow: config.raidz_expanding.then_some(reflow),
        })
    }

    /// The width of the rows of a block by its physical birth.
    pub(super) fn logical(&self, txg: u64) -> usize {
        self.later.iter().rev().find(|(t, _)| *t <= txg).map_or(self.original, |(_, w)| *w)
    }

    /// Devices now.
    pub(super) const fn physical(&self) -> usize {
        self.physical
    }

    /// Widths that the raidz had before, widest first.
    pub(super) fn former(&self) -> impl Iterator<Item = usize> + use<> {
        (self.original..self.physical).rev()
    }

    /// Maps a block of `size` bytes at `offset` whose rows are as wide as `shape`.
    ///
    /// Source: `vdev_raidz_map_alloc_expanded()`, OpenZFS `module/zfs/vdev_raidz.c`, zfs-2.3.2.
    pub(super) fn map(&self, shape: Shape, offset: u64, size: usize) -> Option<Map> {
        let s = shape.sectors(offset, size)?;
        let (width, nparity) = (shape.width as u64, shape.nparity as u64);
        let (q, r) = (s / (width - nparity), s % (width - nparity));
        let bc = if r == 0 { 0 } else { r + nparity };
        let total = s + nparity * (q + u64::from(r != 0));
        let rows = total.div_ceil(width);
        let count = total.min(width);
        let mut map = Map {
            cols: Vec::with_capacity(usize::try_from(rows * count).ok()?),
            width: usize::try_from(count).ok()?,
            nparity: shape.nparity,
            len: shape.bytes(s),
            parity_len: 0,
        };
        for row in 0..rows {
            let b = (offset >> shape.ashift) + row * width;
            // A row of which any part was not copied yet is read from where it was.
            let (devices, scratch) = match self.reflow {
                Some(reflow) if b + count > reflow.offset >> shape.ashift => {
                    (self.physical as u64 - 1, false)
                }
                Some(reflow) => (self.physical as u64, reflow.scratch_valid),
                None => (self.physical as u64, false),
            };
            let start = map.cols.len();
            for c in 0..count {
                let sector = b + c;
                let mut col = Col {
                    child: usize::try_from(sector % devices).ok()?,
                    pos: ((sector / devices) << shape.ashift) + DATA_START
                        - if scratch { BOOT_SIZE } else { 0 },
                    len: 1 << shape.ashift,
                    at: 0,
                    sector,
                };
                if c < nparity {
                    col.at = map.parity_len;
                    map.parity_len += col.len;
                } else if row + 1 == rows && bc != 0 && c >= bc {
                    col.len = 0;
                } else {
                    // Data run down the columns, as in the classic map, not along the rows.
                    let dc = c - nparity;
                    let index = if c < bc || r == 0 {
                        dc * rows + row
                    } else {
                        r * rows + (dc - r) * (rows - 1) + row
                    };
                    col.at = shape.bytes(index);
                }
                map.cols.push(col);
            }
            swap_parity(&mut map.cols[start..], shape.nparity, offset);
        }
        Some(map)
    }
}

#[cfg(test)]
mod tests {
    use super::super::map::tests::check_map;
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    fn widths(physical: usize, txgs: &[u64], reflow: Option<Reflow>) -> Widths {
        let config = VdevConfig {
            nparity: 1,
            children: vec![VdevConfig::default(); physical],
            raidz_expand_txgs: txgs.to_vec(),
            raidz_expanding: reflow.is_some(),
            ..VdevConfig::default()
        };
        Widths::new(&config, reflow.unwrap_or_default()).unwrap()
    }

    #[test]
    fn a_block_is_as_wide_as_the_raidz_was_at_its_birth() {
        let w = widths(7, &[100, 200], Some(Reflow::default()));
        let found: Vec<_> = [0, 99, 100, 199, 200, 999].map(|t| w.logical(t)).into();
        assert_eq!(found, [4, 4, 5, 5, 6, 6]);
        assert_eq!(w.former().collect::<Vec<_>>(), [6, 5, 4]);
        assert_eq!(widths(5, &[7], None).logical(7), 5);
    }

    #[test]
    fn more_expansions_than_devices_are_refused() {
        let config = VdevConfig {
            nparity: 1,
            children: vec![VdevConfig::default(); 3],
            raidz_expand_txgs: vec![1, 2],
            ..VdevConfig::default()
        };
        assert!(Widths::new(&config, Reflow::default()).is_err());
    }

    proptest! {
        #[test]
        fn every_sector_of_an_allocation_lies_in_one_place(
            width in 2..9usize, more in 1..5usize, nparity in 1..4u64,
            b in 0..10_000u64, s in 1..300usize, synced in 0..11_000u64, scratch: bool,
        ) {
            prop_assume!(width as u64 > nparity);
            let shape = Shape::new(9, nparity, width).unwrap();
            // Finished: contiguous in the raidz's own sectors on all devices.
            let txgs: Vec<u64> = (10..).take(more).collect();
            let done = widths(width + more, &txgs, None);
            let map = done.map(shape, b << 9, s << 9).unwrap();
            let used = check_map(&map, 9);
            prop_assert_eq!(map.len, s << 9);
            let place = |n: u64, devices: usize| {
                let child = usize::try_from(n % devices as u64).unwrap();
                (child, n / devices as u64 + (DATA_START >> 9))
            };
            let sectors = b..b + used.len() as u64;
            let want: HashSet<_> = sectors.clone().map(|n| place(n, width + more)).collect();
            prop_assert_eq!(used, want);
            // In progress: each sector is where it was or where it is going to be.
            let reflow = Reflow { offset: synced << 9, scratch_valid: scratch };
            let half = widths(width + 1, &[], Some(reflow));
            let map = half.map(shape, b << 9, s << 9).unwrap();
            for col in map.cols.iter().filter(|c| c.len > 0) {
                prop_assert!(sectors.contains(&col.sector));
                let new = place(col.sector, width + 1);
                let new = (new.0, new.1 - if scratch { BOOT_SIZE >> 9 } else { 0 });
                let at = (col.child, col.pos >> 9);
                prop_assert!(at == place(col.sector, width) || at == new);
                if col.sector >= synced {
                    prop_assert_eq!(at, place(col.sector, width));
                }
            }
        }

        #[test]
        fn the_same_bytes_are_in_the_same_columns_as_classically(
            width in 2..9usize, nparity in 1..4u64, b in 0..10_000u64, s in 1..300usize,
        ) {
            prop_assume!(width as u64 > nparity);
            // An expansion that has copied nothing leaves every sector where the classic map has
            // it, so the two maps must agree on each.
            let shape = Shape::new(9, nparity, width).unwrap();
            let reflow = Reflow { offset: 0, scratch_valid: false };
            let expanded = widths(width + 1, &[], Some(reflow)).map(shape, b << 9, s << 9).unwrap();
            let classic = shape.classic(b << 9, s << 9).unwrap();
            let sectors = |map: &Map| -> HashSet<(usize, u64, usize)> {
                map.cols.iter().enumerate().filter(|(i, _)| !map.is_parity(*i)).flat_map(|(_, c)| {
                    (0..c.len >> 9).map(|n| (c.child, (c.pos >> 9) + n as u64, c.at + (n << 9)))
                }).collect()
            };
            prop_assert_eq!(sectors(&expanded), sectors(&classic));
        }
    }
}
