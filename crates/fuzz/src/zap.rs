//! Any bytes as the blocks of a ZAP: `[log2 of the block size less nine]`, then the blocks.
//!
//! The entries come in order and hold no more bytes than the blocks do. Turned to the other byte
//! order and back, the blocks give the same entries.

use bytes::Bytes;
use zsend_ondisk::byteswap::{swap, swap_out};
use zsend_pool::Result;
use zsend_pool::zap::{MAX_LOST, Readable, ZapBlocks};
use zsend_records::types::ByteswapKind;

/// Runs one input.
pub fn check(bytes: &[u8]) {
    let [shift, rest @ ..] = bytes else { return };
    let size = 512 << (shift % 6);
    let blocks: Vec<Vec<u8>> = rest.chunks_exact(size).map(<[u8]>::to_vec).collect();
    let Ok(Readable { entries, lost, .. }) = readable(&blocks) else { return };
    assert!(lost.len() <= MAX_LOST);
    assert!(entries.is_sorted_by_key(|e| (e.hash, e.cd)));
    let held: usize = entries.iter().map(|e| e.name.len() + e.value.len()).sum();
    assert!(held <= rest.len(), "{held} bytes of entries in {} of blocks", rest.len());
    for entry in &entries {
        let _ = (entry.name(), entry.ints(), entry.u64(), entry.string());
    }
    let mut twin = blocks;
    for block in &mut twin {
        swap_out(ByteswapKind::Zap, block);
        swap(ByteswapKind::Zap, block);
    }
    assert_eq!(readable(&twin).expect("the twin reads too").entries, entries);
}

fn readable(blocks: &[Vec<u8>]) -> Result<Readable> {
    let read = |n: u64| {
        let block = usize::try_from(n).ok().and_then(|n| blocks.get(n));
        Ok(block.map(|b| Bytes::copy_from_slice(b)))
    };
    // Block numbers past the end are holes, as many as an object can have.
    ZapBlocks { objset: 0, object: 1, maxblkid: u64::MAX, read: &read }.readable()
}
