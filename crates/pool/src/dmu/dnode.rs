//! Dnodes: one object's shape, its block pointers, its bonus and its spill block.

use crate::blkptr::{BLKPTR_SHIFT, BlkPtr, MINBLOCK_SHIFT};
use crate::zbookmark::Zbookmark;
use crate::{PoolError, Result};
use bytes::Bytes;
use zerocopy::FromBytes;
use zsend_ondisk::Level;
use zsend_ondisk::dnode::{DnodePhys, Tail};
use zsend_records::types::DmuType;

pub use zsend_ondisk::dnode::{
    CORE_SIZE, DNODE_BLOCK_SIZE, DNODE_SIZE, DNODES_PER_BLOCK, DnodeBuilder, DnodeRef,
};

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
    /// Level of the blocks that the dnode points to.
    top: Level,
    has_spill: bool,
}

impl Dnode {
    /// The dnode whose slots start at byte `start` of a block; more may follow. `at` is for errors.
    ///
    /// # Errors
    /// [`PoolError::Corrupt`] if a field has a value that no writer gives it.
    pub fn parse(block: &Bytes, start: usize, at: &Zbookmark) -> Result<Self> {
        let bytes = block.get(start..).unwrap_or_default();
        let Ok((core, _)) = DnodePhys::ref_from_prefix(bytes) else {
            return Err(PoolError::corrupt(*at, "dnode size", bytes.len(), "at least 512"));
        };
        // A free slot may hold anything behind its type, even an odd slot count; it stands for
        // itself alone unless the count is sound, which the sender steps by.
        let size = core.size();
        if bytes.len() < size {
            let found = core.extra_slots;
            return Err(PoolError::corrupt(*at, "dn_extra_slots", found, "slots inside the block"));
        }
        let top = core.check().map_err(|e| PoolError::layout(*at, e))?;
        Ok(Self {
            bytes: block.slice(start..start + size),
            object_type: core.object_type(),
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
            top,
            has_spill: core.has_spill(),
        })
    }

    /// Bytes of a data block.
    pub const fn datablksz(&self) -> u64 {
        (self.datablkszsec as u64) << MINBLOCK_SHIFT
    }

    /// log2 of the block pointers in an indirect block.
    pub const fn epb_shift(&self) -> u32 {
        (self.indblkshift as u32).saturating_sub(BLKPTR_SHIFT)
    }

    /// Level of the blocks that the dnode points to; [`Level::DATA`] for a free slot.
    pub const fn top(&self) -> Level {
        self.top
    }

    /// log2 of the blocks of level 0 under one of another level.
    pub const fn shift(&self, level: Level) -> u32 {
        level.get() as u32 * self.epb_shift()
    }

    /// Blocks of level 0 under one of `level`, or all that a word can count.
    pub const fn span(&self, level: Level) -> u64 {
        match 1u64.checked_shl(self.shift(level)) {
            Some(blocks) => blocks,
            None => u64::MAX,
        }
    }

    /// Number of the block of `level` that block `blkid` of level 0 lies under.
    pub const fn blkid_at(&self, level: Level, blkid: u64) -> u64 {
        match blkid.checked_shr(self.shift(level)) {
            Some(blkid) => blkid,
            // One block of that level has more below it than there are numbers.
            None => 0,
        }
    }

    /// Block numbers that the object has: those up to `dn_maxblkid` that its levels reach.
    pub fn blocks(&self) -> u64 {
        let reach = u64::from(self.nblkptr).saturating_mul(self.span(self.top));
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

    const fn tail(&self) -> Tail {
        Tail { nblkptr: self.nblkptr, has_spill: self.has_spill }
    }

    /// Bytes that a bonus may have in this dnode: `DN_MAX_BONUS_LEN`.
    pub fn max_bonus_len(&self) -> Option<usize> {
        self.tail().bonus_room(self.bytes.len()).map(|room| room.len())
    }

    /// `len` bytes from the start of the bonus, or as many as the dnode has.
    pub fn bonus_area(&self, len: usize) -> Bytes {
        let start = self.tail().bonus_start().min(self.bytes.len());
        let end = start.saturating_add(len).min(self.bytes.len());
        self.bytes.slice(start..end)
    }

    /// The bonus.
    pub fn bonus(&self) -> Bytes {
        self.bonus_area(self.bonuslen.into())
    }

    /// Returns true if the dnode has a spill block pointer.
    pub const fn has_spill(&self) -> bool {
        self.has_spill
    }

    /// The spill block pointer, if there is one.
    pub fn spill(&self) -> Option<BlkPtr> {
        BlkPtr::at(&self.bytes[self.tail().spill(self.bytes.len())?], 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::mem::offset_of;
    use proptest::prelude::*;
    use zerocopy::IntoBytes;
    use zsend_ondisk::Order;

    /// Contents of a slot of a block, or of several.
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
                let core = DnodePhys {
                    kind,
                    indblkshift: 17,
                    nlevels,
                    nblkptr,
                    datablkszsec: 1.into(),
                    bonuslen: bonuslen.into(),
                    extra_slots: extra,
                    ..DnodePhys::default()
                };
                block.extend(core.as_bytes());
                block.resize((wanted.len() + usize::from(slots)) * DNODE_SIZE, 0);
                let first = (kind != 0).then_some(nlevels == 1);
                wanted.push(first);
                wanted.extend((1..slots).map(|_| None));
            }
            block.resize(DNODE_BLOCK_SIZE, 0);
            let block = Bytes::from(block);
            for (slot, wanted) in wanted.into_iter().enumerate() {
                let found = DnodeRef::at(&block, slot).filter(|o| o.object_type() != DmuType::NONE);
                let parsed =
                    found.map(|_| Dnode::parse(&block, slot * DNODE_SIZE, &Zbookmark::default()));
                prop_assert_eq!(parsed.map(|p| p.is_ok()), wanted, "slot {}", slot);
            }
        }
    }

    #[test]
    fn three_block_pointers_and_a_spill_pointer_leave_no_bonus() {
        let datablkszsec = 1.into();
        let core = DnodePhys { kind: 0xc3, nlevels: 1, datablkszsec, ..DnodePhys::default() };
        let pointer =
            |word, set| BlkPtr::from_words(std::array::from_fn(|i| if i < set { word } else { 0 }));
        let made = DnodeBuilder {
            core,
            // The spill pointer lies over the second half of the third.
            pointers: vec![pointer(3, 16), pointer(4, 16), pointer(5, 8)],
            spill: Some(pointer(7, 16)),
            ..DnodeBuilder::default()
        };
        let mut bytes = made.build(Order::Little).unwrap();
        let at = Zbookmark::default();
        let dnode = Dnode::parse(&Bytes::from(bytes.clone()), 0, &at).unwrap();
        assert_eq!(dnode.spill().unwrap(), pointer(7, 16));
        assert_eq!(dnode.blkptr(2).unwrap().words()[..8], [5; 8]);
        assert!(dnode.bonus().is_empty());
        bytes[offset_of!(DnodePhys, bonuslen)] = 1;
        let refused = Dnode::parse(&Bytes::from(bytes), 0, &at).unwrap_err().to_string();
        assert!(refused.contains("dn_bonuslen is 1"), "{refused}");
    }
}
