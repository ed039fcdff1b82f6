//! The mappings of removed devices, from their objects in the MOS.

use crate::dmu::each_block;
use crate::dmu::objset::Objset;
use crate::error::Unsupported;
use crate::vdev::indirect::{Births, Indirect, Mapping, Moved};
use crate::zbookmark::Zbookmark;
use crate::{PoolError, Result, dmu};
use zerocopy::FromBytes;
use zsend_ondisk::indirect::{BirthEntryPhys, BirthsPhys, MappingEntryPhys, MappingPhys};

/// Rounds through the removed devices while some mapping is not readable yet.
const MAX_ROUNDS: usize = 64;
/// Most entries of a mapping that are kept. They take 24 bytes each, and a pool whose removed devices were
/// so fragmented would not have been let remove them for want of memory.
const MAX_ENTRIES: u64 = 1 << 25;
/// Most births that are kept, one for each txg that a removal took.
const MAX_BIRTHS: u64 = 1 << 22;

/// Loads the mappings of the removed devices of the tree that the MOS is read by. Returns a warning for
/// each that could not be loaded: without its mapping, a device's blocks cannot be read.
///
/// One mapping may lie on a device that was itself removed later, so that one that fails is tried again
/// once others are known.
///
/// Source: `spa_ld_open_indirect_vdev_metadata()`, OpenZFS `module/zfs/spa.c`, zfs-2.3.2, which
/// follows `com.delphix:prev_indirect_vdev` instead.
pub(super) fn load(mos: &Objset) -> Vec<String> {
    let (mut failed, mut warnings) = (Vec::new(), Vec::new());
    for _ in 0..MAX_ROUNDS {
        failed.clear();
        let mut loaded = false;
        for (name, indirect) in mos.zio().tree().indirect() {
            if indirect.is_known() {
                continue;
            }
            match read(mos, indirect, name, &mut warnings) {
                Some(Ok(moved)) => {
                    indirect.set(moved);
                    loaded = true;
                }
                Some(Err(why)) => failed.push(format!("{name} cannot be read: {why}")),
                None => failed
                    .push(format!("{name} cannot be read: the configuration names no mapping")),
            }
        }
        if failed.is_empty() || !loaded {
            break;
        }
    }
    failed.append(&mut warnings);
    failed
}

/// Reads the mapping and the births of a removed device; `None` if the configuration names no mapping. Adds
/// to `warnings` what can be done without.
fn read(
    mos: &Objset,
    indirect: &Indirect,
    name: &str,
    warnings: &mut Vec<String>,
) -> Option<Result<Moved>> {
    let mapping = match mapping(mos, indirect.object?) {
        Ok(mapping) => mapping,
        Err(e) => return Some(Err(e)),
    };
    let births = indirect.births_object.and_then(|object| match births(mos, object) {
        Ok(births) => Some(births),
        Err(e) => {
            warnings.push(format!("{name}: when its blocks were copied is not known: {e}"));
            None
        }
    });
    Some(Ok(Moved { mapping, births }))
}

/// Reads a mapping.
///
/// # Errors
/// [`PoolError::Corrupt`] if it is not ascending or larger than its object,
/// [`PoolError::Unsupported`] if it is too large, or what reading the object gives.
fn mapping(mos: &Objset, object: u64) -> Result<Mapping> {
    let dnode = mos.dnode(object)?;
    let at = Zbookmark::new(mos.id(), object, 0, 0);
    let what = "an indirect mapping";
    let count = entries(&dnode.bonus(), dmu::size(&dnode), at)?;
    if count > MAX_ENTRIES {
        return Err(Unsupported::TooLarge { at, what, count, unit: "entries" }.into());
    }
    let mut mapping = Mapping::default();
    // Entries do not end where blocks do.
    let mut pending = Vec::new();
    let bytes = count * size_of::<MappingEntryPhys>() as u64;
    each_block(mos, object, &dnode, bytes, "indirect mapping", |at, block| {
        pending.extend_from_slice(block);
        let whole = pending.len() / size_of::<MappingEntryPhys>();
        let refuse = |e| PoolError::refused(at, "indirect mapping", e, "ascending ranges");
        let used = mapping.extend(&pending[..whole * size_of::<MappingEntryPhys>()]);
        used.map_err(refuse)?;
        pending.drain(..whole * size_of::<MappingEntryPhys>());
        Ok(())
    })?;
    Ok(mapping)
}

/// Entries of a mapping by its bonus, in an object of `size` bytes.
fn entries(bonus: &[u8], size: u64, at: Zbookmark) -> Result<u64> {
    let what = "indirect mapping's entries";
    let Ok((phys, _)) = MappingPhys::ref_from_prefix(bonus) else {
        let found = format!("a bonus of {} bytes", bonus.len());
        return Err(PoolError::corrupt(at, what, found, "24 or more"));
    };
    fits(phys.num_entries.get(), size, size_of::<MappingEntryPhys>(), what, at)
}

/// The count, if that number of entries of `each` bytes fits in `size` bytes.
fn fits(count: u64, size: u64, each: usize, what: &'static str, at: Zbookmark) -> Result<u64> {
    let most = size / each as u64;
    if count > most {
        let expected = format!("at most {most} in {size} bytes");
        return Err(PoolError::corrupt(at, what, count, expected));
    }
    Ok(count)
}

/// Reads the births of a removed device, whose object's bonus has their number.
///
/// # Errors
/// [`PoolError::Corrupt`] if they are not ascending or more than their object holds,
/// [`PoolError::Unsupported`] if they are too many, or what reading the object gives.
fn births(mos: &Objset, object: u64) -> Result<Births> {
    let dnode = mos.dnode(object)?;
    let at = Zbookmark::new(mos.id(), object, 0, 0);
    let what = "indirect births' entries";
    let bonus = dnode.bonus();
    let Ok((phys, _)) = BirthsPhys::ref_from_prefix(&bonus) else {
        let found = format!("a bonus of {} bytes", bonus.len());
        return Err(PoolError::corrupt(at, what, found, "8 or more"));
    };
    let count = fits(phys.count.get(), dmu::size(&dnode), size_of::<BirthEntryPhys>(), what, at)?;
    if count > MAX_BIRTHS {
        let what = "indirect births";
        return Err(Unsupported::TooLarge { at, what, count, unit: "entries" }.into());
    }
    let mut births = Births::default();
    let bytes = count * size_of::<BirthEntryPhys>() as u64;
    // Blocks are powers of two, so that entries end where they do.
    each_block(mos, object, &dnode, bytes, "indirect births", |at, block| {
        births
            .extend(block)
            .map_err(|e| PoolError::refused(at, "indirect births", e, "ascending offsets"))
    })?;
    Ok(births)
}

#[cfg(test)]
mod tests {
    use super::*;
    use zerocopy::{FromZeros, IntoBytes};
    use zsend_ondisk::indirect::CountedMappingPhys;

    #[test]
    fn more_entries_than_the_object_holds_are_refused() {
        let bonus = |n: u64| {
            let mut phys = CountedMappingPhys::new_zeroed();
            phys.mapping.num_entries = n.into();
            phys.as_bytes().to_vec()
        };
        let entries = |bonus: &[u8], size| super::entries(bonus, size, Zbookmark::default()).ok();
        assert_eq!(entries(&bonus(5), 5 * 24), Some(5));
        assert_eq!(entries(&bonus(6), 5 * 24), None);
        assert_eq!(entries(&bonus(u64::MAX), u64::MAX), None);
        assert_eq!(entries(&bonus(1)[..23], 4096), None);
    }
}
