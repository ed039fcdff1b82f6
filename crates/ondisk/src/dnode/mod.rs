//! Dnodes: the fixed part, and where its block pointers, its bonus and its spill pointer lie.

mod build;
mod outline;
#[cfg(test)]
mod tests;

pub use build::DnodeBuilder;
pub use outline::DnodeRef;
pub use zsend_records::sizes::{DNODE_BLOCK_SIZE, DNODE_SIZE, DNODES_PER_BLOCK};

use crate::blkptr::BLKPTR_SIZE;
use crate::{LayoutError, Level};
use core::mem::offset_of;
use core::ops::Range;
use static_assertions::{assert_eq_size, const_assert_eq};
use zerocopy::byteorder::{LE, U16, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};
use zsend_records::types::DmuType;

/// Bytes before the block pointers: `DNODE_CORE_SIZE`.
pub const CORE_SIZE: usize = 64;
/// Most block pointers that a dnode has room for: `DN_MAX_NBLKPTR`.
pub const MAX_BLKPTRS: u8 = 3;
/// Sectors of the largest data block, of 16 MiB: `SPA_MAXBLOCKSIZE`.
pub const MAX_SECTORS: u16 = 1 << 15;
/// [`DnodePhys::used`] is in bytes: `DNODE_FLAG_USED_BYTES`.
pub const FLAG_USED_BYTES: u8 = 1;
/// The object counts in the space of its owners: `DNODE_FLAG_USERUSED_ACCOUNTED`.
pub const FLAG_USERUSED_ACCOUNTED: u8 = 1 << 1;
/// The object counts in the number of its owners' objects: `DNODE_FLAG_USEROBJUSED_ACCOUNTED`.
pub const FLAG_USEROBJUSED_ACCOUNTED: u8 = 1 << 3;
/// The dnode's last 128 bytes are a block pointer: `DNODE_FLAG_SPILL_BLKPTR`.
pub const FLAG_SPILL: u8 = 1 << 2;

/// The fixed part of `dnode_phys_t`, little-endian: [`Self::swap`] makes it so.
///
/// Source: OpenZFS `include/sys/dnode.h`, zfs-2.3.2.
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
pub struct DnodePhys {
    /// `dn_type`, a [`DmuType`].
    pub kind: u8,
    /// log2 of an indirect block's bytes.
    pub indblkshift: u8,
    /// Levels of the block tree; one means that the dnode points to data.
    pub nlevels: u8,
    /// Block pointers in the dnode.
    pub nblkptr: u8,
    /// `dn_bonustype`, a [`DmuType`].
    pub bonustype: u8,
    /// `dn_checksum`.
    pub checksum: u8,
    /// `dn_compress`.
    pub compress: u8,
    /// `dn_flags`: [`FLAG_USED_BYTES`], [`FLAG_USERUSED_ACCOUNTED`], [`FLAG_SPILL`],
    /// [`FLAG_USEROBJUSED_ACCOUNTED`].
    pub flags: u8,
    /// Data block size in sectors.
    pub datablkszsec: U16<LE>,
    /// Bytes of the bonus.
    pub bonuslen: U16<LE>,
    /// Slots beyond the first.
    pub extra_slots: u8,
    /// Not used.
    pub pad2: [u8; 3],
    /// The highest block number that may exist.
    pub maxblkid: U64<LE>,
    /// Bytes, or by older software sectors, that the object takes in the pool.
    pub used: U64<LE>,
    /// Not used.
    pub pad3: [u8; 32],
}
assert_eq_size!(DnodePhys, [u8; CORE_SIZE]);
const_assert_eq!(offset_of!(DnodePhys, datablkszsec), 8);
const_assert_eq!(offset_of!(DnodePhys, extra_slots), 12);
const_assert_eq!(offset_of!(DnodePhys, maxblkid), 16);
const_assert_eq!(offset_of!(DnodePhys, used), 24);

impl DnodePhys {
    /// `dn_type`; [`DmuType::NONE`] is a free slot.
    #[inline]
    pub const fn object_type(&self) -> DmuType {
        DmuType(self.kind)
    }

    /// Returns true if the slot has no dnode.
    #[inline]
    pub fn is_free(&self) -> bool {
        self.object_type() == DmuType::NONE
    }

    /// Slots that the dnode takes.
    #[inline]
    pub const fn slots(&self) -> usize {
        self.extra_slots as usize + 1
    }

    /// Bytes of all its slots.
    #[inline]
    pub const fn size(&self) -> usize {
        self.slots() * DNODE_SIZE
    }

    /// Returns true if the dnode's last 128 bytes are a block pointer.
    #[inline]
    pub const fn has_spill(&self) -> bool {
        self.flags & FLAG_SPILL != 0
    }

    /// Its part behind the fixed one.
    #[inline]
    pub const fn tail(&self) -> Tail {
        Tail { nblkptr: self.nblkptr, has_spill: self.has_spill() }
    }

    /// See [`Tail::bonus_start`].
    #[inline]
    pub const fn bonus_start(&self) -> usize {
        self.tail().bonus_start()
    }

    /// See [`Tail::bonus_end`].
    #[inline]
    pub const fn bonus_end(&self, size: usize) -> usize {
        self.tail().bonus_end(size)
    }

    /// See [`Tail::bonus_room`].
    #[inline]
    pub fn bonus_room(&self, size: usize) -> Option<Range<usize>> {
        self.tail().bonus_room(size)
    }

    /// See [`Tail::spill`].
    #[inline]
    pub fn spill(&self, size: usize) -> Option<Range<usize>> {
        self.tail().spill(size)
    }

    /// Turns its integers to the other byte order.
    pub fn swap(&mut self) {
        let Self { datablkszsec, bonuslen, maxblkid, used, .. } = self;
        for field in [datablkszsec, bonuslen] {
            field.set(field.get().swap_bytes());
        }
        for field in [maxblkid, used] {
            field.set(field.get().swap_bytes());
        }
    }

    /// Refuses a dnode with a field that no writer gives it. A free slot may hold anything behind its
    /// type. Returns the level that its block pointers point to, [`Level::DATA`] for a free slot.
    ///
    /// Source: what `dnode_allocate()` and `dnode_set_blksz()` assert, OpenZFS `module/zfs/dnode.c`, and what
    /// `receive_object()` refuses, `module/zfs/dmu_recv.c`, zfs-2.3.2. The sender of the reference does not
    /// look at the block size and the type of the bonus, and no receiver takes a stream with such an object.
    ///
    /// # Errors
    /// [`LayoutError::Field`] names the field.
    pub fn check(&self) -> Result<Level, LayoutError> {
        let bad =
            |what, found: u8, expected: &str| Err(LayoutError::field(what, found.into(), expected));
        if self.is_free() {
            return Ok(Level::DATA);
        }
        if !self.object_type().is_valid() {
            return bad("dn_type", self.kind, "a known object type");
        }
        if !DmuType(self.bonustype).is_valid() {
            return bad("dn_bonustype", self.bonustype, "a known object type, or 0");
        }
        let sectors = self.datablkszsec.get();
        if !(1..=MAX_SECTORS).contains(&sectors) {
            return Err(LayoutError::field(
                "dn_datablkszsec",
                sectors.into(),
                format_args!("1 to {MAX_SECTORS}"),
            ));
        }
        // Six levels of the smallest fan-out reach any object; the format's bound is eight.
        let Some(top) = self.nlevels.checked_sub(1).and_then(Level::new) else {
            return bad("dn_nlevels", self.nlevels, "1 to 8");
        };
        if !(1..=MAX_BLKPTRS).contains(&self.nblkptr) {
            return bad("dn_nblkptr", self.nblkptr, "1 to 3");
        }
        if self.nlevels > 1 && !(9..=17).contains(&self.indblkshift) {
            return bad("dn_indblkshift", self.indblkshift, "9 to 17");
        }
        // With three block pointers and a spill pointer in one slot there is no room for a bonus.
        // The list of a redaction bookmark of many snapshots is such an object.
        let room = self.bonus_room(self.size()).map_or(0, |room| room.len());
        let bonuslen = self.bonuslen.get();
        if usize::from(bonuslen) > room {
            return Err(LayoutError::field("dn_bonuslen", bonuslen.into(), "inside the dnode"));
        }
        Ok(top)
    }
}

/// The part of a dnode behind its fixed one: block pointers, bonus and spill pointer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tail {
    /// Block pointers in the dnode.
    pub nblkptr: u8,
    /// True if the dnode's last 128 bytes are a block pointer.
    pub has_spill: bool,
}

impl Tail {
    /// First byte of the bonus, which the dnode may have no room for.
    #[inline]
    pub const fn bonus_start(self) -> usize {
        CORE_SIZE + self.nblkptr as usize * BLKPTR_SIZE
    }

    /// End of the room for the bonus in a dnode of `size` bytes, and with it of that for the block
    /// pointers.
    #[inline]
    pub const fn bonus_end(self, size: usize) -> usize {
        if self.has_spill { size.saturating_sub(BLKPTR_SIZE) } else { size }
    }

    /// The whole room for the bonus in a dnode of `size` bytes, whatever `bonuslen` says of it:
    /// `DN_MAX_BONUS_LEN`. `None` if block pointers leave none, which a bonus of no bytes may have:
    /// three of them and a spill pointer overlap in a dnode of one slot.
    #[inline]
    pub fn bonus_room(self, size: usize) -> Option<Range<usize>> {
        let room = self.bonus_start()..self.bonus_end(size);
        (room.start <= room.end).then_some(room)
    }

    /// Bytes of the spill block pointer in a dnode of `size` bytes that has one.
    #[inline]
    pub fn spill(self, size: usize) -> Option<Range<usize>> {
        (self.has_spill && size >= BLKPTR_SIZE).then(|| size - BLKPTR_SIZE..size)
    }
}
