//! Any bytes as a compressed block: `[compression, sectors of LSIZE in two bytes]`, then the block.
//!
//! An input that is accepted fills the output: nothing of what was in the buffer before shows.

use zsend_codec::decompress;
use zsend_records::types::Compress;

/// Runs one input.
pub fn check(bytes: &[u8]) {
    let [codec, low, high, block @ ..] = bytes else { return };
    // At most 1 MiB, so that a run is short.
    let sectors = usize::from(u16::from_le_bytes([*low, *high]) % 2048) + 1;
    let mut outs = [0, 0xff].map(|fill| vec![fill; sectors * 512]);
    let results = outs.each_mut().map(|out| decompress(Compress(*codec), block, out).is_ok());
    assert_eq!(results[0], results[1]);
    if results[0] {
        assert!(outs[0] == outs[1], "output depends on what the buffer held");
    }
}
