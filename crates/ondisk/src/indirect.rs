//! Removed devices: where the contents of each were copied to, and when.
//!
//! Source: OpenZFS `include/sys/vdev_indirect_mapping.h` and `vdev_indirect_births.h`, zfs-2.3.2.

use crate::blkptr::{Dva, MINBLOCK_SHIFT};
use crate::{Bits, LayoutError};
use core::mem::offset_of;
use static_assertions::{assert_eq_size, const_assert_eq};
use zerocopy::byteorder::{LE, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// `vdev_indirect_mapping_phys_t`, a mapping's bonus, without the last field, which pools without the
/// feature `obsolete_counts` lack.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct MappingPhys {
    /// Bytes of the removed device's data up to the end of the last range.
    pub max_offset: U64<LE>,
    /// Bytes of all ranges.
    pub bytes_mapped: U64<LE>,
    /// Entries of the mapping.
    pub num_entries: U64<LE>,
}
assert_eq_size!(MappingPhys, [u8; 24]);
const_assert_eq!(offset_of!(MappingPhys, num_entries), 16);

/// The whole of `vdev_indirect_mapping_phys_t`.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct CountedMappingPhys {
    /// The older part.
    pub mapping: MappingPhys,
    /// Object of the [`ObsoleteCountPhys`], one for each entry.
    pub counts_object: U64<LE>,
}
assert_eq_size!(CountedMappingPhys, [u8; 32]);

/// Bytes of an entry that nothing refers to any more.
pub type ObsoleteCountPhys = U32<LE>;

/// Offset of an entry's source in sectors of 512 bytes.
const SOURCE: Bits = Bits::new(0, 63);

/// `vdev_indirect_mapping_entry_phys_t`.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct MappingEntryPhys {
    /// Bits 0 to 62: source offset in sectors of 512 bytes; bit 63: a mark of zdb's.
    pub src: U64<LE>,
    /// Destination; its asize is the length.
    pub dst: [U64<LE>; 2],
}
assert_eq_size!(MappingEntryPhys, [u8; 24]);
const_assert_eq!(offset_of!(MappingEntryPhys, dst), 8);

impl MappingEntryPhys {
    /// The entry of a range that begins at a byte of the removed device's data, and its destination.
    ///
    /// # Errors
    /// [`LayoutError::Field`] for a start that is no multiple of 512 bytes.
    pub fn new(start: u64, dst: Dva) -> Result<Self, LayoutError> {
        if !start.is_multiple_of(1 << MINBLOCK_SHIFT) {
            return Err(LayoutError::field("start of a range", start, "a multiple of 512"));
        }
        let src = SOURCE.place("start of a range", start >> MINBLOCK_SHIFT)?;
        Ok(Self { src: src.into(), dst: dst.words().map(Into::into) })
    }

    /// The first byte of the range; `None` for one that no device has.
    pub fn start(&self) -> Option<u64> {
        SOURCE.get(self.src.get()).checked_mul(1 << MINBLOCK_SHIFT)
    }

    /// The destination.
    pub fn destination(&self) -> Dva {
        Dva::from_words(self.dst.map(U64::get))
    }
}

/// `vdev_indirect_birth_phys_t`, the bonus of the births.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct BirthsPhys {
    /// Entries.
    pub count: U64<LE>,
}
assert_eq_size!(BirthsPhys, [u8; 8]);

/// `vdev_indirect_birth_entry_phys_t`.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct BirthEntryPhys {
    /// Bytes of the device's data before which everything was copied by then.
    pub offset: U64<LE>,
    /// The txg of that.
    pub txg: U64<LE>,
}
assert_eq_size!(BirthEntryPhys, [u8; 16]);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_built_as_it_reads() {
        let dst = Dva::new(3, 100 << 9, 8 << 9).unwrap();
        let mut entry = MappingEntryPhys::new(5 << 9, dst).unwrap();
        assert_eq!((entry.start(), entry.destination()), (Some(5 << 9), dst));
        let words: [u64; 3] = [5, 3 << 32 | 8, 100];
        assert_eq!(entry.as_bytes(), words.map(u64::to_le_bytes).as_flattened());
        entry.src = (1 << 63 | 5).into();
        assert_eq!(entry.start(), Some(5 << 9));
        entry.src = (1 << 60).into();
        assert_eq!(entry.start(), None);
        assert!(MappingEntryPhys::new(513, dst).is_err());
        assert!(MappingEntryPhys::new(0, dst).is_ok());
    }
}
