//! Places of a raidz block's sectors: the classic map, one run of sectors on each device.

use super::parity::MAX_PARITY;
use crate::blkptr::MAX_BLOCK_SIZE;
use crate::error::ShapeError;
use zsend_ondisk::label::DATA_START;

/// The bit of an offset by which single parity alternates between the first two devices, so that
/// one device does not hold all the parity of blocks of one size.
const PARITY_SWAP: u64 = 1 << 20;
/// Offsets above this are in no device; below it no arithmetic of a map can overflow.
const MAX_OFFSET: u64 = 1 << 60;

/// A run of bytes on one child, all parity or all data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Col {
    /// Index of the child.
    pub(crate) child: usize,
    /// Bytes from the start of the child's device, labels included.
    pub(crate) pos: u64,
    /// Bytes; zero for a column that exists only for parity's arithmetic.
    pub(crate) len: usize,
    /// First byte in the block's buffer for data, in parity's for parity.
    pub(crate) at: usize,
    /// Number of the first sector among those of the raidz in the geometry that it was read by.
    pub(crate) sector: u64,
}

/// The columns of a block, row by row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Map {
    /// All rows' columns; in each row parity comes first.
    pub(crate) cols: Vec<Col>,
    /// Columns in a row.
    pub(crate) width: usize,
    /// Parity columns in a row.
    pub(crate) nparity: usize,
    /// Bytes of the block, rounded up to whole sectors.
    pub(crate) len: usize,
    /// Bytes of all parity columns.
    pub(crate) parity_len: usize,
}

impl Map {
    /// The rows, each a full width of columns.
    pub(crate) fn rows(&self) -> impl Iterator<Item = &[Col]> {
        self.cols.chunks(self.width)
    }

    /// Returns true if the column at this index holds parity.
    pub(crate) const fn is_parity(&self, index: usize) -> bool {
        index % self.width < self.nparity
    }
}

/// The numbers that every map of a raidz or draid is made from, checked by [`Shape::new`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    /// log2 of the sector size.
    pub(crate) ashift: u32,
    /// Parity columns.
    pub(crate) nparity: usize,
    /// Parity and data columns.
    pub(crate) width: usize,
}

impl Shape {
    /// Refuses numbers that no pool has, naming them.
    pub(crate) fn new(ashift: u64, nparity: u64, width: usize) -> Result<Self, ShapeError> {
        let ashift = u32::try_from(ashift).ok().filter(|a| (9..=16).contains(a));
        let parity = usize::try_from(nparity).ok().filter(|p| (1..=MAX_PARITY).contains(p));
        match (ashift, parity) {
            (Some(ashift), Some(nparity)) if width > nparity && width <= 255 => {
                Ok(Self { ashift, nparity, width })
            }
            (None, _) => Err(ShapeError::Ashift),
            _ => Err(ShapeError::Parity { width, nparity }),
        }
    }

    /// Sectors of `size` bytes, which must be those of a block at `offset`.
    pub(crate) fn sectors(self, offset: u64, size: usize) -> Option<u64> {
        let size = size as u64;
        (size > 0 && size <= MAX_BLOCK_SIZE && offset < MAX_OFFSET)
            .then(|| size.div_ceil(1 << self.ashift))
    }

    /// Bytes of some sectors of one block, which has 16 MiB at most and a sector more.
    #[expect(clippy::cast_possible_truncation, reason = "the bytes of a block fit")]
    pub(crate) const fn bytes(self, sectors: u64) -> usize {
        debug_assert!(sectors << self.ashift <= 2 * MAX_BLOCK_SIZE);
        (sectors << self.ashift) as usize
    }

    /// Maps a block of `size` bytes at `offset`, or `None` if no block can lie there.
    ///
    /// Source: `vdev_raidz_map_alloc()`, OpenZFS `module/zfs/vdev_raidz.c`, zfs-2.3.2.
    pub(crate) fn classic(self, offset: u64, size: usize) -> Option<Map> {
        let s = self.sectors(offset, size)?;
        let b = offset >> self.ashift;
        let (width, nparity) = (self.width as u64, self.nparity as u64);
        let (q, r) = (s / (width - nparity), s % (width - nparity));
        let bc = if r == 0 { 0 } else { r + nparity };
        let count = if q == 0 { bc } else { width };
        let mut cols = Vec::with_capacity(self.width);
        let (mut at, mut parity_len) = (0, 0);
        for c in 0..count {
            // A column starts with this sector and runs on downwards on the same child.
            let sector = b + c;
            let len = self.bytes(if c < bc { q + 1 } else { q });
            let place = if c < nparity { &mut parity_len } else { &mut at };
            cols.push(Col {
                child: usize::try_from(sector % width).ok()?,
                pos: ((sector / width) << self.ashift) + DATA_START,
                len,
                at: *place,
                sector,
            });
            *place += len;
        }
        swap_parity(&mut cols, self.nparity, offset);
        Some(Map { width: cols.len(), cols, nparity: self.nparity, len: at, parity_len })
    }
}

/// Exchanges the places of parity and first data in a row where single parity alternates.
pub(super) fn swap_parity(row: &mut [Col], nparity: usize, offset: u64) {
    if nparity != 1 || offset & PARITY_SWAP == 0 {
        return;
    }
    if let [first, second, ..] = row {
        core::mem::swap(&mut first.child, &mut second.child);
        core::mem::swap(&mut first.pos, &mut second.pos);
        core::mem::swap(&mut first.sector, &mut second.sector);
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    /// Checks what holds for every map: the block's bytes are covered once, in order of columns,
    /// parity's too, and no sector of a device is used twice. Returns the sectors used.
    pub(crate) fn check_map(map: &Map, ashift: u32) -> HashSet<(usize, u64)> {
        let mut used = HashSet::new();
        let mut covered = [vec![false; map.len], vec![false; map.parity_len]];
        for (i, col) in map.cols.iter().enumerate() {
            for s in 0..(col.len >> ashift) as u64 {
                assert!(used.insert((col.child, (col.pos >> ashift) + s)), "{col:?}");
            }
            for byte in &mut covered[usize::from(map.is_parity(i))][col.at..col.at + col.len] {
                assert!(!*byte, "{col:?}");
                *byte = true;
            }
        }
        assert!(covered.iter().flatten().all(|&b| b));
        for row in map.rows() {
            let children: HashSet<usize> = row.iter().map(|c| c.child).collect();
            assert_eq!(children.len(), row.len(), "a child is twice in a row");
        }
        used
    }

    proptest! {
        #[test]
        fn every_sector_of_an_allocation_lies_in_one_place(
            width in 2..20usize, nparity in 1..4u64, b in 0..100_000u64, s in 1..300usize,
        ) {
            prop_assume!(width as u64 > nparity);
            let shape = Shape::new(9, nparity, width).unwrap();
            let map = shape.classic(b << 9, s << 9).unwrap();
            let used = check_map(&map, 9);
            prop_assert_eq!(map.len, s << 9);
            // The allocation is contiguous in the raidz's own sectors, and so must the devices'
            // be: sector n of the raidz is on child n % width.
            let want: HashSet<_> = (b..b + used.len() as u64)
                .map(|n| {
                    let child = usize::try_from(n % width as u64).unwrap();
                    (child, n / width as u64 + (DATA_START >> 9))
                })
                .collect();
            prop_assert_eq!(used, want);
        }
    }

    #[test]
    fn a_block_of_one_sector_has_parity_and_one_data_column() {
        let map = Shape::new(12, 2, 5).unwrap().classic(4 << 12, 512).unwrap();
        let places: Vec<_> =
            map.cols.iter().map(|c| (c.child, (c.pos - DATA_START) >> 12, c.len)).collect();
        assert_eq!(places, [(4, 0, 4096), (0, 1, 4096), (1, 1, 4096)]);
    }

    #[test]
    fn single_parity_alternates_by_the_megabyte() {
        let shape = Shape::new(9, 1, 3).unwrap();
        let children = |o| -> Vec<_> {
            shape.classic(o, 1024).unwrap().cols.iter().map(|c| c.child).collect()
        };
        assert_eq!(children(0), [0, 1, 2]);
        assert_eq!(children((1 << 20) + 1024), [2, 1, 0]);
    }

    #[test]
    fn impossible_shapes_and_offsets_are_refused() {
        assert!(Shape::new(9, 1, 1).is_err());
        assert!(Shape::new(9, 4, 9).is_err());
        assert!(Shape::new(8, 1, 3).is_err());
        assert!(Shape::new(u64::MAX, 1, 3).is_err());
        let shape = Shape::new(9, 1, 3).unwrap();
        assert_eq!(shape.classic(u64::MAX, 512), None);
        assert_eq!(shape.classic(0, 0), None);
        assert_eq!(shape.classic(0, usize::MAX), None);
    }
}
