//! Space maps: the bonus, and the entries of the log.
//!
//! Source: OpenZFS `include/sys/space_map.h`, zfs-2.3.2.

use crate::{Bits, LayoutError};
use core::mem::offset_of;
use static_assertions::{assert_eq_size, const_assert_eq};
use zerocopy::byteorder::{LE, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// `space_map_phys_t`, the bonus, without the histogram, which older pools lack.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct SpaceMapPhys {
    /// The object's own number, in pools of the first versions.
    pub object: U64<LE>,
    /// Bytes of the log.
    pub length: U64<LE>,
    /// Units that are allocated, less those that are freed.
    pub alloc: U64<LE>,
}
assert_eq_size!(SpaceMapPhys, [u8; 24]);
const_assert_eq!(offset_of!(SpaceMapPhys, length), 8);

/// Buckets of a histogram: `SPACE_MAP_HISTOGRAM_SIZE`.
pub const HISTOGRAM_LEN: usize = 32;

/// The whole of `space_map_phys_t`, in pools with the feature `spacemap_histogram`.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct HistogramMapPhys {
    /// The older part.
    pub map: SpaceMapPhys,
    /// Not used.
    pub pad: [U64<LE>; 5],
    /// Free segments by log2 of their size, from a step of the map on; those that are larger than the
    /// last bucket's count in that as often as they are larger.
    pub histogram: [U64<LE>; HISTOGRAM_LEN],
}
assert_eq_size!(HistogramMapPhys, [u8; 320]);
const_assert_eq!(offset_of!(HistogramMapPhys, histogram), 64);

/// `SM_NO_VDEVID`: an entry of a map whose vdev goes without saying.
pub const NO_VDEV: u64 = 0xff_ffff;

// What kind an entry is: zero or one for an entry of one word.
const KIND: Bits = Bits::new(62, 2);
const DEBUG: u64 = 2;
const TWO_WORDS: u64 = 3;
// A mark: what the next entries do, in which pass of syncing a txg, and in which txg.
const MARK_FREE: Bits = Bits::new(60, 2);
const MARK_PASS: Bits = Bits::new(50, 10);
const MARK_TXG: Bits = Bits::new(0, 50);
// An entry of one word.
const ONE_OFFSET: Bits = Bits::new(16, 47);
const ONE_FREE: Bits = Bits::new(15, 1);
const ONE_RUN: Bits = Bits::new(0, 15);
// The first of two words, and the second.
const TWO_RUN: Bits = Bits::new(24, 36);
const TWO_VDEV: Bits = Bits::new(0, 24);
const TWO_FREE: Bits = Bits::new(63, 1);
const TWO_OFFSET: Bits = Bits::new(0, 63);

/// An entry of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpaceMapEntry {
    /// A word that only tells when the next entries were written, or fills up a block.
    Debug(u64),
    /// A run that was allocated or freed.
    Run {
        /// True if it was freed.
        is_free: bool,
        /// Steps from the start of what the map counts.
        offset: u64,
        /// Number of steps, at least one.
        run: u64,
        /// The vdev, or [`NO_VDEV`].
        vdev: u64,
    },
}

impl SpaceMapEntry {
    /// Filling of a block whose last word an entry of two words does not fit in.
    pub const PADDING: Self = Self::Debug(DEBUG << 62);

    /// A mark before entries that are all allocations or all frees, written in a pass of syncing a txg.
    ///
    /// # Errors
    /// [`LayoutError::Field`] for a pass or a txg that does not fit.
    pub fn mark(is_free: bool, pass: u64, txg: u64) -> Result<Self, LayoutError> {
        let word = MARK_FREE.put(KIND.put(0, DEBUG), is_free.into());
        Ok(Self::Debug(word | MARK_PASS.place("pass", pass)? | MARK_TXG.place("txg", txg)?))
    }

    /// The entry that begins with a word, and how many words it takes. `None` if it needs a second
    /// and there is none.
    pub fn decode(first: u64, second: Option<u64>) -> Option<(Self, usize)> {
        match KIND.get(first) {
            DEBUG => Some((Self::Debug(first), 1)),
            TWO_WORDS => {
                let second = second?;
                let entry = Self::Run {
                    is_free: TWO_FREE.is_set(second),
                    offset: TWO_OFFSET.get(second),
                    run: TWO_RUN.get(first) + 1,
                    vdev: TWO_VDEV.get(first),
                };
                Some((entry, 2))
            }
            _ => {
                let entry = Self::Run {
                    is_free: ONE_FREE.is_set(first),
                    offset: ONE_OFFSET.get(first),
                    run: ONE_RUN.get(first) + 1,
                    vdev: NO_VDEV,
                };
                Some((entry, 1))
            }
        }
    }

    /// Its words: one where it fits, or two.
    ///
    /// # Errors
    /// [`LayoutError::Field`] for what does not fit in two, a run of nothing, or a word of another kind
    /// as a mark.
    pub fn encode(self) -> Result<(u64, Option<u64>), LayoutError> {
        let (is_free, offset, run, vdev) = match self {
            Self::Debug(word) if KIND.get(word) == DEBUG => return Ok((word, None)),
            Self::Debug(word) => return Err(LayoutError::field("debug entry", word, "a mark")),
            Self::Run { is_free, offset, run, vdev } => (is_free, offset, run, vdev),
        };
        let Some(less_one) = run.checked_sub(1) else {
            return Err(LayoutError::field("run", run, "at least 1"));
        };
        if vdev == NO_VDEV && offset <= ONE_OFFSET.most() && less_one <= ONE_RUN.most() {
            let word = ONE_FREE.put(0, is_free.into());
            return Ok((ONE_RUN.put(ONE_OFFSET.put(word, offset), less_one), None));
        }
        let first = KIND.put(0, TWO_WORDS)
            | TWO_RUN.place("run", less_one)?
            | TWO_VDEV.place("vdev", vdev)?;
        let second = TWO_FREE.put(0, is_free.into()) | TWO_OFFSET.place("offset", offset)?;
        Ok((first, Some(second)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn fields_lie_where_the_format_says() {
        let run = |is_free, offset, run, vdev| SpaceMapEntry::Run { is_free, offset, run, vdev };
        let entry = run(true, 40, 3, NO_VDEV);
        assert_eq!(entry.encode(), Ok((40 << 16 | 1 << 15 | 2, None)));
        let entry = run(true, 40, 3, 5);
        assert_eq!(entry.encode(), Ok((0b11 << 62 | 2 << 24 | 5, Some(1 << 63 | 40))));
        let entry = run(false, 1 << 47, 1, NO_VDEV);
        assert_eq!(entry.encode(), Ok((0b11 << 62 | 0xff_ffff, Some(1 << 47))));
        for bad in [
            run(false, 0, 0, NO_VDEV),
            run(false, 1 << 63, 1, NO_VDEV),
            run(false, 0, (1 << 36) + 1, NO_VDEV),
            run(false, 0, 1, 1 << 24),
            SpaceMapEntry::Debug(1),
        ] {
            assert!(bad.encode().is_err(), "{bad:?}");
        }
        let mark = SpaceMapEntry::mark(true, 1, 77);
        assert_eq!(mark, Ok(SpaceMapEntry::Debug(1 << 63 | 1 << 60 | 1 << 50 | 77)));
        assert!(SpaceMapEntry::mark(true, 1 << 10, 77).is_err());
        assert_eq!(SpaceMapEntry::PADDING.encode(), Ok((1 << 63, None)));
    }

    proptest! {
        #[test]
        fn what_is_decoded_encodes_to_the_same(
            (first, second) in any::<(u64, u64)>(),
            kind in 0..4u64,
        ) {
            let first = KIND.put(first, kind);
            let (entry, used) = SpaceMapEntry::decode(first, Some(second)).unwrap();
            prop_assert_eq!(used, if kind == TWO_WORDS { 2 } else { 1 });
            prop_assert_eq!(SpaceMapEntry::decode(first, None).is_none(), used == 2);
            let (first, second) = entry.encode().unwrap();
            let again = SpaceMapEntry::decode(first, second);
            prop_assert_eq!(again.map(|(entry, _)| entry), Some(entry));
        }
    }
}
