//! The byte order of access control lists, and of the znodes that hold one.

use super::{Way, fields, u64s};
use crate::sa::ZnodePhys;
use core::mem::offset_of;
use core::ops::Range;

/// Bytes of an old entry, `zfs_oldace_t`: who, mask, flags, type.
const OLD_ENTRY: usize = 12;
/// Bytes of an entry that names nobody (`zfs_ace_hdr_t`: type, flags, mask), of one with an id
/// after that (`zfs_ace_t`), and of one with two GUIDs after the id (`zfs_object_ace_t`).
const HEADER: usize = 8;
const WITH_ID: usize = 16;
const WITH_OBJECTS: usize = 48;

/// Flags that say whom an entry is for: `ACE_TYPE_FLAGS`.
const WHO_FLAGS: u16 = OWNER | GROUP | EVERYONE | IDENTIFIER_GROUP;
const OWNER: u16 = 0x1000;
const GROUP: u16 = 0x2000;
const EVERYONE: u16 = 0x4000;
const IDENTIFIER_GROUP: u16 = 0x0040;
const OWNING_GROUP: u16 = GROUP | IDENTIFIER_GROUP;
/// The types of entries that carry GUIDs: `ACE_ACCESS_ALLOWED_OBJECT_ACE_TYPE` and the three that
/// follow.
const OBJECT_TYPES: core::ops::RangeInclusive<u16> = 5..=8;

/// Bytes of a znode's 64-bit fields, to the object number of an external ACL.
const ZNODE_WORDS: usize = offset_of!(ZnodePhys, acl_size);
/// First byte of the ACL's version, and the entries that fill the znode up.
const ACL_VERSION: usize = offset_of!(ZnodePhys, acl_version);
const ACL_DATA: Range<usize> = offset_of!(ZnodePhys, acl_data)..size_of::<ZnodePhys>();
/// Version of an ACL whose entries have `zfs_ace_hdr_t`: `ZFS_ACL_VERSION`.
const ACL_VERSION_FUID: u16 = 1;

fn u16_at(data: &[u8], at: usize) -> u16 {
    data.get(at..at + 2).map_or(0, |b| u16::from_le_bytes([b[0], b[1]]))
}

/// Turns an ACL of entries of twelve bytes. Those behind the last one are zero.
pub(super) fn old_entries(data: &mut [u8]) {
    for entry in data.chunks_exact_mut(OLD_ENTRY) {
        fields(entry, &[4, 4, 2, 2]);
    }
}

/// Turns an ACL of entries whose size follows from their flags and type. How many there are is not
/// known here; those behind the last one are zero and count as entries with an id.
///
/// Follows `zfs_ace_byteswap()`, OpenZFS `module/zfs/zfs_byteswap.c`, zfs-2.3.2.
pub(super) fn entries(data: &mut [u8], way: Way) {
    let mut rest = data;
    while rest.len() >= HEADER {
        if way == Way::In {
            fields(rest, &[2, 2, 4]);
        }
        let (kind, flags) = (u16_at(rest, 0), u16_at(rest, 2));
        if way == Way::Out {
            fields(rest, &[2, 2, 4]);
        }
        let size = match flags & WHO_FLAGS {
            OWNER | EVERYONE | OWNING_GROUP => HEADER,
            _ => {
                if let Some(id) = rest.get_mut(HEADER..WITH_ID) {
                    id.reverse();
                }
                if OBJECT_TYPES.contains(&kind) { WITH_OBJECTS } else { WITH_ID }
            }
        };
        let size = size.min(rest.len());
        rest = &mut rest[size..];
    }
}

/// Turns a `znode_phys_t`: 64-bit fields, then the ACL. What follows it, the target of a symbolic
/// link, is bytes.
///
/// Source: OpenZFS `include/sys/zfs_znode.h`, zfs-2.3.2.
pub(super) fn znode(data: &mut [u8], way: Way) {
    let words = data.len().min(ZNODE_WORDS);
    u64s(&mut data[..words]);
    let Some(acl) = data.get_mut(ZNODE_WORDS..ACL_DATA.end) else { return };
    let version = u16_at(acl, ACL_VERSION - ZNODE_WORDS);
    // Size, version, count.
    fields(acl, &[4, 2, 2]);
    let version = if way == Way::In { version.swap_bytes() } else { version };
    let data = &mut acl[ACL_DATA.start - ZNODE_WORDS..];
    if version == ACL_VERSION_FUID {
        entries(data, way);
    } else {
        old_entries(data);
    }
}
