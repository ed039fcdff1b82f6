//! The byte order of ZAP blocks: micro ZAPs, headers, pointer tables and leaves.

use super::{Way, fields, u16s, u64s};
use crate::zap::{
    BLOCK_LEAF, BLOCK_MICRO, CHUNK_ARRAY, CHUNK_ENTRY, CHUNK_FREE, CHUNK_SIZE, LeafPhys,
    MicroEntryPhys,
};

/// Turns a block of a ZAP object, whose first word tells what it is: a micro ZAP, a leaf, or else
/// a header or a piece of a pointer table, which are arrays of 64-bit integers.
///
/// A table's words are block numbers, far below 2^63, and so never look like a type. Read in the
/// wrong order one can: 128 is then the type of a leaf.
pub(super) fn turn(data: &mut [u8], way: Way) {
    let Some(&first) = data.first_chunk::<8>() else { return };
    let first = match way {
        Way::In => u64::from_be_bytes(first),
        Way::Out => u64::from_le_bytes(first),
    };
    match first {
        BLOCK_MICRO => micro(data),
        BLOCK_LEAF => leaf(data),
        _ => u64s(data),
    }
}

/// Type, salt and normalisation flags; then a value and a differentiator in each entry. Names are
/// bytes, and what pads is zero.
fn micro(data: &mut [u8]) {
    fields(data, &[8, 8, 8]);
    for entry in data.chunks_exact_mut(size_of::<MicroEntryPhys>()).skip(1) {
        fields(entry, &[8, 4]);
    }
}

/// Header, hash table, chunks.
/// The contents of array chunks are big-endian on every machine.
fn leaf(data: &mut [u8]) {
    let table = LeafPhys::hash_size(data.len());
    // Type, the next leaf of old pools, prefix, magic, nfree, nentries, prefix_len, freelist.
    fields(data, &[8, 8, 8, 4, 2, 2, 2, 2]);
    let Some((hash, chunks)) =
        data.get_mut(size_of::<LeafPhys>()..).and_then(|rest| rest.split_at_mut_checked(table))
    else {
        return;
    };
    u16s(hash);
    for chunk in chunks.chunks_exact_mut(CHUNK_SIZE) {
        match chunk[0] {
            // Type, value_intlen, next, name_chunk, name_numints, value_chunk, value_numints, cd,
            // hash.
            CHUNK_ENTRY => fields(chunk, &[1, 1, 2, 2, 2, 2, 2, 4, 8]),
            CHUNK_ARRAY | CHUNK_FREE => chunk[CHUNK_SIZE - 2..].reverse(),
            _ => {}
        }
    }
}
