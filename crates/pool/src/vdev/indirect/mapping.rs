//! The mapping of a removed device: where each range of it was copied to.

use crate::blkptr::Dva;
use crate::dmu::objset::Objset;
use crate::place::Bookmark;
use crate::{PoolError, Result};
use core::mem::offset_of;
use static_assertions::{assert_eq_size, const_assert_eq};
use zerocopy::byteorder::{LE, U64};
use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

/// Most entries that are kept. They take 24 bytes each, and a pool whose removed devices were so
/// fragmented would not have been let remove them for want of memory.
const MAX_ENTRIES: u64 = 1 << 25;

/// `vdev_indirect_mapping_entry_phys_t`. Source: OpenZFS
/// `include/sys/vdev_indirect_mapping.h`, zfs-2.3.2.
#[derive(FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct EntryPhys {
    /// Bits 0 to 62: source offset in sectors of 512 bytes; bit 63: a mark of zdb's.
    src: U64<LE>,
    /// Destination; its asize is the length.
    dst: [U64<LE>; 2],
}
assert_eq_size!(EntryPhys, [u8; 24]);

/// `vdev_indirect_mapping_phys_t`, the mapping object's bonus, without the last field, which older
/// pools lack.
#[derive(FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct MappingPhys {
    max_offset: U64<LE>,
    bytes_mapped: U64<LE>,
    num_entries: U64<LE>,
}
assert_eq_size!(MappingPhys, [u8; 24]);
const_assert_eq!(offset_of!(MappingPhys, num_entries), 16);

/// How many entries a mapping has by its bonus, in an object of `size` bytes; if they are more
/// than fit, what was found and what was expected.
fn count(bonus: &[u8], size: u64) -> core::result::Result<u64, (String, String)> {
    let Ok((phys, _)) = MappingPhys::ref_from_prefix(bonus) else {
        return Err((format!("a bonus of {} bytes", bonus.len()), "24 or more".to_owned()));
    };
    let (count, most) = (phys.num_entries.get(), size / size_of::<EntryPhys>() as u64);
    if count > most {
        return Err((count.to_string(), format!("at most {most} in {size} bytes")));
    }
    Ok(count)
}

/// One range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    /// Bytes from the start of the removed device's data.
    start: u64,
    dst: Dva,
}

/// A piece of a read, on the vdev that it was copied to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) vdev: u64,
    pub(super) offset: u64,
    pub(super) len: u64,
}

/// The ranges in ascending order, none overlapping the next.
#[derive(Debug, Default)]
pub(in crate::vdev) struct Mapping {
    entries: Vec<Entry>,
}

impl Mapping {
    /// Reads the mapping object of the MOS.
    ///
    /// # Errors
    /// [`PoolError::Corrupt`] if it is not ascending or larger than its object,
    /// [`PoolError::Unsupported`] if it is too large, or what reading the object gives.
    pub(super) fn read(mos: &Objset, object: u64) -> Result<Self> {
        let dnode = mos.dnode(object)?;
        let at = |blkid| Bookmark::new(mos.id(), object, 0, blkid);
        let size = dnode.maxblkid.saturating_add(1).saturating_mul(dnode.datablksz());
        let count = count(&dnode.bonus(), size).map_err(|(found, expected)| {
            PoolError::corrupt(at(0), "indirect mapping's entries", found, expected)
        })?;
        if count > MAX_ENTRIES {
            return Err(PoolError::Unsupported(format!("an indirect mapping of {count} entries")));
        }
        let mut mapping = Self::default();
        let mut pending = Vec::new();
        let mut left = usize::try_from(count).unwrap_or(usize::MAX);
        let mut blkid = 0;
        // Block by block, so that an object that claims a size and holds nothing costs no memory:
        // a hole's entries are zeros, and the first of them is refused.
        while left > 0 {
            let corrupt = |why: String| {
                PoolError::corrupt(at(blkid), "indirect mapping", why, "ascending ranges")
            };
            let block =
                mos.block(&dnode, object, blkid)?.ok_or_else(|| corrupt("a hole".to_owned()))?;
            pending.extend_from_slice(&block);
            let whole = pending.len() / size_of::<EntryPhys>();
            let (entries, rest) =
                <[EntryPhys]>::ref_from_prefix_with_elems(&pending, whole.min(left))
                    .map_err(|_| corrupt("a part of an entry".to_owned()))?;
            for entry in entries {
                mapping.push(entry).map_err(corrupt)?;
            }
            left -= entries.len();
            pending = rest.to_vec();
            blkid += 1;
        }
        Ok(mapping)
    }

    /// Adds an entry; says why if it does not follow the last one.
    fn push(&mut self, entry: &EntryPhys) -> core::result::Result<(), String> {
        let start = (entry.src.get() << 1 >> 1).checked_mul(512);
        let dst = Dva::from_words([entry.dst[0].get(), entry.dst[1].get()]);
        let last = self.entries.last().map_or(0, |e| e.start + e.dst.asize());
        let start = start.filter(|s| s.checked_add(dst.asize()).is_some());
        match start {
            Some(start) if start >= last && dst.asize() > 0 => {
                self.entries.push(Entry { start, dst });
                Ok(())
            }
            _ => Err(format!(
                "a range of {} bytes from sector {:#x} after one that ends at {last:#x}",
                dst.asize(),
                entry.src.get()
            )),
        }
    }

    /// The pieces of a range in order, or the first offset that nothing is known of.
    pub(super) fn pieces(
        &self,
        offset: u64,
        len: u64,
        out: &mut Vec<Piece>,
    ) -> core::result::Result<(), u64> {
        let mut offset = offset;
        let mut left = len;
        let mut index = self.entries.partition_point(|e| e.start + e.dst.asize() <= offset);
        while left > 0 {
            let entry = self.entries.get(index).filter(|e| e.start <= offset).ok_or(offset)?;
            let inner = offset - entry.start;
            let len = left.min(entry.dst.asize() - inner);
            let to = entry.dst.offset().checked_add(inner).ok_or(offset)?;
            out.push(Piece { vdev: entry.dst.vdev(), offset: to, len });
            offset += len;
            left -= len;
            index += 1;
        }
        Ok(())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Start and length in sectors, destination vdev and sector.
    pub(in crate::vdev::indirect) fn mapping(
        ranges: &[(u64, u64, u64, u64)],
    ) -> core::result::Result<Mapping, String> {
        let mut mapping = Mapping::default();
        for (start, len, vdev, to) in ranges {
            mapping.push(&EntryPhys {
                src: (*start).into(),
                dst: [(len | vdev << 32).into(), (*to).into()],
            })?;
        }
        Ok(mapping)
    }

    fn pieces(m: &Mapping, offset: u64, len: u64) -> core::result::Result<Vec<Piece>, u64> {
        let mut out = Vec::new();
        m.pieces(offset, len, &mut out).map(|()| out)
    }

    #[test]
    fn a_read_is_split_where_entries_end() {
        let m = mapping(&[(0, 2, 1, 100), (2, 8, 2, 7), (16, 1, 1, 0)]).unwrap();
        let piece =
            |vdev, sector: u64, len: u64| Piece { vdev, offset: sector << 9, len: len << 9 };
        assert_eq!(pieces(&m, 0, 1024), Ok(vec![piece(1, 100, 2)]));
        assert_eq!(pieces(&m, 512, 2048), Ok(vec![piece(1, 101, 1), piece(2, 7, 3)]));
        assert_eq!(pieces(&m, 16 << 9, 512), Ok(vec![piece(1, 0, 1)]));
        assert_eq!(pieces(&m, 9 << 9, 1024), Err(10 << 9));
        assert_eq!(pieces(&m, 17 << 9, 512), Err(17 << 9));
        assert_eq!(pieces(&Mapping::default(), 0, 512), Err(0));
    }

    #[test]
    fn the_mark_is_no_part_of_the_offset() {
        let m = mapping(&[(1 << 63 | 4, 2, 1, 100)]).unwrap();
        assert_eq!(pieces(&m, 4 << 9, 512).unwrap()[0].offset, 100 << 9);
    }

    #[test]
    fn more_entries_than_the_object_holds_are_refused() {
        let bonus = |n: u64| [[0; 16].as_slice(), &n.to_le_bytes(), &[0; 8]].concat();
        assert_eq!(count(&bonus(5), 5 * 24), Ok(5));
        assert!(count(&bonus(6), 5 * 24).is_err());
        assert!(count(&bonus(u64::MAX), u64::MAX).is_err());
        assert!(count(&bonus(1)[..23], 4096).is_err());
    }

    #[test]
    fn ranges_that_overlap_descend_are_empty_or_overflow_are_refused() {
        assert!(mapping(&[(0, 2, 1, 0), (1, 2, 1, 9)]).is_err());
        assert!(mapping(&[(4, 2, 1, 0), (0, 2, 1, 9)]).is_err());
        assert!(mapping(&[(0, 0, 1, 0)]).is_err());
        assert!(mapping(&[(1 << 60, 1, 1, 0)]).is_err());
        assert!(mapping(&[((1 << 55) - 1, 9, 1, 0)]).is_err());
    }
}
