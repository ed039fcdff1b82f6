//! Deadlists: how much died between two snapshots, which estimates are made of.

use super::dataset::Dataset;
use crate::blkptr::{BLKPTR_SIZE, BlkPtr};
use crate::dmu::dnode::Dnode;
use crate::dmu::objset::Objset;
use crate::dmu::{self, each_block};
use crate::zap;
use crate::zbookmark::Zbookmark;
use crate::{PoolError, Result};
use zerocopy::{FromBytes, U64};
use zsend_ondisk::bpobj::{BpobjPhys, SpacePhys, parse_deadlist_key};
use zsend_records::types::DmuType;

/// Type of a deadlist that is a ZAP of lists by txg: `DMU_OT_DEADLIST`. Older pools have a single
/// block-pointer list instead.
const TYPE_DEADLIST: DmuType = DmuType(50);

/// Bytes used, compressed and uncompressed.
pub type Space = [u64; 3];

fn add(a: Space, b: Space) -> Space {
    std::array::from_fn(|i| a[i].wrapping_add(b[i]))
}

fn space(phys: SpacePhys) -> Space {
    [phys.used, phys.compressed, phys.uncompressed].map(U64::get)
}

/// The totals of a `bpobj_phys_t`: bytes, compressed, uncompressed. The oldest form has no
/// compressed and uncompressed totals.
pub(crate) fn bpobj_space(mos: &Objset, object: u64) -> Result<Space> {
    Ok(space(BpobjPhys::of_bonus(&mos.dnode(object)?.bonus()).space))
}

/// Bytes that died by the whole deadlist.
fn total(mos: &Objset, object: u64) -> Result<Space> {
    let dnode = mos.dnode(object)?;
    if dnode.object_type != TYPE_DEADLIST {
        return bpobj_space(mos, object);
    }
    let bonus = dnode.bonus();
    let (phys, _) = SpacePhys::read_from_prefix(&bonus).map_err(|_| {
        let at = Zbookmark::new(mos.id(), object, 0, 0);
        let found = format!("{} words", bonus.len() / size_of::<u64>());
        PoolError::corrupt(at, "bonus of a deadlist", found, "three or more")
    })?;
    Ok(space(phys))
}

/// Bytes that died of blocks born in `min < birth <= max`, by the lists whose keys lie in that range.
///
/// Follows `dsl_deadlist_space_range()`, OpenZFS `module/zfs/dsl_deadlist.c`, zfs-2.3.2.
fn range(mos: &Objset, object: u64, min: u64, max: u64) -> Result<Space> {
    let dnode = mos.dnode(object)?;
    if dnode.object_type != TYPE_DEADLIST {
        return old_range(mos, object, &dnode, min, max);
    }
    let mut space = [0; 3];
    for entry in zap::entries_of(mos, object, &dnode)? {
        let at = Zbookmark::new(mos.id(), object, 0, 0);
        let mintxg = parse_deadlist_key(&entry.name())
            .map_err(|e| PoolError::refused(at, "key of a deadlist", e, "a hexadecimal number"))?;
        if (min..max).contains(&mintxg) {
            space = add(space, bpobj_space(mos, entry.number(at)?)?);
        }
    }
    Ok(space)
}

/// An old deadlist is one list of block pointers, which has to be read.
fn old_range(mos: &Objset, object: u64, dnode: &Dnode, min: u64, max: u64) -> Result<Space> {
    let at = Zbookmark::new(mos.id(), object, 0, 0);
    let most = dmu::size(dnode) / BLKPTR_SIZE as u64;
    let bonus = dnode.bonus();
    if bonus.len() < size_of::<u64>() {
        return Err(PoolError::corrupt(at, "bonus of a deadlist", "empty", "a word or more"));
    }
    let count = BpobjPhys::of_bonus(&bonus).num_blkptrs.get();
    if count > most {
        let expected = format!("at most {most}");
        return Err(PoolError::corrupt(at, "entries of a deadlist", count, expected));
    }
    let mut space = [0; 3];
    each_block(
        mos,
        object,
        dnode,
        count * BLKPTR_SIZE as u64,
        "block of a deadlist",
        |_, block| {
            for bytes in block.as_chunks().0 {
                let bp = BlkPtr::parse(bytes);
                if bp.logical_birth() > min && bp.logical_birth() <= max {
                    let used = bp.dvas().fold(0_u64, |used, dva| used.wrapping_add(dva.asize()));
                    let metadata = bp.level() > 0 || bp.object_type().is_metadata();
                    let plain = if metadata { bp.psize() } else { bp.lsize() };
                    space = add(space, [used, bp.psize(), plain]);
                }
            }
            Ok(())
        },
    )?;
    Ok(space)
}

/// The bytes that are in `new` and were written since `old`: used, compressed, uncompressed.
///
/// `old` is described by what it refers to, its txg, and what was freed before the next snapshot if
/// that is known (a bookmark knows). Follows `dsl_dataset_space_written_impl()`, OpenZFS
/// `module/zfs/dsl_dataset.c`, zfs-2.3.2.
///
/// # Errors
/// Those of reading the deadlists on the way.
pub fn space_written(mos: &Objset, old: &OldSpace, new: &Dataset) -> Result<Space> {
    let mut space: Space = [new.referenced_bytes, new.compressed_bytes, new.uncompressed_bytes];
    for (x, o) in space.iter_mut().zip(old.referenced) {
        *x = x.wrapping_sub(o);
    }
    let mut snap = new.clone();
    loop {
        if snap.prev_snap_txg <= old.creation_txg {
            let rest = match old.freed_before_next {
                Some(freed) => freed,
                None => total(mos, snap.deadlist)?,
            };
            return Ok(add(space, rest));
        }
        space = add(space, range(mos, snap.deadlist, 0, old.creation_txg)?);
        let older = Dataset::open(mos, snap.prev_snap)?;
        // Txgs fall along the chain, so a loop ends it at once.
        if older.creation_txg != snap.prev_snap_txg || older.prev_snap_txg >= snap.prev_snap_txg {
            let at = Zbookmark::new(mos.id(), older.object, 0, 0);
            let found = format!("txg {} after {}", older.creation_txg, older.prev_snap_txg);
            let expected = format!("txg {}, after an older one", snap.prev_snap_txg);
            return Err(PoolError::corrupt(at, "previous snapshot", found, expected));
        }
        snap = older;
    }
}

/// The older end of a range of snapshots, for [`space_written`].
#[derive(Clone, Copy, Debug)]
pub struct OldSpace {
    /// Bytes that the older snapshot refers to: used, compressed, uncompressed.
    pub referenced: Space,
    /// Its txg.
    pub creation_txg: u64,
    /// Bytes that were freed between it and the next snapshot, if a bookmark says.
    pub freed_before_next: Option<Space>,
}

impl From<&Dataset> for OldSpace {
    fn from(d: &Dataset) -> Self {
        Self {
            referenced: [d.referenced_bytes, d.compressed_bytes, d.uncompressed_bytes],
            creation_txg: d.creation_txg,
            freed_before_next: None,
        }
    }
}
