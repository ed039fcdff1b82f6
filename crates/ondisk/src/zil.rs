//! The intent log: its header in an object set, the chain in each of its blocks, and what each of its
//! records begins with.
//!
//! Source: OpenZFS `include/sys/zil.h`, zfs-2.3.2.

use crate::blkptr::BLKPTR_SIZE;
use core::mem::offset_of;
use static_assertions::{assert_eq_size, const_assert_eq};
use zerocopy::byteorder::{LE, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// Bytes of a `zil_header_t`.
pub const HEADER_SIZE: usize = 192;
/// Bytes of a `zil_chain_t`.
pub const CHAIN_SIZE: usize = 184;
/// `ZIL_REPLAY_NEEDED`: the pool claimed records that nobody replayed since.
pub const REPLAY_NEEDED: u64 = 1;
/// `ZIL_CLAIM_LR_SEQ_VALID`: `zh_claim_lr_seq` counts.
pub const CLAIM_LR_SEQ_VALID: u64 = 2;

/// `zil_header_t`.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct ZilHeaderPhys {
    /// The txg that the pool claimed the log in when it was imported, or zero.
    pub claim_txg: U64<LE>,
    /// The last record that was replayed.
    pub replay_seq: U64<LE>,
    /// The first block.
    pub log: [u8; BLKPTR_SIZE],
    /// The last block that was claimed.
    pub claim_blk_seq: U64<LE>,
    /// [`REPLAY_NEEDED`], [`CLAIM_LR_SEQ_VALID`].
    pub flags: U64<LE>,
    /// The last record that was claimed.
    pub claim_lr_seq: U64<LE>,
    /// Not used.
    pub pad: [U64<LE>; 3],
}
assert_eq_size!(ZilHeaderPhys, [u8; HEADER_SIZE]);
const_assert_eq!(offset_of!(ZilHeaderPhys, log), 16);
const_assert_eq!(offset_of!(ZilHeaderPhys, flags), 152);

/// `zil_chain_t`: at the start of a block of the newer kind, at the end of one of the older.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct ChainPhys {
    /// Not used.
    pub pad: U64<LE>,
    /// The next block.
    pub next: [u8; BLKPTR_SIZE],
    /// Bytes of the block that are used: in one of the newer kind, with the chain.
    pub used: U64<LE>,
    /// [`MAGIC`](crate::embedded::MAGIC).
    pub magic: U64<LE>,
    /// The sum of the block, computed with the pointer's in its place.
    pub sum: [U64<LE>; 4],
}
assert_eq_size!(ChainPhys, [u8; CHAIN_SIZE]);
const_assert_eq!(offset_of!(ChainPhys, next), 8);
const_assert_eq!(offset_of!(ChainPhys, magic), 144);

/// `lr_t`: what each record begins with.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct RecordPhys {
    /// Kind of the change.
    pub kind: U64<LE>,
    /// Bytes of the record, this one included.
    pub len: U64<LE>,
    /// The txg that it belongs to.
    pub txg: U64<LE>,
    /// Its number in the log.
    pub seq: U64<LE>,
}
assert_eq_size!(RecordPhys, [u8; 32]);

#[cfg(test)]
mod tests {
    use super::*;
    use zerocopy::FromZeros;

    #[test]
    fn fields_lie_where_the_format_says() {
        let mut header = ZilHeaderPhys::new_zeroed();
        header.log = [7; BLKPTR_SIZE];
        header.claim_lr_seq = 5.into();
        let bytes = header.as_bytes();
        assert_eq!((bytes[15], bytes[16], bytes[143], bytes[144]), (0, 7, 7, 0));
        assert_eq!(bytes[160..168], 5u64.to_le_bytes());
        let mut chain = ChainPhys::new_zeroed();
        chain.used = 0x1234.into();
        chain.sum[3] = 9.into();
        let bytes = chain.as_bytes();
        assert_eq!((bytes[136], bytes[137], bytes[176]), (0x34, 0x12, 9));
    }
}
