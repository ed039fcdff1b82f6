//! The uberblock ring: which of the pool's states is the newest that can be trusted.

use crate::blkptr::{BLKPTR_SIZE, BlkPtr};
use core::cmp::Reverse;
use core::mem::offset_of;
use static_assertions::{assert_eq_size, const_assert_eq};
use zerocopy::byteorder::{LE, U64};
use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};
use zsend_ondisk::embedded::{self, Sum};

/// Magic of an uberblock, `UBERBLOCK_MAGIC`.
pub const MAGIC: u64 = 0x00BA_B10C;
/// Magic of the multihost fields, `MMP_MAGIC`.
const MMP_MAGIC: u64 = 0xA11C_EA11;
/// Bytes of an uberblock; older software wrote fewer fields, and zeros after them.
const UBERBLOCK_SIZE: usize = 216;
/// Bytes of the ring in each label.
pub const RING_SIZE: usize = 128 << 10;

/// `uberblock_phys_t`. Source: OpenZFS `include/sys/uberblock_impl.h`, zfs-2.3.2.
#[derive(FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct UberblockPhys {
    magic: U64<LE>,
    version: U64<LE>,
    txg: U64<LE>,
    guid_sum: U64<LE>,
    timestamp: U64<LE>,
    rootbp: [u8; BLKPTR_SIZE],
    software_version: U64<LE>,
    mmp_magic: U64<LE>,
    mmp_delay: U64<LE>,
    mmp_config: U64<LE>,
    checkpoint_txg: U64<LE>,
    raidz_reflow_info: U64<LE>,
}
assert_eq_size!(UberblockPhys, [u8; UBERBLOCK_SIZE]);
const_assert_eq!(offset_of!(UberblockPhys, rootbp), 40);
const_assert_eq!(offset_of!(UberblockPhys, checkpoint_txg), 200);

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
    /// How the host that wrote it shows that it is alive; `None` if it does not.
    pub heartbeat: Option<Heartbeat>,
    /// Txg of the pool's checkpoint, if this is the checkpoint's own uberblock.
    pub checkpoint_txg: u64,
    /// How far a raidz expansion has got: see [`Reflow`].
    pub reflow: Reflow,
}

/// How often a host with multihost on writes an uberblock to say that it has the pool imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heartbeat {
    /// Nanoseconds between two writes, as they were lately: `ub_mmp_delay`.
    pub delay: u64,
    /// Milliseconds in which each device should be written once, if the host says.
    pub interval: Option<u64>,
    /// Intervals without a write after which the host itself stops using the pool; zero for never.
    pub fail_intervals: Option<u64>,
}

impl Heartbeat {
    /// From `ub_mmp_delay` and `ub_mmp_config`.
    const fn new(delay: u64, config: u64) -> Option<Self> {
        if delay == 0 {
            return None;
        }
        let interval = if config & 1 != 0 { Some((config >> 8) & 0xff_ffff) } else { None };
        let fail_intervals = if config & 4 != 0 { Some(config >> 48) } else { None };
        Some(Self { delay, interval, fail_intervals })
    }
}

/// `ub_raidz_reflow_info`: the progress of a raidz expansion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Reflow {
    /// Bytes of the vdev that already have the new geometry.
    pub offset: u64,
    /// Whether the first rows are to be read from the scratch area (state 1).
    pub scratch_valid: bool,
}

impl Uberblock {
    /// An uberblock that is kept as words, such as a checkpoint's in the MOS; older software wrote
    /// fewer of them. `None` if they do not begin with the magic.
    pub fn from_words(words: &[u64]) -> Option<Self> {
        let mut bytes = [0; UBERBLOCK_SIZE];
        for (b, w) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(words) {
            *b = w.to_le_bytes();
        }
        Self::from_bytes(&bytes).filter(|_| words.first() == Some(&MAGIC))
    }

    fn from_bytes(bytes: &[u8; UBERBLOCK_SIZE]) -> Option<Self> {
        let phys = UberblockPhys::ref_from_bytes(bytes).ok()?;
        let mmp = phys.mmp_magic.get() == MMP_MAGIC;
        let config = phys.mmp_config.get();
        let reflow = phys.raidz_reflow_info.get();
        Some(Self {
            version: phys.version.get(),
            txg: phys.txg.get(),
            guid_sum: phys.guid_sum.get(),
            timestamp: phys.timestamp.get(),
            rootbp: BlkPtr::parse(&phys.rootbp),
            mmp_seq: if mmp && config & 2 != 0 { (config >> 32) & 0xffff } else { 0 },
            heartbeat: if mmp { Heartbeat::new(phys.mmp_delay.get(), config) } else { None },
            checkpoint_txg: phys.checkpoint_txg.get(),
            reflow: Reflow {
                offset: (reflow & ((1 << 55) - 1)) << 9,
                scratch_valid: reflow >> 55 == 1,
            },
        })
    }

    /// What makes one uberblock newer than another, most significant first.
    ///
    /// Source: `vdev_uberblock_compare()`, OpenZFS `module/zfs/vdev_label.c`, zfs-2.3.2.
    pub const fn rank(&self) -> (u64, u64, u64) {
        (self.txg, self.timestamp, self.mmp_seq)
    }
}

/// What a slot of the ring holds, before its checksum was looked at: that costs a SHA-256.
#[derive(Clone, Copy, Debug)]
pub struct Unverified<'a> {
    uberblock: Uberblock,
    slot: &'a [u8],
    /// Where the slot's bytes start on the device.
    offset: u64,
}

impl<'a> Unverified<'a> {
    /// `None` if nothing was written there.
    fn parse(slot: &'a [u8], offset: u64) -> Option<Self> {
        let mut bytes: [u8; UBERBLOCK_SIZE] = *slot.first_chunk()?;
        let magic = *bytes.first_chunk()?;
        match (u64::from_le_bytes(magic), u64::from_be_bytes(magic)) {
            (MAGIC, _) => {}
            (_, MAGIC) => bytes.as_chunks_mut::<8>().0.iter_mut().for_each(|w| w.reverse()),
            _ => return None,
        }
        Some(Self { uberblock: Uberblock::from_bytes(&bytes)?, slot, offset })
    }

    /// The uberblock, if its checksum is right.
    pub fn verify(&self) -> Option<Uberblock> {
        embedded::verify(self.slot, [self.offset, 0, 0, 0], Sum::Whole).ok().map(|_| self.uberblock)
    }
}

/// What the slots of one label's ring hold, which starts at `offset` of the device. `ashift` is that
/// of the device's top-level vdev and gives the size of a slot.
pub fn ring(bytes: &[u8], offset: u64, ashift: u64) -> impl Iterator<Item = Unverified<'_>> {
    let slot = 1usize << ashift.clamp(10, 13);
    (offset..)
        .step_by(slot)
        .zip(bytes.chunks_exact(slot))
        .filter_map(|(at, s)| Unverified::parse(s, at))
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
        let mut put = |at: usize, value: u64| slot[at..at + 8].copy_from_slice(&order.bytes(value));
        for (i, &w) in words.iter().enumerate() {
            put(i * 8, w);
        }
        embedded::seal(&mut slot, [offset, 0, 0, 0], Sum::Whole, order).unwrap();
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
