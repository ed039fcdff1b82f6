//! Any bytes as a block, by any codec and level: `[which, room in two bytes]`, then the block.
//!
//! What is made is undone to the same bytes, and does not depend on what the buffer held; whatever the room, nothing
//! else comes of it than the same bytes, or that they do not fit.

use zsend_codec::{Compression, Compressor, decompress};

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
    let mut short = vec![0xff; room];
    match compressor.compress(block, &mut short).expect("no codec refuses a block") {
        Some(len) => assert!(short.get(..len) == Some(&whole[..]), "{compression} in {room} bytes"),
        // What is begun must have room for the most that may come, and libdeflate's last word too.
        None => assert!(room < whole.len() + 80, "{compression}: {} in {room} bytes", whole.len()),
    }
}
