//! The uberblock ring: which of the pool's states is the newest that can be trusted.

use crate::blkptr::{BLKPTR_SIZE, BlkPtr};
use crate::zio::checksum::{EmbeddedOrder, verify_embedded};
use core::mem::offset_of;
use static_assertions::{assert_eq_size, const_assert_eq};
use zerocopy::byteorder::{LE, U64};
use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

/// Magic of an uberblock, `UBERBLOCK_MAGIC`.
pub const MAGIC: u64 = 0x00BA_B10C;
/// Magic of the multihost fields, `MMP_MAGIC`.
const MMP_MAGIC: u64 = 0xA11C_EA11;
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
assert_eq_size!(UberblockPhys, [u8; 216]);
const_assert_eq!(offset_of!(UberblockPhys, rootbp), 40);
const_assert_eq!(offset_of!(UberblockPhys, checkpoint_txg), 200);

/// A verified uberblock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Uberblock {
    /// Pool version: 1 to 28, or 5000 with feature flags.
    pub version: u64,
    /// The transaction group that it closes.
    pub txg: u64,
    /// Seconds since 1970.
    pub timestamp: u64,
    /// The meta object set.
    pub rootbp: BlkPtr,
    /// Sequence within the txg that multihost writes: higher is newer.
    pub mmp_seq: u64,
    /// Whether a host that writes multihost heartbeats wrote it.
    pub multihost: bool,
    /// Txg of the pool's checkpoint, if this is the checkpoint's own uberblock.
    pub checkpoint_txg: u64,
    /// How far a raidz expansion has got: see [`Reflow`].
    pub reflow: Reflow,
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
    /// The uberblock in `slot`, whose bytes start at `offset` of the device, or `None` if there is
    /// none or its checksum is wrong.
    pub fn parse(slot: &[u8], offset: u64) -> Option<Self> {
        // Looking at the magic first keeps empty slots from costing a SHA-256 each.
        let magic: [u8; 8] = slot.get(..8)?.try_into().ok()?;
        let order = match (u64::from_le_bytes(magic), u64::from_be_bytes(magic)) {
            (MAGIC, _) => EmbeddedOrder::Little,
            (_, MAGIC) => EmbeddedOrder::Big,
            _ => return None,
        };
        verify_embedded(slot, [offset, 0, 0, 0]).ok()?;
        let mut bytes: [u8; 216] = slot.get(..216)?.try_into().ok()?;
        if order == EmbeddedOrder::Big {
            for w in bytes.as_chunks_mut::<8>().0 {
                w.reverse();
            }
        }
        let phys = UberblockPhys::ref_from_bytes(&bytes).ok()?;
        let mmp = phys.mmp_magic.get() == MMP_MAGIC;
        let config = phys.mmp_config.get();
        let reflow = phys.raidz_reflow_info.get();
        Some(Self {
            version: phys.version.get(),
            txg: phys.txg.get(),
            timestamp: phys.timestamp.get(),
            rootbp: BlkPtr::parse(&phys.rootbp),
            mmp_seq: if mmp && config & 2 != 0 { (config >> 32) & 0xffff } else { 0 },
            multihost: mmp && phys.mmp_delay.get() != 0,
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

/// All uberblocks in one label's ring, which starts at `offset` of the device. `ashift` is that of
/// the device's top-level vdev and gives the size of a slot.
pub fn ring(bytes: &[u8], offset: u64, ashift: u64) -> Vec<Uberblock> {
    let slot = 1usize << ashift.clamp(10, 13);
    let mut at = offset;
    let mut found = Vec::new();
    for s in bytes.chunks_exact(slot) {
        found.extend(Uberblock::parse(s, at));
        at += slot as u64;
    }
    found
}
