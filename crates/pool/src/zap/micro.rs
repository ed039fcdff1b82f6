//! Micro ZAPs: one block of short names, each with one 64-bit value.

use super::{Entry, Readable, hash, normalized};
use core::mem::offset_of;
use static_assertions::{assert_eq_size, const_assert_eq};
use zerocopy::byteorder::{LE, U16, U32, U64};
use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

/// `mzap_phys_t` without its entries. Source: OpenZFS `include/sys/zap_impl.h`, zfs-2.3.2.
#[derive(FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct Header {
    block_type: U64<LE>,
    salt: U64<LE>,
    normflags: U64<LE>,
    pad: [U64<LE>; 5],
}
assert_eq_size!(Header, [u8; 64]);

/// `mzap_ent_phys_t`.
#[derive(FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct Slot {
    value: U64<LE>,
    cd: U32<LE>,
    pad: U16<LE>,
    name: [u8; 50],
}
assert_eq_size!(Slot, [u8; 64]);
const_assert_eq!(offset_of!(Slot, name), 14);

/// All entries; a slot whose name is empty is free.
pub(super) fn entries(block: &[u8]) -> Readable {
    let Ok((header, rest)) = Header::ref_from_prefix(block) else { return Readable::default() };
    let (salt, normflags) = (header.salt.get(), header.normflags.get());
    let entries = rest
        .chunks_exact(size_of::<Slot>())
        .filter_map(|bytes| Slot::ref_from_bytes(bytes).ok())
        .filter(|slot| slot.name[0] != 0)
        .map(|slot| {
            let end = slot.name.iter().position(|&b| b == 0).unwrap_or(slot.name.len());
            let name = slot.name[..end].to_vec();
            Entry {
                hash: hash(salt, &normalized(&name, normflags), 28),
                name,
                int_size: 8,
                value: slot.value.get().to_be_bytes().to_vec(),
                cd: slot.cd.get(),
            }
        })
        .collect();
    Readable { entries, normflags, lost: Vec::new() }
}
