//! The uberblock ring: which of the pool's states is the newest that can be trusted.

use crate::blkptr::{BlkPtr, MINBLOCK_SHIFT};
use core::cmp::Reverse;
use zsend_ondisk::Bits;
use zsend_ondisk::embedded::{self, Sum, label_verifier};
pub use zsend_ondisk::uberblock::{MAGIC, RING_SIZE};
use zsend_ondisk::uberblock::{
    MMP_MAGIC, REFLOW_OFFSET, REFLOW_SCRATCH_VALID, REFLOW_STATE, UberblockPhys, mmp, slots,
};

/// A verified uberblock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Uberblock {
    /// Pool version: 1 to 28, or 5000 with feature flags.
    pub version: u64,
    /// The transaction group that it closes.
    pub txg: u64,
    /// Sum of the guids of the pool and of all its vdevs: tells an uberblock of this pool from one of
    /// another that the device was part of.
    pub guid_sum: u64,
    /// Seconds since 1970.
    pub timestamp: u64,
    /// The meta object set.
    pub rootbp: BlkPtr,
    /// Sequence within the txg that multihost writes: higher is newer.
    pub mmp_seq: u64,
    /// Heartbeat of the host that wrote it; `None` if it has none.
    pub heartbeat: Option<Heartbeat>,
    /// Txg of the pool's checkpoint, if this is the checkpoint's own uberblock.
    pub checkpoint_txg: u64,
    /// Progress of a raidz expansion: see [`Reflow`].
    pub reflow: Reflow,
}

/// Heartbeat of a host with multihost on: it writes an uberblock again and again while it has the pool imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heartbeat {
    /// Nanoseconds between two writes, as they were lately: `ub_mmp_delay`.
    pub delay: u64,
    /// Milliseconds in which each device should be written once, if the host says.
    pub interval: Option<u64>,
    /// Intervals without a write after which the host itself suspends the pool; zero for never.
    pub fail_intervals: Option<u64>,
}

impl Heartbeat {
    /// From `ub_mmp_delay` and `ub_mmp_config`.
    fn new(delay: u64, config: u64) -> Option<Self> {
        if delay == 0 {
            return None;
        }
        let field = |has: Bits, of: Bits| has.is_set(config).then(|| of.get(config));
        let interval = field(mmp::HAS_INTERVAL, mmp::INTERVAL);
        let fail_intervals = field(mmp::HAS_FAIL_INTERVALS, mmp::FAIL_INTERVALS);
        Some(Self { delay, interval, fail_intervals })
    }
}

/// `ub_raidz_reflow_info`: the progress of a raidz expansion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Reflow {
    /// Bytes of the vdev that already have the new geometry.
    pub offset: u64,
    /// True if the first rows are to be read from the scratch area.
    pub scratch_valid: bool,
}

impl Uberblock {
    /// An uberblock that is kept as words, such as a checkpoint's in the MOS; older software wrote
    /// fewer of them. `None` if they do not begin with the magic.
    pub fn from_words(words: &[u64]) -> Option<Self> {
        let phys = UberblockPhys::from_words(words);
        (phys.magic.get() == MAGIC).then(|| Self::of(&phys))
    }

    fn of(phys: &UberblockPhys) -> Self {
        let has_mmp = phys.mmp_magic.get() == MMP_MAGIC;
        let config = phys.mmp_config.get();
        let reflow = phys.raidz_reflow_info.get();
        Self {
            version: phys.version.get(),
            txg: phys.txg.get(),
            guid_sum: phys.guid_sum.get(),
            timestamp: phys.timestamp.get(),
            rootbp: BlkPtr::parse(&phys.rootbp),
            mmp_seq: if has_mmp && mmp::HAS_SEQ.is_set(config) { mmp::SEQ.get(config) } else { 0 },
            heartbeat: if has_mmp { Heartbeat::new(phys.mmp_delay.get(), config) } else { None },
            checkpoint_txg: phys.checkpoint_txg.get(),
            reflow: Reflow {
                offset: REFLOW_OFFSET.get(reflow) << MINBLOCK_SHIFT,
                scratch_valid: REFLOW_STATE.get(reflow) == REFLOW_SCRATCH_VALID,
            },
        }
    }

    /// Rank of an uberblock, most significant part first; that of a newer one is higher.
    ///
    /// Source: `vdev_uberblock_compare()`, OpenZFS `module/zfs/vdev_label.c`, zfs-2.3.2.
    pub const fn rank(&self) -> (u64, u64, u64) {
        (self.txg, self.timestamp, self.mmp_seq)
    }
}

/// A slot of the ring before its checksum was looked at: that costs a SHA-256.
#[derive(Clone, Copy, Debug)]
pub struct Unverified<'a> {
    uberblock: Uberblock,
    slot: &'a [u8],
    /// Byte of the device at which the slot starts.
    offset: u64,
}

impl<'a> Unverified<'a> {
    /// `None` if nothing was written there.
    fn parse(slot: &'a [u8], offset: u64) -> Option<Self> {
        let (phys, _) = UberblockPhys::parse(slot)?;
        Some(Self { uberblock: Uberblock::of(&phys), slot, offset })
    }

    /// The uberblock, if its checksum is right.
    pub fn verify(&self) -> Option<Uberblock> {
        embedded::verify(self.slot, label_verifier(self.offset), Sum::Whole)
            .ok()
            .map(|_| self.uberblock)
    }
}

/// The slots of one label's ring, which starts at `offset` of the device. `ashift` is that
/// of the device's top-level vdev and gives the size of a slot.
pub fn ring(bytes: &[u8], offset: u64, ashift: u64) -> impl Iterator<Item = Unverified<'_>> {
    slots(bytes, offset, ashift).filter_map(|(at, slot)| Unverified::parse(slot, at))
}

/// The newest of some uberblocks that `wanted` takes and whose checksum is right. No more are verified
/// than it takes.
pub fn newest<'a>(
    all: impl Iterator<Item = Unverified<'a>>,
    wanted: impl Fn(&Uberblock) -> bool,
) -> Option<Uberblock> {
    let mut all: Vec<Unverified<'_>> = all.filter(|one| wanted(&one.uberblock)).collect();
    all.sort_by_key(|one| Reverse(one.uberblock.rank()));
    all.iter().find_map(Unverified::verify)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use zsend_ondisk::Order;

    /// A slot at `offset` as either kind of machine writes it.
    pub(crate) fn slot(words: &[u64], offset: u64, big: bool) -> Vec<u8> {
        let order = if big { Order::Big } else { Order::Little };
        let mut slot = vec![0; 1024];
        UberblockPhys::from_words(words).seal_in(&mut slot, offset, order).unwrap();
        slot
    }

    #[test]
    fn both_byte_orders_read_the_same() {
        let mut words = [0; 27];
        words[..5].copy_from_slice(&[MAGIC, 5000, 1234, 7, 99]);
        words[15] = 1234;
        words[22..25].copy_from_slice(&[MMP_MAGIC, 5, 10 << 48 | 3 << 32 | 1000 << 8 | 7]);
        let parse = |slot: &[u8], at| Unverified::parse(slot, at).unwrap().verify();
        let little = parse(&slot(&words, 4096, false), 4096).unwrap();
        assert_eq!(parse(&slot(&words, 4096, true), 4096), Some(little));
        assert_eq!(Uberblock::from_words(&words), Some(little));
        assert_eq!(little.rank(), (1234, 99, 3));
        let beat = Heartbeat { delay: 5, interval: Some(1000), fail_intervals: Some(10) };
        assert_eq!(little.heartbeat, Some(beat));
        assert_eq!(parse(&slot(&words, 4096, true), 8192), None);
    }

    #[test]
    fn the_newest_is_the_newest_that_is_whole() {
        let words = |txg, time| [MAGIC, 5000, txg, 7, time];
        let mut bytes: Vec<u8> = [(7, 1), (9, 1), (9, 3), (8, 9)]
            .into_iter()
            .zip((0u64..).step_by(1024))
            .flat_map(|((txg, time), at)| slot(&words(txg, time), at, false))
            .collect();
        let newest =
            |bytes: &[u8]| newest(ring(bytes, 0, 9), |_| true).map(|u| (u.txg, u.timestamp));
        assert_eq!(newest(&bytes), Some((9, 3)));
        bytes[2048 + 500] ^= 1;
        assert_eq!(newest(&bytes), Some((9, 1)));
        bytes[1024..].fill(0);
        assert_eq!(newest(&bytes), Some((7, 1)));
        bytes[16] ^= 1;
        assert_eq!(newest(&bytes), None);
    }

    #[test]
    fn software_before_multihost_wrote_fewer_words() {
        let mut words = [0; 21];
        words[..3].copy_from_slice(&[MAGIC, 1, 5]);
        let old = Uberblock::from_words(&words).unwrap();
        assert_eq!((old.version, old.txg, old.heartbeat), (1, 5, None));
        assert_eq!(Uberblock::from_words(&words[1..]), None);
        assert_eq!(Uberblock::from_words(&[]), None);
    }
}
