//! Places of the sectors of a dRAID block, and of its distributed spares.

use super::permutation::Permutations;
use crate::config::VdevConfig;
use crate::error::ShapeError;
use crate::vdev::raidz::map::{Col, Map, Shape};
use zsend_ondisk::label::DATA_START;

/// Bytes of a row on each child: `VDEV_DRAID_ROWHEIGHT`.
const ROW_HEIGHT: u64 = 16 << 20;

/// The numbers of a dRAID.
///
/// A group is as wide as a block's rows. Groups follow each other over the children without the
/// spares, row by row, until they end where a row does: that is a slice, and the next slice has
/// another permutation of the children.
#[derive(Clone, Debug)]
pub(in crate::vdev) struct Layout {
    shape: Shape,
    children: usize,
    spares: usize,
    groups: u64,
    permutations: Permutations,
}

impl Layout {
    /// From the configuration; says what no dRAID can be.
    ///
    /// Source: `vdev_draid_init()`, OpenZFS `module/zfs/vdev_draid.c`, zfs-2.3.2.
    pub(super) fn new(config: &VdevConfig) -> Result<Self, ShapeError> {
        let children = config.children.len();
        if config.draid_nchildren.is_some_and(|n| n != children as u64) {
            return Err(ShapeError::FailureDomains);
        }
        let usable = |n: u64| usize::try_from(n).ok().filter(|&n| n <= 255);
        let data = usable(config.draid_ndata).filter(|&d| d > 0);
        let spares = usable(config.draid_nspares);
        let (Some(data), Some(spares)) = (data, spares) else {
            let (data, spares) = (config.draid_ndata, config.draid_nspares);
            return Err(ShapeError::Columns { data, spares });
        };
        let nparity = config.nparity;
        let Some(parity) = usable(nparity) else {
            return Err(ShapeError::Parity { width: data, nparity });
        };
        let shape = Shape::new(config.ashift, nparity, data + parity)?;
        let layout = Self {
            shape,
            children,
            spares,
            groups: config.draid_ngroups,
            permutations: Permutations::new(children)?,
        };
        let fits = shape.width + spares <= children
            && (1..=255).contains(&layout.groups)
            && (shape.width as u64 * layout.groups).is_multiple_of(layout.disks());
        if !fits {
            let (groups, width) = (layout.groups, shape.width);
            return Err(ShapeError::Groups { groups, width, children, spares });
        }
        Ok(layout)
    }

    /// Parity columns.
    pub(super) const fn nparity(&self) -> usize {
        self.shape.nparity
    }

    /// Data bytes of the smallest allocation, which is a whole row.
    pub(super) const fn min_alloc(&self) -> usize {
        (self.shape.width - self.shape.nparity) << self.shape.ashift
    }

    /// Children less the spares; at least as many as columns, see [`Self::new`].
    const fn disks(&self) -> u64 {
        (self.children - self.spares) as u64
    }

    /// Bytes of a group in the dRAID's own space.
    const fn group_size(&self) -> u64 {
        self.shape.width as u64 * ROW_HEIGHT
    }

    /// Rows of a slice.
    fn slice_rows(&self) -> u64 {
        self.shape.width as u64 * self.groups / self.disks()
    }

    /// The child that holds `len` bytes at `offset` of the data of a distributed spare.
    ///
    /// Source: `vdev_draid_spare_get_child()`.
    pub(in crate::vdev) fn spare(&self, number: u64, offset: u64, len: usize) -> Option<usize> {
        let number = usize::try_from(number).ok().filter(|&n| n < self.spares)?;
        let slice_size = self.slice_rows() * ROW_HEIGHT;
        let within = (offset % slice_size).checked_add(len as u64)?;
        if within > slice_size {
            return None;
        }
        self.permutations.child(offset / slice_size, self.children - 1 - number)
    }

    /// Maps a block of `size` bytes at `offset`, or `None` if no block can lie there.
    ///
    /// Source: `vdev_draid_map_alloc()`.
    pub(super) fn map(&self, offset: u64, size: usize) -> Option<Map> {
        let shape = self.shape;
        let sectors = shape.sectors(offset, size)?;
        let width = shape.width as u64;
        let data = width - shape.nparity as u64;
        let mut map = Map {
            cols: Vec::with_capacity(shape.width),
            width: shape.width,
            nparity: shape.nparity,
            len: shape.bytes(sectors),
            parity_len: 0,
        };
        // What does not fit in the group goes on in the next one, from whole rows of sectors.
        let left = (self.group_size() - offset % self.group_size()) >> shape.ashift;
        if !left.is_multiple_of(width) {
            return None;
        }
        let first = sectors.min(left / width * data);
        self.map_part(&mut map, offset, 0, first)?;
        if first < sectors {
            let next = (offset / self.group_size() + 1) * self.group_size();
            self.map_part(&mut map, next, first, sectors - first)?;
        }
        Some(map)
    }

    /// Adds the columns of `s` sectors at `offset`, before which the block has `done` sectors.
    fn map_part(&self, map: &mut Map, offset: u64, done: u64, s: u64) -> Option<()> {
        let shape = self.shape;
        let (width, nparity) = (shape.width as u64, shape.nparity as u64);
        let group = offset / self.group_size();
        let (slice, group) = (group / self.groups, group % self.groups);
        let start = group * width % self.disks();
        let row = slice * self.slice_rows() + group * width / self.disks();
        let row_sector = ((offset % self.group_size()) >> shape.ashift) / width;
        let pos = row * ROW_HEIGHT + (row_sector << shape.ashift) + DATA_START;
        let (q, r) = (s / (width - nparity), s % (width - nparity));
        let bc = if r == 0 { 0 } else { r + nparity };
        let mut at = shape.bytes(done);
        for c in 0..width {
            let wrapped = start + c >= self.disks();
            let index = usize::try_from((start + c) % self.disks()).ok()?;
            let len = shape.bytes(if c < bc { q + 1 } else { q });
            let place = if c < nparity { &mut map.parity_len } else { &mut at };
            map.cols.push(Col {
                child: self.permutations.child(slice, index)?,
                pos: pos + if wrapped { ROW_HEIGHT } else { 0 },
                len,
                at: *place,
                sector: 0,
            });
            *place += len;
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vdev::raidz::map::tests::check_map;
    use proptest::prelude::*;

    fn config(data: u64, parity: u64, spares: u64, children: usize, groups: u64) -> VdevConfig {
        VdevConfig {
            ashift: 12,
            nparity: parity,
            draid_ndata: data,
            draid_nspares: spares,
            draid_ngroups: groups,
            children: vec![VdevConfig::default(); children],
            ..VdevConfig::default()
        }
    }

    /// Groups so that a slice ends where a row does: the least common multiple by the width.
    fn groups(width: u64, disks: u64) -> u64 {
        (1..).find(|g| (g * width).is_multiple_of(disks)).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn blocks_and_spares_share_no_sector(
            data in 1..8u64, parity in 1..4u64, spares in 0..3u64, more in 0..5usize,
            row in 0..4096u64, group in 0..2000u64, s in 1..200usize,
        ) {
            let width = data + parity;
            let children = usize::try_from(width + spares).unwrap() + more;
            let g = groups(width, children as u64 - spares);
            let layout = Layout::new(&config(data, parity, spares, children, g)).unwrap();
            let offset = group * layout.group_size() + ((row * width) << 12);
            let map = layout.map(offset, s << 12).unwrap();
            let used = check_map(&map, 12);
            // The neighbours in the same group begin where this block's rows end.
            let rows = (s as u64).div_ceil(data);
            let next = layout.map(offset + ((rows * width) << 12), 4096);
            if let Some(next) = next {
                prop_assert!(used.is_disjoint(&check_map(&next, 12)));
            }
            for spare in 0..spares {
                for (child, sector) in &used {
                    let x = (sector << 12) - DATA_START;
                    prop_assert!(layout.spare(spare, x, 4096) != Some(*child));
                }
            }
        }

        #[test]
        fn a_block_over_the_end_of_a_group_goes_on_in_the_next(
            group in 0..100u64, rows in 1..5u64, s in 20..40usize,
        ) {
            let layout = Layout::new(&config(4, 2, 1, 9, 4)).unwrap();
            let end = (group + 1) * layout.group_size();
            let map = layout.map(end - ((rows * 6) << 12), s << 12).unwrap();
            let used = check_map(&map, 12);
            prop_assert_eq!(map.rows().count(), 2);
            prop_assert_eq!(map.len, s << 12);
            let done = usize::try_from(rows).unwrap() * 4;
            let next = check_map(&layout.map(end, (s - done) << 12).unwrap(), 12);
            prop_assert!(next.is_subset(&used));
        }
    }

    #[test]
    fn impossible_layouts_and_offsets_are_refused() {
        let good = config(4, 2, 1, 9, 4);
        assert!(Layout::new(&good).is_ok());
        for bad in [
            config(4, 2, 4, 9, 4),
            config(0, 2, 1, 9, 4),
            config(4, 2, 1, 9, 3),
            config(4, 2, 1, 9, 0),
            config(4, 4, 1, 9, 4),
            config(u64::MAX, 2, 1, 9, 4),
            config(4, 2, 1, 256, 4),
            config(4, 2, 1, 0, 4),
            VdevConfig { draid_nchildren: Some(3), ..good.clone() },
        ] {
            assert!(Layout::new(&bad).is_err(), "{bad:?}");
        }
        let layout = Layout::new(&good).unwrap();
        assert!(layout.map(u64::MAX, 4096).is_none());
        assert!(layout.map(4096, 4096).is_none());
        assert!(layout.spare(1, 0, 4096).is_none());
        assert!(layout.spare(0, layout.slice_rows() * ROW_HEIGHT - 1, 2).is_none());
    }
}
