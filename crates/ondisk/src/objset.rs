//! Object sets' own blocks: the meta-dnode, the intent log's header, two MACs, and the accounting
//! dnodes, of which older software wrote two or none.

use crate::dnode::DNODE_SIZE;
use crate::zil;
use core::mem::offset_of;
use core::ops::Range;
use static_assertions::{assert_eq_size, const_assert_eq};
use zerocopy::byteorder::{LE, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// Bytes of one without accounting: `OBJSET_PHYS_SIZE_V1`.
pub const SIZE_V1: usize = 1024;
/// Bytes of one with accounting by user and group: `OBJSET_PHYS_SIZE_V2`.
pub const SIZE_V2: usize = 2048;
/// Bytes of one with accounting by project too: `OBJSET_PHYS_SIZE_V3`.
pub const SIZE_V3: usize = 4096;
/// `OBJSET_FLAG_USERACCOUNTING_COMPLETE`.
pub const FLAG_USERACCOUNTING: u64 = 1;

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
    /// `os_flags`, of which [`FLAG_USERACCOUNTING`] is one.
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

#[cfg(test)]
mod tests {
    use super::*;
    use zerocopy::FromZeros;

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
