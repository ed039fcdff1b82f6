//! Dnodes: one object's shape, its block pointers, its bonus and its spill block.

use crate::blkptr::{BLKPTR_SHIFT, BLKPTR_SIZE, BlkPtr, MINBLOCK_SHIFT};
use crate::place::Bookmark;
use crate::{PoolError, Result};
use bytes::Bytes;
use core::mem::offset_of;
use static_assertions::{assert_eq_size, const_assert_eq};
use zerocopy::byteorder::{LE, U16, U64};
use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};
use zsend_records::types::DmuType;

/// Bytes of a dnode slot; a large dnode takes several.
pub const DNODE_SIZE: usize = 512;
/// Bytes of a block of dnodes: `DNODE_BLOCK_SIZE`.
pub const DNODE_BLOCK_SIZE: usize = 16 << 10;
/// Dnode slots in a block of dnodes.
pub const DNODES_PER_BLOCK: u64 = (DNODE_BLOCK_SIZE / DNODE_SIZE) as u64;
/// Bytes before the block pointers: `DNODE_CORE_SIZE`.
pub const CORE_SIZE: usize = 64;

/// The dnode has a spill block pointer in its last 128 bytes.
const FLAG_SPILL: u8 = 4;

/// The fixed part of `dnode_phys_t`. Source: OpenZFS `include/sys/dnode.h`, zfs-2.3.2.
#[derive(Debug, FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct DnodeCore {
    kind: u8,
    indblkshift: u8,
    nlevels: u8,
    nblkptr: u8,
    bonustype: u8,
    checksum: u8,
    compress: u8,
    flags: u8,
    datablkszsec: U16<LE>,
    bonuslen: U16<LE>,
    extra_slots: u8,
    pad2: [u8; 3],
    maxblkid: U64<LE>,
    used: U64<LE>,
    pad3: [u8; 32],
}
assert_eq_size!(DnodeCore, [u8; CORE_SIZE]);
const_assert_eq!(offset_of!(DnodeCore, datablkszsec), 8);
const_assert_eq!(offset_of!(DnodeCore, maxblkid), 16);

impl DnodeCore {
    /// Bytes of all its slots.
    fn size(&self) -> usize {
        (usize::from(self.extra_slots) + 1) * DNODE_SIZE
    }
}

/// What a walk asks of a dnode before it takes hold of it, straight from the bytes of a block.
#[derive(Clone, Copy, Debug)]
pub struct Outline<'a> {
    bytes: &'a [u8],
    core: &'a DnodeCore,
}

impl<'a> Outline<'a> {
    /// The dnode whose first slot is slot `wanted` of a block, as a lookup finds it: a free slot
    /// stands for itself alone, and so does one whose count of slots does not fit. `None` if another
    /// dnode reaches over the slot, or the block ends before it.
    ///
    /// Nothing else of the dnodes before it is looked at, so that a damaged one hides no other.
    /// Source: `dnode_hold_impl()`, OpenZFS `module/zfs/dnode.c`, zfs-2.3.2.
    pub fn at(block: &'a [u8], wanted: usize) -> Option<Self> {
        let mut slot = 0_usize;
        loop {
            let rest = block.get(slot.checked_mul(DNODE_SIZE)?..)?;
            let (core, _) = DnodeCore::ref_from_prefix(rest).ok()?;
            let is_free = core.kind == DmuType::NONE.0;
            let size = if is_free || core.size() > rest.len() { DNODE_SIZE } else { core.size() };
            if slot == wanted {
                return Some(Self { bytes: rest.get(..size)?, core });
            }
            slot += size / DNODE_SIZE;
            if slot > wanted {
                return None;
            }
        }
    }

    /// The dnodes in a block, in order; `None` is the last, for one whose slots do not fit.
    pub fn all(block: &'a [u8]) -> impl Iterator<Item = Option<Self>> {
        let mut rest = block;
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let found = DnodeCore::ref_from_prefix(rest).ok().and_then(|(core, _)| {
                rest.split_at_checked(core.size())
                    .map(|(bytes, after)| (Self { bytes, core }, after))
            });
            let Some((outline, after)) = found else {
                rest = &[];
                return Some(None);
            };
            rest = after;
            Some(Some(outline))
        })
    }

    /// `dn_type`; [`DmuType::NONE`] is a free slot.
    pub const fn object_type(&self) -> DmuType {
        DmuType(self.core.kind)
    }

    /// Bytes of its slots.
    pub const fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// Levels of the block tree, as the field has it.
    pub const fn nlevels(&self) -> u8 {
        self.core.nlevels
    }

    /// The block pointers that there is room for, the spill block's last.
    pub fn pointers(&self) -> impl Iterator<Item = BlkPtr> {
        let own = (0..usize::from(self.core.nblkptr).min(3))
            .map_while(|i| BlkPtr::at(&self.bytes[CORE_SIZE..], i));
        own.chain(spill_of(self.bytes, self.core.flags & FLAG_SPILL != 0))
    }
}

/// The spill block pointer in the last bytes of a dnode that has one.
fn spill_of(bytes: &[u8], has_spill: bool) -> Option<BlkPtr> {
    let start = bytes.len().checked_sub(BLKPTR_SIZE)?;
    has_spill.then(|| BlkPtr::at(&bytes[start..], 0))?
}

/// A dnode in host order, with all its slots.
#[derive(Clone, Debug)]
pub struct Dnode {
    bytes: Bytes,
    /// `dn_type`; [`DmuType::NONE`] is a free slot.
    pub object_type: DmuType,
    /// log2 of an indirect block's bytes.
    pub indblkshift: u8,
    /// Levels of the block tree; one means that the dnode points to data.
    pub nlevels: u8,
    /// Block pointers in the dnode, one to three.
    pub nblkptr: u8,
    /// `dn_bonustype`.
    pub bonustype: DmuType,
    /// `dn_checksum`.
    pub checksum: u8,
    /// `dn_compress`.
    pub compress: u8,
    /// Data block size in sectors.
    pub datablkszsec: u16,
    /// Bytes of the bonus.
    pub bonuslen: u16,
    /// Slots beyond the first.
    pub extra_slots: u8,
    /// The highest block number that may exist.
    pub maxblkid: u64,
    has_spill: bool,
}

impl Dnode {
    /// The dnode whose slots start at byte `start` of a block; more may follow. `at` is for errors.
    ///
    /// # Errors
    /// [`PoolError::Corrupt`] if a field has a value that no writer gives it.
    pub fn parse(block: &Bytes, start: usize, at: &Bookmark) -> Result<Self> {
        let bad =
            |what, found: u64, expected: &str| Err(PoolError::corrupt(*at, what, found, expected));
        let bytes = block.get(start..).unwrap_or_default();
        let Ok((core, _)) = DnodeCore::ref_from_prefix(bytes) else {
            return bad("dnode size", bytes.len() as u64, "at least 512");
        };
        let object_type = DmuType(core.kind);
        // A free slot may hold anything behind its type, even an odd slot count; it stands for
        // itself alone unless the count is sound, which the sender steps by.
        let size = core.size();
        if bytes.len() < size {
            return bad("dn_extra_slots", core.extra_slots.into(), "slots inside the block");
        }
        let dnode = Self {
            bytes: block.slice(start..start + size),
            object_type,
            indblkshift: core.indblkshift,
            nlevels: core.nlevels,
            nblkptr: core.nblkptr,
            bonustype: DmuType(core.bonustype),
            checksum: core.checksum,
            compress: core.compress,
            datablkszsec: core.datablkszsec.get(),
            bonuslen: core.bonuslen.get(),
            extra_slots: core.extra_slots,
            maxblkid: core.maxblkid.get(),
            has_spill: core.flags & FLAG_SPILL != 0,
        };
        if object_type == DmuType::NONE {
            return Ok(dnode);
        }
        if !object_type.is_valid() {
            return bad("dn_type", core.kind.into(), "a known object type");
        }
        // Six levels of the smallest fan-out reach any object; the format's bound is eight.
        if !(1..=8).contains(&core.nlevels) {
            return bad("dn_nlevels", core.nlevels.into(), "1 to 8");
        }
        if !(1..=3).contains(&core.nblkptr) {
            return bad("dn_nblkptr", core.nblkptr.into(), "1 to 3");
        }
        if core.nlevels > 1 && !(9..=17).contains(&core.indblkshift) {
            return bad("dn_indblkshift", core.indblkshift.into(), "9 to 17");
        }
        // With three block pointers and a spill pointer in one slot there is no room for a bonus.
        // The list of a redaction bookmark of many snapshots is such an object.
        if usize::from(dnode.bonuslen) > dnode.max_bonus_len().unwrap_or(0) {
            return bad("dn_bonuslen", dnode.bonuslen.into(), "inside the dnode");
        }
        Ok(dnode)
    }

    /// Bytes of a data block.
    pub const fn datablksz(&self) -> u64 {
        (self.datablkszsec as u64) << MINBLOCK_SHIFT
    }

    /// log2 of the block pointers in an indirect block.
    pub const fn epb_shift(&self) -> u32 {
        (self.indblkshift as u32).saturating_sub(BLKPTR_SHIFT)
    }

    /// Block numbers that the object has: those up to `dn_maxblkid` that its levels reach.
    pub fn blocks(&self) -> u64 {
        let below = u32::from(self.nlevels.max(1) - 1) * self.epb_shift();
        let reach =
            u64::from(self.nblkptr).saturating_mul(1u64.checked_shl(below).unwrap_or(u64::MAX));
        self.maxblkid.saturating_add(1).min(reach)
    }

    /// Slots that the dnode takes.
    pub const fn slots(&self) -> u64 {
        self.extra_slots as u64 + 1
    }

    /// All bytes of all slots.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Block pointer `i` of the dnode.
    pub fn blkptr(&self, i: usize) -> Option<BlkPtr> {
        (i < usize::from(self.nblkptr)).then(|| BlkPtr::at(&self.bytes[CORE_SIZE..], i))?
    }

    /// Where the bonus starts.
    const fn bonus_start(&self) -> usize {
        CORE_SIZE + self.nblkptr as usize * BLKPTR_SIZE
    }

    /// Bytes that a bonus may have in this dnode: `DN_MAX_BONUS_LEN`.
    pub fn max_bonus_len(&self) -> Option<usize> {
        let spill = if self.has_spill { BLKPTR_SIZE } else { 0 };
        self.bytes.len().checked_sub(self.bonus_start() + spill)
    }

    /// `len` bytes from the start of the bonus, or as many as the dnode has.
    pub fn bonus_area(&self, len: usize) -> Bytes {
        let start = self.bonus_start().min(self.bytes.len());
        let end = start.saturating_add(len).min(self.bytes.len());
        self.bytes.slice(start..end)
    }

    /// The bonus.
    pub fn bonus(&self) -> Bytes {
        self.bonus_area(self.bonuslen.into())
    }

    /// Whether the dnode has a spill block pointer.
    pub const fn has_spill(&self) -> bool {
        self.has_spill
    }

    /// The spill block pointer, if there is one.
    pub fn spill(&self) -> Option<BlkPtr> {
        spill_of(&self.bytes, self.has_spill)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What a slot of a block, or several, are filled with.
    #[derive(Clone, Debug)]
    enum Filling {
        Free(u8),
        Sound {
            slots: u8,
        },
        /// A dnode of a known type with fields that no writer gives it.
        Unsound {
            slots: u8,
            nlevels: u8,
            nblkptr: u8,
            bonuslen: u16,
        },
    }

    fn filling() -> impl Strategy<Value = Filling> {
        prop_oneof![
            any::<u8>().prop_map(Filling::Free),
            (1u8..5).prop_map(|slots| Filling::Sound { slots }),
            (1u8..5, 9u8.., 4u8.., 449u16..).prop_map(|(slots, nlevels, nblkptr, bonuslen)| {
                Filling::Unsound { slots, nlevels, nblkptr, bonuslen }
            }),
        ]
    }

    proptest! {
        /// Every object of a block is found, and no other, whatever its neighbours are.
        #[test]
        fn a_damaged_slot_hides_no_other(
            fillings in prop::collection::vec(filling(), 32),
        ) {
            let mut block = Vec::new();
            let mut wanted: Vec<Option<bool>> = Vec::new();
            for filling in fillings {
                let room = 32 - wanted.len();
                let (kind, slots, extra, nlevels, nblkptr, bonuslen) = match filling {
                    Filling::Free(extra) => (0, 1, extra, 9, 9, 9999),
                    Filling::Sound { slots } => (19, slots, slots - 1, 1, 1, 64),
                    Filling::Unsound { slots, nlevels, nblkptr, bonuslen } => {
                        (19, slots, slots - 1, nlevels, nblkptr, bonuslen)
                    }
                };
                if usize::from(slots) > room {
                    break;
                }
                let mut dnode = vec![0; usize::from(slots) * DNODE_SIZE];
                dnode[..4].copy_from_slice(&[kind, 17, nlevels, nblkptr]);
                dnode[10..12].copy_from_slice(&u16::to_le_bytes(bonuslen));
                dnode[12] = extra;
                block.extend(dnode);
                let first = (kind != 0).then_some(nlevels == 1);
                wanted.push(first);
                wanted.extend((1..slots).map(|_| None));
            }
            block.resize(DNODE_BLOCK_SIZE, 0);
            let block = Bytes::from(block);
            for (slot, wanted) in wanted.into_iter().enumerate() {
                let found = Outline::at(&block, slot).filter(|o| o.object_type() != DmuType::NONE);
                let parsed =
                    found.map(|_| Dnode::parse(&block, slot * DNODE_SIZE, &Bookmark::default()));
                prop_assert_eq!(parsed.map(|p| p.is_ok()), wanted, "slot {}", slot);
            }
        }
    }

    #[test]
    fn three_block_pointers_and_a_spill_pointer_leave_no_bonus() {
        let mut bytes = vec![0; DNODE_SIZE];
        bytes[..8].copy_from_slice(&[0xc3, 17, 1, 3, 0, 7, 2, 1 | FLAG_SPILL]);
        bytes[CORE_SIZE + 2 * BLKPTR_SIZE] = 5;
        bytes[DNODE_SIZE - BLKPTR_SIZE] = 7;
        let at = Bookmark::default();
        let dnode = Dnode::parse(&Bytes::from(bytes.clone()), 0, &at).unwrap();
        assert_eq!(dnode.spill().unwrap().words()[0], 7);
        assert!(dnode.bonus().is_empty());
        bytes[10] = 1;
        let refused = Dnode::parse(&Bytes::from(bytes), 0, &at).unwrap_err().to_string();
        assert!(refused.contains("dn_bonuslen is 1"), "{refused}");
    }
}
