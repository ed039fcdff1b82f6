//! Dnodes made of the records of a raw stream, as they lie on disk; and the object set over them.

use super::macs::MacFault;
use super::tree::{Shape, Tree};
use crate::dnode::bonus_room;
use zsend_ondisk::blkptr::{BLKPTR_SIZE, BlkPtr};
use zsend_ondisk::byteswap::{swap, swap_out};
use zsend_ondisk::dnode::{
    CORE_SIZE, DNODE_BLOCK_SIZE, DNODE_SIZE, DnodePhys, FLAG_SPILL, MAX_BLKPTRS,
};
use zsend_ondisk::objset::{ObjsetPhys, SIZE_V1};
use zsend_ondisk::{LayoutError, Order};
use zsend_records::bytes::Bytes;
use zsend_records::drr::Object;
use zsend_records::flags::RecordFlags;
use zsend_records::types::{ByteswapKind as K, DmuType};
use zsend_records::zerocopy::byteorder::LE;
use zsend_records::zerocopy::{FromBytes, FromZeros, IntoBytes};

/// A dnode that has come, and its blocks.
#[derive(Debug)]
pub(crate) struct Dnode {
    pub(crate) object: Object<LE>,
    /// The whole room for the bonus, or nothing.
    pub(crate) bonus: Bytes,
    pub(crate) tree: Tree,
    pub(crate) spill: Option<BlkPtr>,
}

impl Dnode {
    /// The dnode of this OBJECT, before its first block comes.
    pub(crate) fn new(object: &Object<LE>, bonus: Bytes) -> Self {
        let shape = Shape {
            object_type: object.object_type().unwrap_or_default(),
            nlevels: object.nlevels,
            indblkshift: object.indblkshift,
            nblkptr: object.nblkptr,
        };
        Self { object: *object, bonus, tree: Tree::new(shape), spill: None }
    }

    /// The dnode as it lies on disk, in that order.
    fn bytes(self, order: Order, is_swapped: bool) -> Result<Vec<u8>, LayoutError> {
        let Self { object, bonus, tree, spill } = self;
        let mut core = core_of(&object);
        let size = core.size();
        let (room, spill_place) = (core.bonus_room(size), core.spill(size));
        if order == Order::Big {
            core.swap();
        }
        let mut bytes = vec![0; size];
        bytes[..CORE_SIZE].copy_from_slice(core.as_bytes());
        for (i, pointer) in tree.finish()?.iter().enumerate() {
            let start = CORE_SIZE + i * BLKPTR_SIZE;
            if let Some(place) = bytes.get_mut(start..start + BLKPTR_SIZE) {
                place.copy_from_slice(&pointer.to_bytes(order));
            }
        }
        if let Some(place) = room.and_then(|room| bytes.get_mut(room))
            && place.len() >= bonus.len()
        {
            let place = &mut place[..bonus.len()];
            place.copy_from_slice(&bonus);
            if is_swapped {
                // The sender has turned the bonus by its type, though it is encrypted.
                turn(bonus_type(&object), order, place);
            }
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
    dnodes: Vec<Dnode>,
    order: Order,
    is_swapped: bool,
) -> Result<Vec<u8>, MacFault> {
    let mut bytes = vec![0; DNODE_BLOCK_SIZE];
    for dnode in dnodes {
        let slot = dnode.object.object.get().saturating_sub(first);
        let start = usize::try_from(slot).unwrap_or(usize::MAX).saturating_mul(DNODE_SIZE);
        let made = dnode.bytes(order, is_swapped)?;
        let place = bytes.get_mut(start..start.saturating_add(made.len()));
        place.ok_or(MacFault::Slot(slot))?.copy_from_slice(&made);
    }
    Ok(bytes)
}

/// Block pointers that a dnode's bonus leaves room for in its slots. A receiver that looks at the record alone counts with one
/// slot: see [`crate::dnode::deduced_nblkptr`].
///
/// Source: OpenZFS `module/zfs/dnode.c`, `dnode_allocate()`, zfs-2.3.2.
pub(crate) fn nblkptr(object: &Object<LE>) -> u8 {
    if bonus_type(object) == DmuType::SA {
        return 1;
    }
    let room = bonus_room(object).saturating_sub(object.bonuslen.get().into());
    u8::try_from(1 + room / BLKPTR_SIZE as u64).map_or(MAX_BLKPTRS, |all| all.min(MAX_BLKPTRS))
}

/// The type of a dnode's bonus.
pub(crate) fn bonus_type(object: &Object<LE>) -> DmuType {
    DmuType(u8::try_from(object.bonustype.get()).unwrap_or(0))
}

/// The fixed part of a dnode of a raw stream, little-endian.
pub(crate) fn core_of(object: &Object<LE>) -> DnodePhys {
    let mut core = DnodePhys::new_zeroed();
    core.kind = u8::try_from(object.object_type.get()).unwrap_or(0);
    core.bonustype = bonus_type(object).0;
    (core.indblkshift, core.nlevels) = (object.indblkshift, object.nlevels);
    (core.nblkptr, core.checksum) = (object.nblkptr, object.checksumtype);
    core.compress = object.compress;
    core.extra_slots = object.dn_slots.saturating_sub(1);
    core.datablkszsec = u16::try_from(object.blksz.get() / 512).unwrap_or(0).into();
    core.bonuslen = u16::try_from(object.bonuslen.get()).unwrap_or(0).into();
    core.maxblkid = object.maxblkid.get().into();
    if object.flags().contains(RecordFlags::OBJECT_SPILL) {
        core.flags = FLAG_SPILL;
    }
    core
}

/// The object set with this meta-dnode, little-endian, without its MACs.
pub(crate) fn objset_of(
    core: &DnodePhys,
    meta: Tree,
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
