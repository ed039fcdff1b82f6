//! Turns blocks that a big-endian machine wrote to little-endian order, by what they hold.

use zsend_records::types::ByteswapKind;

/// Swaps every eight bytes; a rest is left alone.
pub fn u64s(data: &mut [u8]) {
    for w in data.as_chunks_mut::<8>().0 {
        w.reverse();
    }
}

/// Swaps a whole block of some object type in place.
pub fn swap(kind: ByteswapKind, data: &mut [u8], opaque: bool) {
    let _ = opaque;
    match kind {
        ByteswapKind::U8 => {}
        _ => u64s(data),
    }
}
