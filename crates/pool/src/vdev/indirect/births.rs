//! When the parts of a removed device were copied: what is older on it than that is, where it lies now,
//! of that txg.

use crate::dmu::objset::Objset;
use crate::place::Bookmark;
use crate::{PoolError, Result};
use static_assertions::assert_eq_size;
use zerocopy::byteorder::{LE, U64};
use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

/// Most entries that are kept, one for each txg that a removal took.
const MAX_ENTRIES: u64 = 1 << 22;

/// `vdev_indirect_birth_entry_phys_t`. Source: OpenZFS `include/sys/vdev_indirect_births.h`,
/// zfs-2.3.2.
#[derive(FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct EntryPhys {
    /// Bytes of the device's data before which everything was copied by then.
    offset: U64<LE>,
    txg: U64<LE>,
}
assert_eq_size!(EntryPhys, [u8; 16]);

/// Ends of the parts in ascending order, and the txg that each was copied in.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Births(Vec<(u64, u64)>);

impl Births {
    /// Reads the births object of the MOS, whose bonus says how many entries it has.
    ///
    /// # Errors
    /// [`PoolError::Corrupt`] if it is not ascending or larger than its object,
    /// [`PoolError::Unsupported`] if it is too large, or what reading the object gives.
    pub(super) fn read(mos: &Objset, object: u64) -> Result<Self> {
        let dnode = mos.dnode(object)?;
        let at = |blkid| Bookmark::new(mos.id(), object, 0, blkid);
        let size = dnode.maxblkid.saturating_add(1).saturating_mul(dnode.datablksz());
        let most = size / size_of::<EntryPhys>() as u64;
        let bonus = dnode.bonus();
        let count = bonus.first_chunk::<8>().map(|b| u64::from_le_bytes(*b));
        let Some(count) = count.filter(|count| *count <= most) else {
            let (found, want) = (format!("{count:?}"), format!("at most {most} in {size} bytes"));
            return Err(PoolError::corrupt(at(0), "indirect births' entries", found, want));
        };
        if count > MAX_ENTRIES {
            return Err(PoolError::Unsupported(format!("indirect births of {count} entries")));
        }
        let mut births = Self::default();
        let (mut left, mut blkid) = (usize::try_from(count).unwrap_or(0), 0);
        while left > 0 {
            let corrupt = |why: String| {
                PoolError::corrupt(at(blkid), "indirect births", why, "ascending offsets")
            };
            // Blocks are powers of two, so entries end where they do.
            let block =
                mos.block(&dnode, object, blkid)?.ok_or_else(|| corrupt("a hole".to_owned()))?;
            let whole = block.len() / size_of::<EntryPhys>();
            let (entries, _) = <[EntryPhys]>::ref_from_prefix_with_elems(&block, whole.min(left))
                .map_err(|_| corrupt("a part of an entry".to_owned()))?;
            if entries.is_empty() {
                return Err(corrupt(format!("a block of {} bytes", block.len())));
            }
            for entry in entries {
                births.push(entry).map_err(corrupt)?;
            }
            left -= entries.len();
            blkid += 1;
        }
        Ok(births)
    }

    fn push(&mut self, entry: &EntryPhys) -> core::result::Result<(), String> {
        let (offset, txg) = (entry.offset.get(), entry.txg.get());
        if self.0.last().is_some_and(|(last, _)| offset <= *last) {
            return Err(format!("{offset:#x} after a larger one"));
        }
        self.0.push((offset, txg));
        Ok(())
    }

    /// The txg in which an offset of the removed device was copied.
    ///
    /// Source: `vdev_indirect_births_physbirth()`, OpenZFS `module/zfs/vdev_indirect_births.c`,
    /// zfs-2.3.2.
    pub(super) fn at(&self, offset: u64) -> Option<u64> {
        let index = self.0.partition_point(|(end, _)| *end <= offset);
        self.0.get(index).map(|(_, txg)| *txg)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::vdev::indirect) fn births(
        entries: &[(u64, u64)],
    ) -> core::result::Result<Births, String> {
        let mut births = Births::default();
        for (offset, txg) in entries {
            births.push(&EntryPhys { offset: (*offset).into(), txg: (*txg).into() })?;
        }
        Ok(births)
    }

    #[test]
    fn an_offset_was_copied_with_the_part_that_it_lies_in() {
        let found = births(&[(1024, 30), (4096, 32)]).unwrap();
        assert_eq!(
            [0, 1023, 1024, 4095, 4096].map(|offset| found.at(offset)),
            [Some(30), Some(30), Some(32), Some(32), None]
        );
        assert_eq!(Births::default().at(0), None);
        assert!(births(&[(1024, 30), (1024, 32)]).is_err());
        assert!(births(&[(1024, 30), (512, 32)]).is_err());
    }
}
