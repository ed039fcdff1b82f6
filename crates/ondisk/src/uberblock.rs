//! Uberblocks: what a slot of a label's ring holds before its checksum.

use crate::blkptr::BLKPTR_SIZE;
use crate::embedded::{self, EmbeddedError, Sum, label_verifier};
use crate::{Bits, Order, words};
use alloc::vec::Vec;
use core::mem::offset_of;
use static_assertions::{assert_eq_size, const_assert_eq};
use zerocopy::byteorder::{LE, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// Magic of an uberblock, `UBERBLOCK_MAGIC`.
pub const MAGIC: u64 = 0x00BA_B10C;
/// Magic of the multihost fields, `MMP_MAGIC`.
pub const MMP_MAGIC: u64 = 0xA11C_EA11;
/// Bytes of an uberblock; older software wrote fewer fields, and zeros after them.
pub const UBERBLOCK_SIZE: usize = 216;
/// Bytes of the ring in each label.
pub const RING_SIZE: usize = 128 << 10;

/// The fields of `ub_mmp_config`.
pub mod mmp {
    use crate::Bits;

    /// True if [`INTERVAL`] counts.
    pub const HAS_INTERVAL: Bits = Bits::new(0, 1);
    /// True if [`SEQ`] counts.
    pub const HAS_SEQ: Bits = Bits::new(1, 1);
    /// True if [`FAIL_INTERVALS`] counts.
    pub const HAS_FAIL_INTERVALS: Bits = Bits::new(2, 1);
    /// Milliseconds in which each device should be written once.
    pub const INTERVAL: Bits = Bits::new(8, 24);
    /// Sequence within the txg.
    pub const SEQ: Bits = Bits::new(32, 16);
    /// `zfs_multihost_fail_intervals` of the host: intervals without a write that went well, after which it
    /// suspends the pool; zero if it goes on without.
    pub const FAIL_INTERVALS: Bits = Bits::new(48, 16);
}

/// Sectors of a raidz that already have the new geometry: of `ub_raidz_reflow_info`.
pub const REFLOW_OFFSET: Bits = Bits::new(0, 55);
/// State of a raidz expansion's scratch area: of `ub_raidz_reflow_info`.
pub const REFLOW_STATE: Bits = Bits::new(55, 9);
/// `RRSS_SCRATCH_VALID`: the first rows are in the scratch area; a value of [`REFLOW_STATE`]. Source: OpenZFS
/// `include/sys/uberblock_impl.h`, zfs-2.3.2.
pub const REFLOW_SCRATCH_VALID: u64 = 1;

/// `uberblock_phys_t`, little-endian.
///
/// Source: OpenZFS `include/sys/uberblock_impl.h`, zfs-2.3.2.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct UberblockPhys {
    /// [`MAGIC`].
    pub magic: U64<LE>,
    /// Pool version: 1 to 28, or 5000 with feature flags.
    pub version: U64<LE>,
    /// The transaction group that it closes.
    pub txg: U64<LE>,
    /// Sum of the guids of the pool and of all its vdevs.
    pub guid_sum: U64<LE>,
    /// Seconds since 1970.
    pub timestamp: U64<LE>,
    /// The meta object set.
    pub rootbp: [u8; BLKPTR_SIZE],
    /// Highest pool version that the writer knew.
    pub software_version: U64<LE>,
    /// [`MMP_MAGIC`], if the multihost fields count.
    pub mmp_magic: U64<LE>,
    /// Nanoseconds between two writes of a heartbeat, as they were lately.
    pub mmp_delay: U64<LE>,
    /// See [`mmp`].
    pub mmp_config: U64<LE>,
    /// Txg of the pool's checkpoint, in the checkpoint's own uberblock.
    pub checkpoint_txg: U64<LE>,
    /// [`REFLOW_OFFSET`] and [`REFLOW_STATE`].
    pub raidz_reflow_info: U64<LE>,
}
assert_eq_size!(UberblockPhys, [u8; UBERBLOCK_SIZE]);
const_assert_eq!(offset_of!(UberblockPhys, rootbp), 40);
const_assert_eq!(offset_of!(UberblockPhys, checkpoint_txg), 200);

impl UberblockPhys {
    /// From words as values, such as a checkpoint's in the MOS. Those that are missing count as zero.
    pub fn from_words(words: &[u64]) -> Self {
        words::from_words(words)
    }

    /// Its words as values, as the MOS keeps a checkpoint's.
    pub fn to_words(&self) -> Vec<u64> {
        words::to_words(self)
    }

    /// From the beginning of a slot, in the order that its magic tells. `None` if nothing was written
    /// there, or the slot is too short.
    pub fn parse(slot: &[u8]) -> Option<(Self, Order)> {
        let (mut phys, _) = Self::read_from_prefix(slot).ok()?;
        match phys.magic.get() {
            MAGIC => return Some((phys, Order::Little)),
            magic if magic.swap_bytes() == MAGIC => {}
            _ => return None,
        }
        phys.as_mut_bytes().as_chunks_mut::<8>().0.iter_mut().for_each(|word| word.reverse());
        Some((phys, Order::Big))
    }

    /// Its bytes in that order: all of it is words of 64 bits.
    pub fn to_bytes(&self, order: Order) -> [u8; UBERBLOCK_SIZE] {
        let mut bytes = [0; UBERBLOCK_SIZE];
        bytes.copy_from_slice(self.as_bytes());
        for word in bytes.as_chunks_mut::<8>().0 {
            *word = order.bytes(u64::from_le_bytes(*word));
        }
        bytes
    }

    /// Number of its slot in a ring of `count`, at least one: an uberblock that only marks a scratch area of
    /// a raidz expansion does not go over the one of its txg. A ring of a pool with multihost has one slot less
    /// for this, since heartbeats have the last.
    ///
    /// Source: `vdev_uberblock_sync()`, OpenZFS `module/zfs/vdev_label.c`, zfs-2.3.2.
    #[expect(clippy::cast_possible_truncation, reason = "a remainder is less than what it is of")]
    pub fn slot(&self, count: usize) -> usize {
        let is_mark = REFLOW_STATE.get(self.raidz_reflow_info.get()) == REFLOW_SCRATCH_VALID;
        (self.txg.get().wrapping_sub(is_mark.into()) % count.max(1) as u64) as usize
    }

    /// Fills a slot that lies at byte `at` of its device: the uberblock, zeros, and the checksum.
    ///
    /// # Errors
    /// [`EmbeddedError::Short`] for a slot without room for both.
    pub fn seal_in(&self, slot: &mut [u8], at: u64, order: Order) -> Result<(), EmbeddedError> {
        let found = slot.len();
        let room = found.checked_sub(embedded::LEN).filter(|room| *room >= UBERBLOCK_SIZE);
        if room.is_none() {
            return Err(EmbeddedError::Short { found });
        }
        slot.fill(0);
        slot[..UBERBLOCK_SIZE].copy_from_slice(&self.to_bytes(order));
        embedded::seal(slot, label_verifier(at), Sum::Whole, order)
    }
}

/// Bytes of a slot of the ring on a device whose top-level vdev has this `ashift`:
/// `VDEV_UBERBLOCK_SIZE`.
pub fn slot_size(ashift: u64) -> usize {
    1 << ashift.clamp(10, 13)
}

/// Slots of the ring on such a device: `VDEV_UBERBLOCK_COUNT`.
pub fn slot_count(ashift: u64) -> usize {
    RING_SIZE / slot_size(ashift)
}

/// The slots of a ring that lies at byte `at` of a device, each with its own first byte; no device has one near 2^64.
pub fn slots(ring: &[u8], at: u64, ashift: u64) -> impl Iterator<Item = (u64, &[u8])> {
    let size = slot_size(ashift);
    let starts = core::iter::successors(Some(at), move |at| Some(at.saturating_add(size as u64)));
    starts.zip(ring.chunks_exact(size))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn slots_are_no_smaller_than_a_kib_and_no_larger_than_eight() {
        assert_eq!([0, 9, 12, 16, u64::MAX].map(slot_size), [1024, 1024, 4096, 8192, 8192]);
    }

    #[test]
    fn a_txg_has_its_slot() {
        let slot = |txg, reflow| {
            let mut phys = UberblockPhys::from_words(&[MAGIC, 5000, txg]);
            phys.raidz_reflow_info = reflow;
            phys.slot(slot_count(9))
        };
        assert_eq!([0, 9, 12, 16].map(slot_count), [128, 128, 32, 16]);
        assert_eq!([0, 127, 128, 300].map(|txg| slot(txg, 0.into())), [0, 127, 0, 44]);
        assert_eq!(slot(300, REFLOW_STATE.put(7, REFLOW_SCRATCH_VALID).into()), 43);
        let phys = UberblockPhys::from_words(&[MAGIC]);
        for (len, fits) in [(1024, true), (256, true), (255, false), (0, false)] {
            assert_eq!(phys.seal_in(&mut [7; 1024][..len], 5, Order::Big).is_ok(), fits);
        }
        let ring = [0; 3000];
        let places: alloc::vec::Vec<_> =
            slots(&ring, 7, 9).map(|(at, slot)| (at, slot.len())).collect();
        assert_eq!(places, [(7, 1024), (1031, 1024)]);
    }

    #[test]
    fn what_is_no_uberblock_is_none() {
        assert_eq!(UberblockPhys::parse(&[0; 1024]), None);
        let short = UberblockPhys::from_words(&[MAGIC]).to_bytes(Order::Big);
        assert!(UberblockPhys::parse(&short).is_some());
        assert_eq!(UberblockPhys::parse(&short[1..]), None);
        assert_eq!(UberblockPhys::parse(&short[..UBERBLOCK_SIZE - 1]), None);
    }

    proptest! {
        #[test]
        fn either_order_reads_back(
            mut words in prop::collection::vec(any::<u64>(), 1..=27),
            big in any::<bool>(),
        ) {
            words[0] = MAGIC;
            let phys = UberblockPhys::from_words(&words);
            let order = Order::from_big_endian(big);
            prop_assert_eq!(UberblockPhys::parse(&phys.to_bytes(order)), Some((phys, order)));
            words.resize(27, 0);
            prop_assert_eq!(phys.to_words(), words.clone());
            prop_assert_eq!([phys.txg.get(), phys.raidz_reflow_info.get()], [words[2], words[26]]);
        }
    }
}
