//! Any bytes as a block, by any codec and level: `[which, room in two bytes]`, then the block.
//!
//! A compressed block is undone to the same bytes, and does not depend on what the buffer held; whatever the room, nothing
//! else comes of it than the same bytes, or that they do not fit.

use zsend_codec::{Compression, Compressor, decompress};
use zsend_records::types::Compress;

/// Runs one input.
pub fn check(bytes: &[u8]) {
    let [which, low, high, block @ ..] = bytes else { return };
    let all: Vec<_> = Compression::all().collect();
    let Some(&compression) = all.get(usize::from(*which) % all.len()) else { return };
    let mut compressor = Compressor::new(compression).expect("every codec is built");
    // Room for the worst case of every codec.
    let worst = block.len() + block.len() / 8 + 100;
    let mut whole = vec![0; worst];
    let made = compressor.compress(block, &mut whole).expect("no codec refuses a block");
    let Some(len) = made else {
        assert!(compression == Compression::OFF || block.is_empty(), "{compression} does not fit");
        return;
    };
    whole.truncate(len);
    let mut again = vec![0xff; block.len()];
    let undone = decompress(compression.compress(), &whole, &mut again);
    assert!(undone.is_ok() && again == block, "{compression}: {undone:?}");

    let room = usize::from(u16::from_le_bytes([*low, *high])) % worst;
    let mut shorts = [0, 0xff].map(|fill| vec![fill; room]);
    let lens = shorts
        .each_mut()
        .map(|short| compressor.compress(block, short).expect("no codec refuses a block"));
    let [first, second] = [0, 1].map(|n| lens[n].and_then(|len| shorts[n].get(..len)));
    assert!(first == second, "{compression} in {room} bytes depends on what the buffer held");
    let Some(short) = first else {
        // What is begun must have room for the most that may come, and a library's last words too.
        assert!(room < whole.len() + 80, "{compression}: {} in {room} bytes", whole.len());
        return;
    };
    assert!(compression.compress() == Compress::ZSTD || short == whole, "{compression} in {room}");
    again.fill(0xff);
    let undone = decompress(compression.compress(), short, &mut again);
    assert!(undone.is_ok() && again == block, "{compression} in {room}: {undone:?}");
}
