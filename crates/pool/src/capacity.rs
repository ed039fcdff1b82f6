//! Bytes that a pool has for datasets.
//!
//! Follows `dsl_pool_adjustedsize()`, OpenZFS `module/zfs/dsl_pool.c`, and `spa_update_dspace()` and
//! `spa_get_slop_space()`, `module/zfs/spa_misc.c`, zfs-2.3.2, of a pool that nobody has imported and
//! whose module parameters are as they come.

use crate::config::{VdevConfig, VdevType};
use crate::dmu::each_block;
use crate::dmu::objset::Objset;
use crate::dsl::deadlist::bpobj_space;
use crate::zap;
use crate::zbookmark::Zbookmark;
use crate::{PoolError, Result};
use zerocopy::FromBytes;
use zsend_ondisk::dedup::{BrtVdevPhys, DdtLogHeaderPhys, DdtStatPhys};
use zsend_ondisk::names;
use zsend_ondisk::space_map::SpaceMapPhys;

/// `spa_slop_shift`, `spa_max_slop`, `spa_min_slop`, OpenZFS `module/zfs/spa_misc.c`, zfs-2.3.2.
const SLOP_SHIFT: u32 = 5;
const MAX_SLOP: u64 = 128 << 30;
const MIN_SLOP: u64 = 128 << 20;
/// `zfs_embedded_slog_min_ms`, OpenZFS `module/zfs/vdev.c`, zfs-2.3.2: a device with more metaslabs
/// keeps one for the intent log.
const EMBEDDED_SLOG_MIN_METASLABS: u64 = 64;
/// Metaslabs of a vdev, at most: `zfs_vdev_ms_count_limit`, OpenZFS `module/zfs/vdev.c`, zfs-2.3.2.
const MAX_METASLABS: u64 = 1 << 17;
/// The size of a block that inflation by parity is measured with, in `vdev_set_deflate_ratio()`.
const TYPICAL: u64 = 128 << 10;
const SECTOR: u64 = 512;
/// Bytes that the top-level vdevs give, deflated by parity.
#[derive(Debug, Default, PartialEq, Eq)]
struct VdevSpace {
    normal: u64,
    embedded_log: u64,
    /// Part of `normal` on devices that take no more.
    closed: u64,
}

impl VdevSpace {
    /// That of some top-level vdevs. `emptiest` finds the metaslab of one that keeps the intent log,
    /// where it matters which.
    fn of(
        tops: &[&VdevConfig],
        emptiest: impl Fn(&VdevConfig, u64) -> Result<u64>,
    ) -> Result<Self> {
        let mut space = Self::default();
        for top in tops {
            let Some(ratio) = deflate_ratio(top)? else { continue };
            let (all, log) = metaslabs(top, &emptiest)?;
            let deflated = |bytes: u64| (bytes / SECTOR).saturating_mul(ratio);
            space.normal = space.normal.saturating_add(deflated(all - log));
            space.embedded_log = space.embedded_log.saturating_add(deflated(log));
            if top.non_allocating || top.removing {
                space.closed = space.closed.saturating_add(deflated(all));
            }
        }
        Ok(space)
    }

    /// Bytes that no dataset may have.
    fn slop(&self) -> u64 {
        let space = self.normal.saturating_sub(self.closed);
        let slop = (space >> SLOP_SHIFT).min(MAX_SLOP);
        let slop = slop - self.embedded_log.min(slop >> 1);
        slop.max((space >> 1).min(MIN_SLOP))
    }
}

/// Two to a power that the configuration of a top-level vdev has, in bytes.
///
/// # Errors
/// [`PoolError::Corrupt`] for a power that no word holds.
fn power(top: &VdevConfig, what: &'static str, shift: u64) -> Result<u64> {
    let bytes = u32::try_from(shift).ok().and_then(|shift| 1_u64.checked_shl(shift));
    bytes.ok_or_else(|| {
        let at = Zbookmark::new(0, top.metaslab_array, 0, 0);
        PoolError::corrupt(at, what, format!("{shift} (vdev {})", top.id), "0 to 63")
    })
}

/// Bytes of a sector of a top-level vdev.
///
/// # Errors
/// As [`power`].
fn sector(top: &VdevConfig) -> Result<u64> {
    power(top, "ashift of a vdev", top.ashift)
}

/// Bytes of all metaslabs of a top-level vdev, and of that one which keeps the intent log.
fn metaslabs(
    top: &VdevConfig,
    emptiest: impl Fn(&VdevConfig, u64) -> Result<u64>,
) -> Result<(u64, u64)> {
    let size = power(top, "metaslab_shift of a vdev", top.metaslab_shift)?;
    let count = top.asize / size;
    let has_log = count > EMBEDDED_SLOG_MIN_METASLABS;
    if top.kind != VdevType::Draid {
        return Ok((count * size, if has_log { size } else { 0 }));
    }
    if count > MAX_METASLABS {
        let at = Zbookmark::new(0, top.metaslab_array, 0, 0);
        let expected = format!("at most {MAX_METASLABS}");
        return Err(PoolError::corrupt(at, "metaslabs of a vdev", count, expected));
    }
    // A metaslab of a draid begins and ends with a group: `vdev_draid_metaslab_init()`.
    let sector = sector(top)?;
    let group = top.draid_ndata.saturating_add(top.nparity).saturating_mul(sector).max(1);
    let of = |i: u64| {
        let start = i * size;
        let first = start.checked_next_multiple_of(group);
        first.map_or(0, |first| size.saturating_sub(first - start) / group * group)
    };
    let log = if has_log { of(emptiest(top, count)?) } else { 0 };
    Ok(((0..count).map(of).fold(0, u64::saturating_add), log))
}

/// The first of a vdev's `count` metaslabs with the least in it.
fn emptiest(mos: &Objset, top: &VdevConfig, count: u64) -> Result<u64> {
    let at = Zbookmark::new(mos.id(), top.metaslab_array, 0, 0);
    let dnode = mos.dnode(top.metaslab_array)?;
    let (mut metaslab, mut least) = (0_u64, (u64::MAX, 0));
    each_block(mos, top.metaslab_array, &dnode, count * 8, "metaslab array", |_, block| {
        for object in block.as_chunks::<8>().0 {
            let allocated = match u64::from_le_bytes(*object) {
                // It was never written to.
                0 => 0,
                object => space_map(mos, object)?.alloc.get(),
            };
            if allocated < least.0 {
                least = (allocated, metaslab);
            }
            metaslab += 1;
        }
        Ok(())
    })?;
    if metaslab < count {
        let found = format!("{metaslab} metaslabs");
        return Err(PoolError::corrupt(at, "metaslab array", found, count));
    }
    Ok(least.1)
}

/// The bonus of a space map.
fn space_map(mos: &Objset, object: u64) -> Result<SpaceMapPhys> {
    let bonus = mos.dnode(object)?.bonus();
    SpaceMapPhys::read_from_prefix(&bonus).map(|(phys, _)| phys).map_err(|_| {
        let at = Zbookmark::new(mos.id(), object, 0, 0);
        PoolError::corrupt(at, "bonus of a space map", bonus.len(), "24 bytes or more")
    })
}

/// Bytes of a block of typical size for each sector that it takes; `None` for a vdev that has no space.
///
/// # Errors
/// As [`power`].
fn deflate_ratio(top: &VdevConfig) -> Result<Option<u64>> {
    let sector = sector(top)?;
    Ok(sectors(top, TYPICAL.div_ceil(sector)).and_then(|sectors| {
        let taken = sectors.checked_mul(sector)? / SECTOR;
        TYPICAL.checked_div(taken)
    }))
}

/// Sectors that a block of `sectors` takes with its parity; `None` for a vdev that has no space, or whose
/// numbers leave none.
fn sectors(top: &VdevConfig, sectors: u64) -> Option<u64> {
    match &top.kind {
        VdevType::Hole | VdevType::Missing | VdevType::Indirect => None,
        VdevType::Raidz => {
            // Of a raidz that was expanded, the width that it had at first.
            let added = top.raidz_expand_txgs.len() as u64 + u64::from(top.raidz_expanding);
            // Pools from before there was a choice say nothing, and have one.
            let nparity = top.nparity.max(1);
            let data = (top.children.len() as u64).checked_sub(nparity.checked_add(added)?)?;
            let parity = nparity.checked_mul(sectors.div_ceil(data.max(1)))?;
            sectors.checked_add(parity)?.checked_next_multiple_of(nparity + 1)
        }
        VdevType::Draid => {
            let rows = sectors.div_ceil(top.draid_ndata.max(1));
            rows.checked_mul(top.draid_ndata.checked_add(top.nparity)?)
        }
        VdevType::Root
        | VdevType::Disk
        | VdevType::File
        | VdevType::Mirror
        | VdevType::Replacing
        | VdevType::Spare
        | VdevType::DraidSpare
        | VdevType::Unknown(_) => Some(sectors),
    }
}

/// Bytes for datasets, used and free; `None` if the pool has a log of deduplicated blocks that were not
/// counted yet.
///
/// # Errors
/// Those of reading the MOS.
pub(crate) fn read(mos: &Objset, directory: u64, config: &VdevConfig) -> Result<Option<u64>> {
    let mut normal = Vec::new();
    for top in &config.children {
        if is_normal_class(mos, top)? {
            normal.push(top);
        }
    }
    let space = VdevSpace::of(&normal, |top, count| emptiest(mos, top, count))?;
    let Some(shared) = deduplicated(mos, directory)? else { return Ok(None) };
    let mut total = (space.normal - space.closed.min(space.normal)).saturating_add(shared);
    for top in &config.children {
        total = total.saturating_add(cloned(mos, directory, top)?);
    }
    for top in config.children.iter().filter(|top| top.top_zap != 0) {
        total = total.saturating_sub(checkpointed(mos, top)?);
    }
    if let Some(object) = zap::lookup_u64(mos, directory, names::directory::SYNC_BPLIST)? {
        let [deferred, ..] = bpobj_space(mos, object)?;
        total = total.saturating_sub(deferred);
    }
    Ok(Some(total.saturating_sub(space.slop())))
}

/// Returns true if a top-level vdev holds blocks of any kind, and is not kept for the intent log, for
/// small blocks or for deduplication: `vdev_load()`, OpenZFS `module/zfs/vdev.c`.
fn is_normal_class(mos: &Objset, top: &VdevConfig) -> Result<bool> {
    let bias = match top.top_zap {
        0 => None,
        object => zap::lookup(mos, object, names::vdev::ALLOCATION_BIAS)?,
    };
    Ok(!top.is_log && bias.is_none())
}

/// Bytes that blocks would take which others stand for: `ddt_get_dedup_dspace()`, OpenZFS
/// `module/zfs/ddt_stats.c`.
fn deduplicated(mos: &Objset, directory: u64) -> Result<Option<u64>> {
    let mut total = 0_u64;
    for entry in zap::entries(mos, directory)? {
        let name = entry.name();
        let Some(name) = name.strip_prefix(names::directory::DDT_PREFIX) else { continue };
        let object = entry.number(Zbookmark::new(mos.id(), directory, 0, 0))?;
        if name == names::directory::DDT_STATISTICS {
            for histogram in zap::entries(mos, object)? {
                for stat in DdtStatPhys::of_histogram(&histogram.ints()) {
                    let saved = stat.ref_dsize.get().saturating_sub(stat.dsize.get());
                    total = total.saturating_add(saved);
                }
            }
        } else if !name.contains('-') && has_log(mos, object)? {
            return Ok(None);
        }
    }
    Ok(Some(total))
}

/// Returns true if a directory of deduplication tables has a log that is not empty.
fn has_log(mos: &Objset, directory: u64) -> Result<bool> {
    let at = Zbookmark::new(mos.id(), directory, 0, 0);
    for entry in zap::entries(mos, directory)? {
        if entry.name().starts_with(names::DDT_LOG_PREFIX) {
            let log = mos.dnode(entry.number(at)?)?;
            if DdtLogHeaderPhys::of_bonus(&log.bonus()).length.get() != 0 {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// Bytes that cloned blocks would take: `brt_get_dspace()`, OpenZFS `module/zfs/brt.c`.
fn cloned(mos: &Objset, directory: u64, top: &VdevConfig) -> Result<u64> {
    let name = names::brt_vdev(top.id);
    let Some(object) = zap::lookup_u64(mos, directory, &name)? else { return Ok(0) };
    Ok(BrtVdevPhys::of_bonus(&mos.dnode(object)?.bonus()).savedspace.get())
}

/// Bytes that were freed since the checkpoint, which keeps them: `vdev_load()`, OpenZFS
/// `module/zfs/vdev.c`.
fn checkpointed(mos: &Objset, top: &VdevConfig) -> Result<u64> {
    let map = zap::lookup_u64(mos, top.top_zap, names::vdev::CHECKPOINT_SPACE_MAP)?;
    let Some(object) = map else { return Ok(0) };
    // All its entries are frees.
    Ok(space_map(mos, object)?.alloc.get().wrapping_neg())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn top(kind: &str, ashift: u64, children: usize, nparity: u64) -> VdevConfig {
        let children = vec![VdevConfig::default(); children];
        VdevConfig { kind: kind.into(), ashift, nparity, children, ..VdevConfig::default() }
    }

    #[test]
    fn inflation_is_that_of_a_block_of_128_kib() {
        // Sectors by hand: 32 of data, 16 of parity; 32 and 11, made 44; 256 and 2 × 64, made 384.
        for (top, ratio) in [
            (top("disk", 9, 0, 0), Some(512)),
            (top("mirror", 12, 3, 0), Some(512)),
            (top("raidz", 12, 3, 1), Some(131_072 / (48 * 8))),
            (top("raidz", 12, 4, 1), Some(131_072 / (44 * 8))),
            (top("raidz", 9, 6, 2), Some(131_072 / 384)),
            (VdevConfig { draid_ndata: 4, ..top("draid", 12, 8, 1) }, Some(131_072 / (40 * 8))),
            (top("indirect", 12, 0, 0), None),
            (top("raidz", 12, 1, 3), None),
            (top("raidz", 12, 3, u64::MAX), None),
            (top("raidz", 12, 3, 0), Some(131_072 / (48 * 8))),
        ] {
            assert_eq!(deflate_ratio(&top).unwrap(), ratio, "{top:?}");
        }
        let refused = deflate_ratio(&top("disk", 64, 0, 0)).unwrap_err().to_string();
        assert!(refused.contains("ashift of a vdev is 64 (vdev 0), expected 0 to 63"), "{refused}");
    }

    #[test]
    fn slop_has_a_least_and_a_most() {
        let slop = |normal| VdevSpace { normal, ..VdevSpace::default() }.slop();
        assert_eq!(slop(100 << 20), 50 << 20);
        assert_eq!(slop(1 << 30), 128 << 20);
        assert_eq!(slop(1 << 40), 32 << 30);
        assert_eq!(slop(1 << 50), 128 << 30);
        let logs = |embedded_log| VdevSpace { normal: 1 << 40, embedded_log, closed: 0 }.slop();
        assert_eq!((logs(1 << 30), logs(100 << 30)), (31 << 30, 16 << 30));
    }

    #[test]
    fn devices_that_are_closed_take_nothing_more() {
        let disk = VdevConfig { asize: 100 << 20, metaslab_shift: 20, ..top("disk", 9, 0, 0) };
        let closed = VdevConfig { non_allocating: true, ..disk.clone() };
        let hole = top("hole", 9, 0, 0);
        let none = |_: &VdevConfig, _| Ok(0);
        let space = VdevSpace::of(&[&disk, &closed, &hole], none).unwrap();
        let want = VdevSpace { normal: 198 << 20, embedded_log: 2 << 20, closed: 100 << 20 };
        assert_eq!(space, want);
        let hostile = VdevConfig { asize: u64::MAX, metaslab_shift: 63, ..top("disk", 9, 0, 0) };
        assert_eq!(VdevSpace::of(&[&hostile], none).unwrap().embedded_log, 0);
        assert!(VdevSpace::of(&[&hostile; 3], none).unwrap().normal > 1 << 63);
        for shift in [64, 200, u64::MAX] {
            let hostile = VdevConfig { metaslab_shift: shift, ..hostile.clone() };
            let refused = VdevSpace::of(&[&hostile], none).unwrap_err().to_string();
            assert!(refused.contains(&format!("metaslab_shift of a vdev is {shift}")), "{refused}");
        }
        let hostile = VdevConfig { asize: u64::MAX, draid_ndata: 9, ..top("draid", 9, 0, 9) };
        assert!(VdevSpace::of(&[&hostile], none).is_err());
    }

    #[test]
    fn metaslabs_of_a_draid_hold_whole_groups() {
        // Groups of 3 sectors of 4 KiB in metaslabs of 64 KiB: 5 groups in each but the third, whose
        // beginning, at 128 KiB, is 4 KiB into a group, and the fourth, 8 KiB.
        let draid = VdevConfig {
            asize: 4 << 16,
            metaslab_shift: 16,
            draid_ndata: 2,
            ..top("draid", 12, 5, 1)
        };
        let group = 12 << 10;
        let none = |_: &VdevConfig, _| Ok(0);
        assert_eq!(metaslabs(&draid, none).unwrap(), ((5 + 4 + 5 + 5) * group, 0));
        let many = VdevConfig { asize: 65 << 16, ..draid };
        let second = |_: &VdevConfig, count| Ok(u64::from(count == 65));
        assert_eq!(metaslabs(&many, second).unwrap().1, 4 * group);
    }
}
