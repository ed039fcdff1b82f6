//! Sizes of the format, which streams and pools share.
//!
//! Source: OpenZFS `include/sys/dnode.h` and `include/sys/spa.h`, zfs-2.3.2.

/// Bytes of a dnode slot; a large dnode takes several: `DNODE_MIN_SIZE`.
pub const DNODE_SIZE: usize = 512;
/// Bytes of a block of dnodes: `DNODE_BLOCK_SIZE`.
pub const DNODE_BLOCK_SIZE: usize = 16 << 10;
/// Dnode slots in a block of dnodes. OBJECT records run ahead of their data by no more.
pub const DNODES_PER_BLOCK: u64 = (DNODE_BLOCK_SIZE / DNODE_SIZE) as u64;
/// Object numbers are below this one: `DN_MAX_OBJECT`.
pub const MAX_OBJECT: u64 = 1 << 48;
/// The largest block without the feature for larger ones, in bytes: `SPA_OLD_MAXBLOCKSIZE`.
pub const OLD_MAX_BLOCK_SIZE: u64 = 128 << 10;
/// The largest block, in bytes, and so the bound of every allocation for one: `SPA_MAXBLOCKSIZE`.
pub const MAX_BLOCK_SIZE: u64 = 16 << 20;
/// log2 of the unit of sizes and offsets on disk: `SPA_MINBLOCKSHIFT`.
pub const MINBLOCK_SHIFT: u32 = 9;
