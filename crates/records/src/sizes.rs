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

/// A length as memory counts it; one that it cannot count becomes the longest that it can. No slice is as long, so a bound
/// that is checked by it fails, and one that is the lesser of two is the other.
#[inline]
pub fn in_memory(length: u64) -> usize {
    usize::try_from(length).unwrap_or(usize::MAX)
}

/// Bytes of the next piece, of `left` bytes that go through a buffer of `room` bytes.
#[inline]
pub fn piece(left: u64, room: usize) -> usize {
    in_memory(left).min(room)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_length_is_shorter_in_memory_than_it_is() {
        assert_eq!(in_memory(0), 0);
        assert_eq!(in_memory(MAX_BLOCK_SIZE), 16 << 20);
        assert_eq!(in_memory(u64::MAX), usize::MAX);
        assert_eq!([1 << 10].get(..in_memory(u64::MAX)), None);
    }

    #[test]
    fn a_piece_is_no_longer_than_what_is_left_or_its_room() {
        assert_eq!(piece(5, 8), 5);
        assert_eq!(piece(8, 5), 5);
        assert_eq!(piece(u64::MAX, 5), 5);
        assert_eq!(piece(0, 5), 0);
    }
}
