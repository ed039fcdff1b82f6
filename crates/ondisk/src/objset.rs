//! Object sets' own blocks: the meta-dnode, the intent log's header, two MACs, and the accounting
//! dnodes, of which older software wrote two or none.

use crate::dnode::{DNODE_BLOCK_SIZE, DNODE_SIZE, DnodeBuilder};
use crate::{LayoutError, Order, byteswap, zil};
use alloc::vec::Vec;
use core::mem::offset_of;
use core::ops::Range;
use static_assertions::{assert_eq_size, const_assert_eq};
use zerocopy::byteorder::{LE, U64};
use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout, Unaligned};
use zsend_records::types::ObjsetType;

/// Bytes of one without accounting: `OBJSET_PHYS_SIZE_V1`.
pub const SIZE_V1: usize = 1024;
/// Bytes of one with accounting by user and group: `OBJSET_PHYS_SIZE_V2`.
pub const SIZE_V2: usize = 2048;
/// Bytes of one with accounting by project too: `OBJSET_PHYS_SIZE_V3`.
pub const SIZE_V3: usize = 4096;
/// `OBJSET_FLAG_USERACCOUNTING_COMPLETE`.
pub const FLAG_USERACCOUNTING: u64 = 1;
/// `OBJSET_FLAG_USEROBJACCOUNTING_COMPLETE`.
pub const FLAG_USEROBJACCOUNTING: u64 = 1 << 1;
/// `OBJSET_FLAG_PROJECTQUOTA_COMPLETE`.
pub const FLAG_PROJECTQUOTA: u64 = 1 << 2;

/// The part of `objset_phys_t` that all three sizes have, little-endian.
///
/// Source: OpenZFS `include/sys/dmu_objset.h`, zfs-2.3.2.
#[derive(Clone, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct ObjsetPhys {
    /// The object whose data are all other dnodes.
    pub meta_dnode: [u8; DNODE_SIZE],
    /// `os_zil_header`.
    pub zil_header: zil::ZilHeaderPhys,
    /// `os_type`.
    pub kind: U64<LE>,
    /// `os_flags`: [`FLAG_USERACCOUNTING`], [`FLAG_USEROBJACCOUNTING`], [`FLAG_PROJECTQUOTA`].
    pub flags: U64<LE>,
    /// The MAC that raw receivers check the object set by.
    pub portable_mac: [u8; 32],
    /// The MAC of the flags and of accounting.
    pub local_mac: [u8; 32],
    /// Not used.
    pub pad0: [u8; 240],
}
assert_eq_size!(ObjsetPhys, [u8; SIZE_V1]);
const_assert_eq!(offset_of!(ObjsetPhys, kind), 704);
const_assert_eq!(offset_of!(ObjsetPhys, local_mac), 752);

impl ObjsetPhys {
    /// The bytes that are words of 64 bits: the intent log's header, the type, the flags. The MACs
    /// after them are strings.
    pub const WORDS: Range<usize> = offset_of!(Self, zil_header)..offset_of!(Self, portable_mac);
}

/// Bytes of the accounting dnodes, each of one slot: by user, by group, by project.
pub const ACCOUNTING: [Range<usize>; 3] = {
    const fn slot(i: usize) -> Range<usize> {
        SIZE_V1 + i * DNODE_SIZE..SIZE_V1 + (i + 1) * DNODE_SIZE
    }
    [slot(0), slot(1), slot(2)]
};

/// Form of an object set's block: the dnodes of accounting that it has room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjsetForm {
    /// None.
    Plain,
    /// Those by user and group: pools of version 15 and later.
    Accounted,
    /// That by project too: with the feature `project_quota`.
    ByProject,
}

impl ObjsetForm {
    /// Bytes of the block.
    pub const fn size(self) -> usize {
        match self {
            Self::Plain => SIZE_V1,
            Self::Accounted => SIZE_V2,
            Self::ByProject => SIZE_V3,
        }
    }

    /// Dnodes of accounting.
    const fn room(self) -> usize {
        match self {
            Self::Plain => 0,
            Self::Accounted => 2,
            Self::ByProject => 3,
        }
    }
}

/// Fields of an object set's block, and the dnodes in it.
#[derive(Clone, Debug)]
pub struct ObjsetBuilder {
    /// The meta-dnode, of one slot.
    pub meta: DnodeBuilder,
    /// Header of the intent log.
    pub zil_header: zil::ZilHeaderPhys,
    /// `os_type`.
    pub kind: ObjsetType,
    /// `os_flags`.
    pub flags: u64,
    /// The MAC that raw receivers check the object set by.
    pub portable_mac: [u8; 32],
    /// The MAC of the flags and of accounting.
    pub local_mac: [u8; 32],
    /// Form of the block.
    pub form: ObjsetForm,
    /// Dnodes of accounting, in the order of [`ACCOUNTING`]. Those that are not given are free slots.
    pub accounting: Vec<DnodeBuilder>,
}

impl ObjsetBuilder {
    /// One without log, flags, MACs and accounting.
    pub fn new(kind: ObjsetType, meta: DnodeBuilder) -> Self {
        Self {
            meta,
            zil_header: zil::ZilHeaderPhys::new_zeroed(),
            kind,
            flags: 0,
            portable_mac: [0; 32],
            local_mac: [0; 32],
            form: ObjsetForm::Plain,
            accounting: Vec::new(),
        }
    }

    /// The block's bytes, as a writer of that order has them.
    ///
    /// # Errors
    /// Those of [`DnodeBuilder::build`], and [`LayoutError::Field`] for a dnode of more than one slot, and for more
    /// dnodes of accounting than the form has.
    pub fn build(&self, order: Order) -> Result<Vec<u8>, LayoutError> {
        let mut phys = ObjsetPhys::new_zeroed();
        phys.meta_dnode.copy_from_slice(&one_slot(&self.meta, order)?);
        (phys.zil_header, phys.kind) = (self.zil_header, u64::from(self.kind.0).into());
        (phys.flags, phys.portable_mac) = (self.flags.into(), self.portable_mac);
        phys.local_mac = self.local_mac;
        let (count, most) = (self.accounting.len(), self.form.room());
        if count > most {
            let (found, expected) = (count as u64, alloc::format!("at most {most}"));
            return Err(LayoutError::field("dnodes of accounting", found, expected));
        }
        let mut bytes = phys.as_bytes().to_vec();
        if order == Order::Big {
            byteswap::u64s(&mut bytes[ObjsetPhys::WORDS]);
        }
        bytes.resize(self.form.size(), 0);
        for (place, dnode) in ACCOUNTING.into_iter().zip(&self.accounting) {
            bytes[place].copy_from_slice(&one_slot(dnode, order)?);
        }
        Ok(bytes)
    }
}

fn one_slot(dnode: &DnodeBuilder, order: Order) -> Result<Vec<u8>, LayoutError> {
    match dnode.core.extra_slots {
        0 => dnode.build(order),
        extra => Err(LayoutError::field("dn_extra_slots", extra.into(), "0 in an object set")),
    }
}

/// Data of a meta-dnode: the dnodes of objects from number 1 on, in blocks of
/// [`DNODE_BLOCK_SIZE`] bytes, whose last is filled up with free slots. `None` is a free slot.
///
/// # Errors
/// Those of [`DnodeBuilder::build`], and [`LayoutError::Field`] for a dnode that begins in one block and
/// would end in another.
pub fn dnodes<'a>(
    objects: impl IntoIterator<Item = Option<&'a DnodeBuilder>>,
    order: Order,
) -> Result<Vec<u8>, LayoutError> {
    let mut bytes = alloc::vec![0; DNODE_SIZE];
    for object in objects {
        let Some(dnode) = object else {
            bytes.resize(bytes.len() + DNODE_SIZE, 0);
            continue;
        };
        let room = DNODE_BLOCK_SIZE - bytes.len() % DNODE_BLOCK_SIZE;
        if dnode.core.size() > room {
            let (found, most) = (dnode.core.slots() as u64, room / DNODE_SIZE);
            let expected = alloc::format!("at most {most}, to the end of the block");
            return Err(LayoutError::field("slots of a dnode", found, expected));
        }
        bytes.extend(dnode.build(order)?);
    }
    bytes.resize(bytes.len().next_multiple_of(DNODE_BLOCK_SIZE), 0);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dnode::{DnodePhys, DnodeRef};
    use zsend_records::types::{ByteswapKind, DmuType};

    fn dnode(kind: u8, extra_slots: u8) -> DnodeBuilder {
        let core = DnodePhys {
            kind,
            nlevels: 1,
            datablkszsec: 1.into(),
            extra_slots,
            ..DnodePhys::default()
        };
        DnodeBuilder {
            core,
            pointers: alloc::vec![crate::blkptr::BlkPtr::default()],
            ..DnodeBuilder::default()
        }
    }

    #[test]
    fn either_order_is_the_other_turned() {
        for (size, form, count) in [
            (SIZE_V1, ObjsetForm::Plain, 0),
            (SIZE_V2, ObjsetForm::Accounted, 2),
            (SIZE_V3, ObjsetForm::ByProject, 3),
        ] {
            let mut builder = ObjsetBuilder::new(ObjsetType::ZFS, dnode(10, 0));
            (builder.form, builder.flags) = (form, 5);
            builder.accounting = [39, 40, 41].map(|kind| dnode(kind, 0))[..count].to_vec();
            (builder.portable_mac, builder.local_mac) = ([1; 32], [2; 32]);
            builder.zil_header.claim_txg = 0x1234.into();
            let mut bytes = builder.build(Order::Big).unwrap();
            byteswap::swap(ByteswapKind::Objset, &mut bytes);
            assert_eq!((bytes.len(), &bytes), (size, &builder.build(Order::Little).unwrap()));
            let (phys, _) = ObjsetPhys::read_from_prefix(&bytes).unwrap();
            assert_eq!((phys.kind.get(), phys.flags.get()), (2, 5));
            assert_eq!((phys.portable_mac, phys.local_mac), ([1; 32], [2; 32]));
            assert_eq!((phys.meta_dnode[0], phys.zil_header.claim_txg.get()), (10, 0x1234));
            let kinds = ACCOUNTING.map(|at| bytes.get(at).map_or(0, |dnode| dnode[0]));
            let want: Vec<u8> =
                [39, 40, 41].into_iter().take(count).chain([0; 3]).take(3).collect();
            assert_eq!(kinds[..], want);
            builder.accounting.push(dnode(39, 0));
            assert!(builder.build(Order::Little).is_err());
        }
        let wide = ObjsetBuilder::new(ObjsetType::ZFS, dnode(10, 1));
        assert!(wide.build(Order::Little).is_err());
    }

    #[test]
    fn dnodes_have_their_numbers() {
        let (small, large) = (dnode(19, 0), dnode(20, 3));
        let bytes = dnodes([Some(&small), None, Some(&large)], Order::Little).unwrap();
        assert_eq!(bytes.len(), DNODE_BLOCK_SIZE);
        let kinds =
            [0, 1, 2, 3, 4, 7].map(|slot| DnodeRef::at(&bytes, slot).map(|o| o.object_type()));
        let free = Some(DmuType::NONE);
        assert_eq!(kinds, [free, Some(DmuType(19)), free, Some(DmuType(20)), None, free]);
        let full = core::iter::repeat_n(Some(&small), 27);
        let last = dnodes(full.clone().chain([Some(&large)]), Order::Little);
        assert_eq!(last.map(|bytes| bytes.len()), Ok(DNODE_BLOCK_SIZE));
        assert!(dnodes(full.clone().chain([Some(&small), Some(&large)]), Order::Little).is_err());
        assert_eq!(dnodes(full.chain([None; 5]), Order::Big).unwrap().len(), 2 * DNODE_BLOCK_SIZE);
    }

    #[test]
    fn fields_lie_where_the_format_says() {
        let mut phys = ObjsetPhys::new_zeroed();
        phys.zil_header.claim_txg = 3.into();
        phys.kind = 2.into();
        phys.flags = 1.into();
        phys.portable_mac = [5; 32];
        let bytes = phys.as_bytes();
        assert_eq!((bytes[512], bytes[704], bytes[712]), (3, 2, 1));
        assert_eq!((bytes[719], bytes[720], bytes[751], bytes[752]), (0, 5, 5, 0));
        assert_eq!(ObjsetPhys::WORDS, 512..720);
        assert_eq!(ACCOUNTING, [1024..1536, 1536..2048, 2048..2560]);
    }
}
