//! Attributes of files: the header of system attributes, and the znodes of older file systems.
//!
//! Source: OpenZFS `include/sys/sa_impl.h`, `include/sys/zfs_znode.h` and `include/sys/zfs_acl.h`, zfs-2.3.2.

use crate::{Bits, LayoutError};
use alloc::vec;
use alloc::vec::Vec;
use core::mem::offset_of;
use static_assertions::{assert_eq_size, const_assert_eq};
use zerocopy::byteorder::{LE, U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// `SA_MAGIC`.
pub const MAGIC: u32 = 0x002F_505A;

/// Number of the attributes' layout: of [`SaHeaderPhys::info`].
const LAYOUT: Bits = Bits::new(0, 10);
/// Bytes of the header, in units of eight: of [`SaHeaderPhys::info`].
const UNITS: Bits = Bits::new(10, 6);

/// `sa_hdr_phys_t` without the lengths: what a bonus of attributes, or a spill block, begins with.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct SaHeaderPhys {
    /// [`MAGIC`].
    pub magic: U32<LE>,
    /// The layout's number, and the bytes of the header.
    pub info: U16<LE>,
}
assert_eq_size!(SaHeaderPhys, [u8; 6]);

impl SaHeaderPhys {
    /// Number of the attributes' layout, which the ZAP of layouts has.
    pub fn layout(&self) -> u64 {
        LAYOUT.get(self.info.get().into())
    }

    /// Bytes of the header with its lengths: the attributes begin there.
    pub fn size(&self) -> u64 {
        UNITS.get(self.info.get().into()) * 8
    }

    /// The bytes of a header, with the lengths of the attributes that have no fixed one.
    ///
    /// # Errors
    /// [`LayoutError::Field`] for a layout's number, or more lengths, than the header has room for.
    pub fn build(layout: u64, lengths: &[u16]) -> Result<Vec<u8>, LayoutError> {
        let size = (size_of::<Self>() + 2 * lengths.len()).next_multiple_of(8);
        let info = LAYOUT.place("layout of attributes", layout)?
            | UNITS.place("bytes of a header of attributes, by eight", size as u64 / 8)?;
        // Both fields lie in the lower two bytes.
        let [low, high, ..] = info.to_le_bytes();
        let header = Self { magic: MAGIC.into(), info: U16::from_bytes([low, high]) };
        let mut bytes = vec![0; size];
        let (to, rest) = bytes.split_at_mut(size_of::<Self>());
        to.copy_from_slice(header.as_bytes());
        for (to, length) in rest.as_chunks_mut::<2>().0.iter_mut().zip(lengths) {
            *to = length.to_le_bytes();
        }
        Ok(bytes)
    }
}

/// `znode_phys_t`, the bonus of an object in a file system of a version before 5.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct ZnodePhys {
    /// Times, of seconds since 1970 and nanoseconds: of access, of change, of change of attributes, and of
    /// creation.
    pub times: [[U64<LE>; 2]; 4],
    /// Txg that the object was made in.
    pub generation: U64<LE>,
    /// Type and permissions.
    pub mode: U64<LE>,
    /// Bytes.
    pub size: U64<LE>,
    /// Object of the directory.
    pub parent: U64<LE>,
    /// Names that lead to it.
    pub links: U64<LE>,
    /// Directory of extended attributes, or zero.
    pub xattr: U64<LE>,
    /// Number of a device.
    pub rdev: U64<LE>,
    /// Flags, such as that it cannot be changed.
    pub flags: U64<LE>,
    /// Owner.
    pub uid: U64<LE>,
    /// Owning group.
    pub gid: U64<LE>,
    /// Not used.
    pub zap: U64<LE>,
    /// Not used.
    pub pad: [U64<LE>; 3],
    /// Object of an ACL that has no room here, or zero.
    pub acl_object: U64<LE>,
    /// Bytes of the ACL; of one of version 0, its entries.
    pub acl_size: U32<LE>,
    /// Version of the ACL.
    pub acl_version: U16<LE>,
    /// Entries of the ACL.
    pub acl_count: U16<LE>,
    /// The entries.
    pub acl_data: [u8; 72],
}
assert_eq_size!(ZnodePhys, [u8; 264]);
const_assert_eq!(offset_of!(ZnodePhys, mode), 72);
const_assert_eq!(offset_of!(ZnodePhys, uid), 128);
const_assert_eq!(offset_of!(ZnodePhys, acl_object), 176);
const_assert_eq!(offset_of!(ZnodePhys, acl_data), 192);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_has_room_for_its_lengths() {
        for (lengths, size) in [(&[][..], 8), (&[7], 8), (&[7, 8], 16), (&[7, 8, 9, 10, 11], 16)] {
            let bytes = SaHeaderPhys::build(5, lengths).unwrap();
            let (header, rest) = SaHeaderPhys::read_from_prefix(&bytes).unwrap();
            assert_eq!((header.layout(), header.size(), bytes.len()), (5, size as u64, size));
            assert_eq!(bytes[..4], [0x5a, 0x50, 0x2f, 0]);
            let found = rest.as_chunks::<2>().0.iter().map(|b| u16::from_le_bytes(*b));
            assert!(found.take(lengths.len()).eq(lengths.iter().copied()));
        }
        assert!(SaHeaderPhys::build(1 << 10, &[]).is_err());
        assert!(SaHeaderPhys::build(1, &[0; 249]).is_ok());
        assert!(SaHeaderPhys::build(1, &[0; 250]).is_err());
    }
}
