//! Totals of blocks that several pointers lead to: of deduplication and of cloning.
//!
//! Source: OpenZFS `include/sys/fs/zfs.h` (`ddt_stat_t`), `include/sys/ddt_impl.h` and `include/sys/brt_impl.h`,
//! zfs-2.3.2.

use crate::{Bits, words};
use alloc::vec::Vec;
use core::mem::offset_of;
use static_assertions::{assert_eq_size, const_assert_eq};
use zerocopy::byteorder::{LE, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// `ddt_stat_t`: totals of some entries of a deduplication table. Those that begin with `ref` count a
/// block once for each reference.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    FromBytes,
    IntoBytes,
    Immutable,
    KnownLayout,
    Unaligned,
)]
#[repr(C)]
pub struct DdtStatPhys {
    /// Blocks.
    pub blocks: U64<LE>,
    /// Their bytes before compression.
    pub lsize: U64<LE>,
    /// Their bytes without copies and parity.
    pub psize: U64<LE>,
    /// Their bytes, deflated by parity.
    pub dsize: U64<LE>,
    /// As `blocks`.
    pub ref_blocks: U64<LE>,
    /// As `lsize`.
    pub ref_lsize: U64<LE>,
    /// As `psize`.
    pub ref_psize: U64<LE>,
    /// As `dsize`.
    pub ref_dsize: U64<LE>,
}
assert_eq_size!(DdtStatPhys, [u8; 64]);
const_assert_eq!(offset_of!(DdtStatPhys, ref_dsize), 56);

/// Totals of a histogram of a deduplication table, by log2 of the references: `ddt_histogram_t`, an entry
/// of the ZAP `DDT-statistics`.
pub const DDT_HISTOGRAM_LEN: usize = 64;

impl DdtStatPhys {
    /// The totals of a histogram's words as values. A rest that is not whole is left out.
    pub fn of_histogram(words: &[u64]) -> impl Iterator<Item = Self> {
        words.chunks_exact(size_of::<Self>() / size_of::<u64>()).map(words::from_words)
    }

    /// Its words as values, as the ZAP has them.
    pub fn to_words(&self) -> Vec<u64> {
        words::to_words(self)
    }
}

/// Version of a log: of [`DdtLogHeaderPhys::info`].
pub const DDT_LOG_VERSION: Bits = Bits::new(0, 8);
/// Flags of a log, such as that it is being flushed: of [`DdtLogHeaderPhys::info`].
pub const DDT_LOG_FLAGS: Bits = Bits::new(8, 8);

/// `ddt_log_header_t`, the bonus of a log of a deduplication table.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    FromBytes,
    IntoBytes,
    Immutable,
    KnownLayout,
    Unaligned,
)]
#[repr(C)]
pub struct DdtLogHeaderPhys {
    /// [`DDT_LOG_VERSION`] and [`DDT_LOG_FLAGS`].
    pub info: U64<LE>,
    /// Bytes of the log.
    pub length: U64<LE>,
    /// The txg of its first entry.
    pub first_txg: U64<LE>,
    /// Key of the last entry that was flushed: a checksum, and sizes and codec of the block.
    pub checkpoint: [U64<LE>; 5],
}
assert_eq_size!(DdtLogHeaderPhys, [u8; 64]);
const_assert_eq!(offset_of!(DdtLogHeaderPhys, checkpoint), 24);

impl DdtLogHeaderPhys {
    /// From a bonus: what is not stored is zero.
    pub fn of_bonus(bonus: &[u8]) -> Self {
        words::of_bonus(bonus)
    }
}

/// `brt_vdev_phys_t`, the bonus of a top-level vdev's table of cloned blocks.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    FromBytes,
    IntoBytes,
    Immutable,
    KnownLayout,
    Unaligned,
)]
#[repr(C)]
pub struct BrtVdevPhys {
    /// ZAP of references, by the offset of the block.
    pub mos_entries: U64<LE>,
    /// Counts in the object's data, one of 16 bits for each range of the vdev.
    pub size: U64<LE>,
    /// Byte order of those: one for big-endian.
    pub byteorder: U64<LE>,
    /// Sum of those.
    pub totalcount: U64<LE>,
    /// Bytes of a range.
    pub rangesize: U64<LE>,
    /// Bytes of cloned blocks.
    pub usedspace: U64<LE>,
    /// Bytes that their clones would take.
    pub savedspace: U64<LE>,
}
assert_eq_size!(BrtVdevPhys, [u8; 56]);
const_assert_eq!(offset_of!(BrtVdevPhys, savedspace), 48);

impl BrtVdevPhys {
    /// From a bonus: what is not stored is zero.
    pub fn of_bonus(bonus: &[u8]) -> Self {
        words::of_bonus(bonus)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_lie_where_the_format_says() {
        let words: Vec<u64> = (1..=20).collect();
        let stats: Vec<_> = DdtStatPhys::of_histogram(&words).collect();
        let sizes: Vec<_> = stats.iter().map(|s| (s.dsize.get(), s.ref_dsize.get())).collect();
        assert_eq!(sizes, [(4, 8), (12, 16)]);
        assert_eq!(stats[1].to_words(), words[8..16]);
        let bonus: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let brt = BrtVdevPhys::of_bonus(&bonus);
        assert_eq!((brt.savedspace.get(), brt.as_bytes()), (7, &bonus[..56]));
        assert_eq!(BrtVdevPhys::of_bonus(&bonus[..55]).savedspace.get(), 0);
        let log = DdtLogHeaderPhys::of_bonus(&bonus);
        assert_eq!((log.length.get(), log.as_bytes()), (2, &bonus[..64]));
        assert_eq!((DDT_LOG_VERSION.get(0x203), DDT_LOG_FLAGS.get(0x203)), (3, 2));
    }
}
