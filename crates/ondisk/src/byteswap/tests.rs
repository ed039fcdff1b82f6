//! Blocks of each kind, turned there and back, and fields that decide what follows them.

use super::*;
use alloc::vec;
use alloc::vec::Vec;
use proptest::prelude::*;

fn put(block: &mut [u8], at: usize, bytes: &[u8]) {
    block[at..at + bytes.len()].copy_from_slice(bytes);
}

#[test]
fn a_znode_of_either_acl_version_keeps_its_fields() {
    for version in [0, 1] {
        let mut z = vec![0; 264];
        // A big-endian machine's size field, ACL version, and first entry.
        put(&mut z, 80, &0x0123_4567_u64.to_be_bytes());
        put(&mut z, 188, &u16::to_be_bytes(version));
        put(&mut z, 192, if version == 0 { &[0, 0, 0, 7] } else { &[0, 1, 0x10, 0] });
        swap(ByteswapKind::Znode, &mut z);
        assert_eq!(z[80..88], 0x0123_4567_u64.to_le_bytes());
        assert_eq!(z[188..190], version.to_le_bytes());
        let entry: [u8; 4] = if version == 0 { [7, 0, 0, 0] } else { [1, 0, 0, 0x10] };
        assert_eq!(z[192..196], entry);
    }
}

#[test]
fn pointer_table_that_starts_at_block_128_is_no_leaf() {
    // Read in the wrong order, the block number 128 is the type of a leaf.
    let mut table: Vec<u8> = (128..192_u64).flat_map(u64::to_be_bytes).collect();
    swap(ByteswapKind::Zap, &mut table);
    let wanted: Vec<u8> = (128..192_u64).flat_map(u64::to_le_bytes).collect();
    assert_eq!(table, wanted);
    assert_eq!(crate::zap::BLOCK_LEAF.to_le_bytes()[7], 0x80);
}

fn kinds() -> impl Strategy<Value = ByteswapKind> {
    use ByteswapKind::{Acl, Dnode, Objset, OldAcl, U8, U16, U32, U64, Zap, Znode};
    prop::sample::select(vec![U8, U16, U32, U64, Zap, Dnode, Objset, Znode, OldAcl, Acl])
}

proptest! {
    /// A free dnode slot is cleared on the way; after that, the way out and in changes nothing.
    #[test]
    fn out_and_in_is_identity(
        kind in kinds(),
        first in prop::sample::select(vec![1_u64 << 63, (1 << 63) + 1, (1 << 63) + 3, 0x0a0e_0103]),
        mut data in prop::collection::vec(any::<u8>(), 8..3000),
    ) {
        data[..8].copy_from_slice(&first.to_be_bytes());
        swap(kind, &mut data);
        let settled = data.clone();
        swap_out(kind, &mut data);
        swap(kind, &mut data);
        prop_assert_eq!(data, settled);
    }
}
