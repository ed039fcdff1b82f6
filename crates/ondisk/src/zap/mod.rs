//! ZAP blocks: micro ZAPs, the headers of fat ones, and their leaves.

mod build;
mod fat;
mod hash;
#[cfg(test)]
mod tests;

pub use build::{
    MAX_LARGE_MICRO_SIZE, MAX_MICRO_SIZE, MAX_NAME_LEN, MAX_VALUE_LEN, NewEntry, ZapBuilder,
};
pub use fat::BLOCK_SHIFTS;
pub use hash::{NORM_TOUPPER, ZapHash, normalized};

use core::mem::offset_of;
use static_assertions::{assert_eq_size, const_assert_eq};
use zerocopy::byteorder::{LE, U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// `ZBT_MICRO`: the first word of a micro ZAP.
pub const BLOCK_MICRO: u64 = (1 << 63) + 3;
/// `ZBT_HEADER`: the first word of a fat ZAP's header block.
pub const BLOCK_HEADER: u64 = (1 << 63) + 1;
/// `ZBT_LEAF`: the first word of a leaf block.
pub const BLOCK_LEAF: u64 = 1 << 63;
/// `ZAP_MAGIC`.
pub const HEADER_MAGIC: u64 = 0x2_F52A_B2AB;
/// `ZAP_LEAF_MAGIC`.
pub const LEAF_MAGIC: u32 = 0x2AB_1EAF;
/// Hashes have 48 bits instead of 28: `ZAP_FLAG_HASH64`.
pub const FLAG_HASH64: u64 = 1;
/// Keys are 64-bit integers instead of names: `ZAP_FLAG_UINT64_KEY`.
pub const FLAG_UINT64_KEY: u64 = 2;
/// The first integer of a key is its hash: `ZAP_FLAG_PRE_HASHED_KEY`.
pub const FLAG_PRE_HASHED: u64 = 4;
/// Chains of a leaf are in the order of differentiators: `ZLF_ENTRIES_CDSORTED`.
pub const LEAF_SORTED: u8 = 1;

/// Bytes of a chunk of a leaf: `ZAP_LEAF_CHUNKSIZE`.
pub const CHUNK_SIZE: usize = 24;
/// Data bytes of an array chunk: `ZAP_LEAF_ARRAY_BYTES`.
pub const ARRAY_BYTES: usize = 21;
/// `ZAP_CHUNK_ENTRY`.
pub const CHUNK_ENTRY: u8 = 252;
/// `ZAP_CHUNK_ARRAY`.
pub const CHUNK_ARRAY: u8 = 251;
/// `ZAP_CHUNK_FREE`.
pub const CHUNK_FREE: u8 = 253;
/// End of a chain of chunks: `CHAIN_END`.
pub const CHAIN_END: u16 = 0xffff;

/// `mzap_phys_t` without its entries. Source: OpenZFS `include/sys/zap_impl.h`, zfs-2.3.2.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct MicroPhys {
    /// [`BLOCK_MICRO`].
    pub block_type: U64<LE>,
    /// Value that hashes start from.
    pub salt: U64<LE>,
    /// Flags by which names are normalised.
    pub normflags: U64<LE>,
    /// Not used.
    pub pad: [U64<LE>; 5],
}
assert_eq_size!(MicroPhys, [u8; 64]);

/// Bytes of a name in a micro ZAP, its NUL included: `MZAP_NAME_LEN`.
pub const MICRO_NAME_SIZE: usize = 50;

/// `mzap_ent_phys_t`. Source: the same.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct MicroEntryPhys {
    /// The value.
    pub value: U64<LE>,
    /// Collision differentiator.
    pub cd: U32<LE>,
    /// Not used.
    pub pad: U16<LE>,
    /// The name and a NUL; a free entry has none.
    pub name: [u8; MICRO_NAME_SIZE],
}
assert_eq_size!(MicroEntryPhys, [u8; 64]);
const_assert_eq!(offset_of!(MicroEntryPhys, name), 14);

/// `zap_phys_t` up to the flags. Source: the same.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct ZapHeaderPhys {
    /// [`BLOCK_HEADER`].
    pub block_type: U64<LE>,
    /// [`HEADER_MAGIC`].
    pub magic: U64<LE>,
    /// The first block of the pointer table, if it is not in the header.
    pub ptrtbl_blk: U64<LE>,
    /// Blocks of the pointer table; none if it is in the header.
    pub ptrtbl_numblks: U64<LE>,
    /// log2 of the pointers in the table.
    pub ptrtbl_shift: U64<LE>,
    /// The first block of the table that this one is copied to.
    pub ptrtbl_nextblk: U64<LE>,
    /// Blocks that were copied there.
    pub ptrtbl_blks_copied: U64<LE>,
    /// The next block that nothing lies in.
    pub freeblk: U64<LE>,
    /// Leaves.
    pub num_leafs: U64<LE>,
    /// Entries.
    pub num_entries: U64<LE>,
    /// Value that hashes start from.
    pub salt: U64<LE>,
    /// Flags by which names are normalised.
    pub normflags: U64<LE>,
    /// [`FLAG_HASH64`], [`FLAG_UINT64_KEY`], [`FLAG_PRE_HASHED`].
    pub flags: U64<LE>,
}
assert_eq_size!(ZapHeaderPhys, [u8; 104]);

/// `zap_leaf_header`. Source: OpenZFS `include/sys/zap_leaf.h`, zfs-2.3.2.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct LeafPhys {
    /// [`BLOCK_LEAF`].
    pub block_type: U64<LE>,
    /// Not used; the next leaf, in pools of the first versions.
    pub pad1: U64<LE>,
    /// First bits of the hashes of its names.
    pub prefix: U64<LE>,
    /// [`LEAF_MAGIC`].
    pub magic: U32<LE>,
    /// Free chunks.
    pub nfree: U16<LE>,
    /// Entries.
    pub nentries: U16<LE>,
    /// Bits of `prefix`.
    pub prefix_len: U16<LE>,
    /// The first free chunk.
    pub freelist: U16<LE>,
    /// [`LEAF_SORTED`].
    pub flags: u8,
    /// Not used.
    pub pad2: [u8; 11],
}
assert_eq_size!(LeafPhys, [u8; 48]);
const_assert_eq!(offset_of!(LeafPhys, magic), 24);

impl LeafPhys {
    /// Bytes of the hash table behind the header in a leaf of `size` bytes: a slot of 16 bits for each
    /// 32 bytes.
    pub const fn hash_size(size: usize) -> usize {
        size / 32 * 2
    }

    /// Chunks behind the hash table in a leaf of `size` bytes: `ZAP_LEAF_NUMCHUNKS`.
    pub const fn chunks(size: usize) -> usize {
        size.saturating_sub(size_of::<Self>() + Self::hash_size(size)) / CHUNK_SIZE
    }

    /// The slot of the hash table for a hash, in a leaf of `size` bytes whose entries have `prefix_len` bits
    /// of their hashes in common: `LEAF_HASH`.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "no more bits are kept than a table has slots"
    )]
    pub const fn slot(hash: u64, prefix_len: u16, size: usize) -> usize {
        let bits = match (size / 32).checked_ilog2() {
            Some(bits) => bits,
            // A block that has no table.
            None => return 0,
        };
        let rest = match hash.checked_shl(prefix_len as u32) {
            Some(rest) => rest,
            // A prefix of the whole hash leaves nothing of it.
            None => 0,
        };
        match rest.checked_shr(64 - bits) {
            Some(slot) => slot as usize,
            // A table of one slot.
            None => 0,
        }
    }
}

/// A chunk that is an entry: `zap_leaf_entry`. Source: the same.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct EntryPhys {
    /// [`CHUNK_ENTRY`].
    pub kind: u8,
    /// Bytes of each integer of the value.
    pub value_intlen: u8,
    /// The next entry of the same hash slot.
    pub next: U16<LE>,
    /// The first chunk of the name.
    pub name_chunk: U16<LE>,
    /// Integers of the name, its NUL included.
    pub name_numints: U16<LE>,
    /// The first chunk of the value.
    pub value_chunk: U16<LE>,
    /// Integers of the value.
    pub value_numints: U16<LE>,
    /// Collision differentiator.
    pub cd: U32<LE>,
    /// Hash of the name.
    pub hash: U64<LE>,
}
assert_eq_size!(EntryPhys, [u8; CHUNK_SIZE]);

/// A chunk that is a piece of a name or of a value: `zap_leaf_array`. Source: the same.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct ArrayPhys {
    /// [`CHUNK_ARRAY`].
    pub kind: u8,
    /// Big-endian integers, on every machine.
    pub bytes: [u8; ARRAY_BYTES],
    /// The next piece, or [`CHAIN_END`].
    pub next: U16<LE>,
}
assert_eq_size!(ArrayPhys, [u8; CHUNK_SIZE]);
