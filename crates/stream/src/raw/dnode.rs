//! Dnodes made of the records of a raw stream, as they lie on disk; and the object set over them.

use super::macs::MacFault;
use super::tree::{BlockTree, TreeShape};
use crate::dnode::{bonus_room, slots};
use std::ops::Range;
use zsend_ondisk::blkptr::{BLKPTR_SIZE, BlkPtr, MAX_BLOCK_SIZE, MINBLOCK_SHIFT};
use zsend_ondisk::byteswap::{swap, swap_out};
use zsend_ondisk::dnode::{
    CORE_SIZE, DNODE_BLOCK_SIZE, DNODE_SIZE, DNODES_PER_BLOCK, DnodePhys, FLAG_SPILL, MAX_BLKPTRS,
};
use zsend_ondisk::objset::{ObjsetPhys, SIZE_V1};
use zsend_ondisk::{LayoutError, Order};
use zsend_records::bytes::Bytes;
use zsend_records::drr::Object;
use zsend_records::flags::RecordFlags;
use zsend_records::types::{ByteswapKind as K, DmuType};
use zsend_records::zerocopy::byteorder::LE;
use zsend_records::zerocopy::{FromBytes, FromZeros, IntoBytes};

/// Unit of the sizes of blocks, in bytes: `SPA_MINBLOCKSIZE`.
const SECTOR: u32 = 1 << MINBLOCK_SHIFT;

/// A dnode that has come, and its blocks.
#[derive(Debug)]
pub(crate) struct RawDnode {
    pub(crate) object: Object<LE>,
    pub(crate) core: DnodePhys,
    /// The whole room for the bonus, or nothing.
    pub(crate) bonus: Bytes,
    pub(crate) tree: BlockTree,
    pub(crate) spill: Option<BlkPtr>,
}

impl RawDnode {
    /// The dnode of this OBJECT, before its first block comes.
    ///
    /// # Errors
    /// As [`core_of`].
    pub(crate) fn new(object: &Object<LE>, bonus: Bytes) -> Result<Self, LayoutError> {
        let core = core_of(object)?;
        let shape = TreeShape {
            object_type: core.object_type(),
            nlevels: core.nlevels,
            indblkshift: core.indblkshift,
            nblkptr: core.nblkptr,
        };
        Ok(Self { object: *object, core, bonus, tree: BlockTree::new(shape), spill: None })
    }

    /// Place of its bonus in its slots; `None` if it has no bonus, or no room for one.
    pub(crate) fn bonus_place(&self) -> Option<Range<usize>> {
        self.core.bonus_room(self.core.size()).filter(|_| !self.bonus.is_empty())
    }

    /// The dnode as it lies on disk, in that order.
    fn bytes(self, order: Order, is_swapped: bool) -> Result<Vec<u8>, LayoutError> {
        let Self { mut core, bonus, tree, spill, .. } = self;
        let (kind, size) = (DmuType(core.bonustype), core.size());
        let room = core.bonus_room(size).unwrap_or(size..size);
        let spill_place = core.spill(size);
        if bonus.len() > room.len() {
            let most = format!("at most {}", room.len());
            return Err(field("raw_bonuslen", bonus.len() as u64, &most));
        }
        if order == Order::Big {
            core.swap();
        }
        let mut bytes = vec![0; size];
        bytes[..CORE_SIZE].copy_from_slice(core.as_bytes());
        // As many as its block pointers, which are at most three, and find room in one slot.
        let places = bytes[CORE_SIZE..].as_chunks_mut::<BLKPTR_SIZE>().0.iter_mut();
        for (place, pointer) in places.zip(tree.finish()?) {
            *place = pointer.to_bytes(order);
        }
        let place = &mut bytes[room.start..room.start + bonus.len()];
        place.copy_from_slice(&bonus);
        if is_swapped {
            // The sender has turned the bonus by its type, though it is encrypted.
            turn(kind, order, place);
        }
        if let (Some(place), Some(pointer)) = (spill_place, spill) {
            bytes[place].copy_from_slice(&pointer.to_bytes(order));
        }
        Ok(bytes)
    }
}

/// The block of dnodes from object `first` on, as it lies on disk in that order.
pub(crate) fn block_of(
    first: u64,
    dnodes: Vec<RawDnode>,
    order: Order,
    is_swapped: bool,
) -> Result<Vec<u8>, MacFault> {
    let mut bytes = vec![0; DNODE_BLOCK_SIZE];
    for dnode in dnodes {
        let number = dnode.object.object.get();
        let slot = number.checked_sub(first).filter(|&slot| slot < DNODES_PER_BLOCK);
        let slot = slot.and_then(|slot| usize::try_from(slot).ok());
        let start = slot.ok_or(MacFault::Slot { object: number, first })? * DNODE_SIZE;
        let made = dnode.bytes(order, is_swapped)?;
        let place = bytes.get_mut(start..start + made.len());
        place.ok_or(MacFault::Slot { object: number, first })?.copy_from_slice(&made);
    }
    Ok(bytes)
}

/// Block pointers that a dnode's bonus leaves room for in its slots. A receiver that looks at the record alone counts with one
/// slot: see [`crate::dnode::deduced_nblkptr`].
///
/// Source: OpenZFS `module/zfs/dnode.c`, `dnode_allocate()`, zfs-2.3.2.
pub(crate) fn nblkptr(object: &Object<LE>) -> u8 {
    if object.bonustype() == Some(DmuType::SA) {
        return 1;
    }
    let room = bonus_room(object).saturating_sub(object.bonuslen.get().into());
    u8::try_from(1 + room / BLKPTR_SIZE as u64).map_or(MAX_BLKPTRS, |all| all.min(MAX_BLKPTRS))
}

/// The fixed part of a dnode of a raw stream, little-endian.
///
/// # Errors
/// [`LayoutError::Field`] for a field of the record that no dnode has: `verify` has rules for them by the names `object.*`.
///
/// Source: OpenZFS `module/zfs/dmu_recv.c`, `recv_check_drr_object()`, zfs-2.3.2.
pub(crate) fn core_of(object: &Object<LE>) -> Result<DnodePhys, LayoutError> {
    let mut core = DnodePhys::new_zeroed();
    let kind = object.object_type().filter(|kind| kind.is_valid() && *kind != DmuType::NONE);
    let kind = kind.ok_or_else(|| {
        field("type", object.object_type.get().into(), "a type that there is, and no free slot")
    })?;
    let bonus = object.bonustype().filter(|kind| kind.is_valid());
    let bonus = bonus
        .ok_or_else(|| field("bonustype", object.bonustype.get().into(), "a type that there is"))?;
    (core.kind, core.bonustype) = (kind.0, bonus.0);
    let blksz = object.blksz.get();
    let sectors = Some(blksz / SECTOR)
        .filter(|&all| {
            all > 0 && blksz.is_multiple_of(SECTOR) && u64::from(blksz) <= MAX_BLOCK_SIZE
        })
        .and_then(|sectors| u16::try_from(sectors).ok());
    let sectors = sectors
        .ok_or_else(|| field("blksz", blksz.into(), "a multiple of 512, from 512 to 16 MiB"))?;
    let len = u16::try_from(object.bonuslen.get()).map_err(|_| {
        field("bonuslen", object.bonuslen.get().into(), "at most what the slots have room for")
    })?;
    if slots(object) > DNODES_PER_BLOCK {
        return Err(field("dn_slots", object.dn_slots.into(), "at most 32"));
    }
    (core.indblkshift, core.nlevels) = (object.indblkshift, object.nlevels);
    (core.nblkptr, core.checksum) = (object.nblkptr, object.checksumtype);
    core.compress = object.compress;
    // Records of before large dnodes say of one slot that there is none.
    core.extra_slots = object.dn_slots.max(1) - 1;
    (core.datablkszsec, core.bonuslen) = (sectors.into(), len.into());
    core.maxblkid = object.maxblkid.get().into();
    if object.flags().contains(RecordFlags::OBJECT_SPILL) {
        core.flags = FLAG_SPILL;
    }
    Ok(core)
}

/// A field that has a value it cannot have.
pub(super) fn field(what: &'static str, found: u64, expected: &str) -> LayoutError {
    LayoutError::Field { what, found, expected: expected.to_owned() }
}

/// The object set with this meta-dnode, little-endian, without its MACs.
pub(crate) fn objset_of(
    core: &DnodePhys,
    meta: BlockTree,
    objset_type: u64,
) -> Result<Vec<u8>, LayoutError> {
    let mut block = vec![0; SIZE_V1];
    let core = core.as_bytes();
    block[..core.len()].copy_from_slice(core);
    let places = block[core.len()..].as_chunks_mut::<BLKPTR_SIZE>().0.iter_mut();
    for (place, pointer) in places.zip(meta.finish()?) {
        *place = pointer.to_bytes(Order::Little);
    }
    if let Ok((phys, _)) = ObjsetPhys::mut_from_prefix(&mut block) {
        phys.kind = objset_type.into();
    }
    Ok(block)
}

/// Turns a block or a bonus of this type to that byte order from the other one.
pub(crate) fn turn(kind: DmuType, to: Order, bytes: &mut [u8]) {
    // Of an unknown type nobody knows the fields.
    let Some(kind) = kind.byteswap() else { return };
    match to {
        Order::Little => swap(kind, bytes),
        Order::Big => swap_out(kind, bytes),
    }
}

/// Bytes that are copied and turned while the nearest cache has them; a multiple of all words.
const PART: usize = 4 << 10;

/// As [`turn`], of a copy.
pub(crate) fn turned(kind: DmuType, to: Order, bytes: &[u8]) -> Vec<u8> {
    let part = match kind.byteswap() {
        Some(K::U8 | K::U16 | K::U32 | K::U64) => PART,
        // The fields of one part tell of those of others.
        Some(K::Zap | K::Dnode | K::Objset | K::Znode | K::OldAcl | K::Acl) | None => bytes.len(),
    };
    let mut turned = Vec::with_capacity(bytes.len());
    for part in bytes.chunks(part.max(1)) {
        let at = turned.len();
        turned.extend_from_slice(part);
        turn(kind, to, &mut turned[at..]);
    }
    turned
}
