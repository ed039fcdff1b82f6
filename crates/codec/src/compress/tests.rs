//! Tests of the codecs: against decompression, against ZFS's own bytes, and without room.

use super::*;
use crate::decompress;
use proptest::prelude::*;

/// A block as it is before compression: text, zeros between literals, noise, or all of them.
fn blocks() -> Vec<Vec<u8>> {
    let text =
        || b"Pack my box with five dozen liquor jugs, or forty-two. ".iter().copied().cycle();
    let noise = |seed: u32| {
        std::iter::successors(Some(seed), |x| {
            let x = x ^ x << 13;
            let x = x ^ x >> 17;
            Some(x ^ x << 5)
        })
        .map(|x| x.to_be_bytes()[0])
    };
    let sizes =
        [1, 2, 17, 65, 66, 67, 511, 512, 513, 4096, 65_534, 65_535, 131_072, 131_073, 1 << 20];
    let mut blocks = Vec::new();
    for size in sizes {
        blocks.push(vec![0; size]);
        blocks.push(text().take(size).collect());
        blocks.push(noise(u32::try_from(size).unwrap() | 1).take(size).collect());
        let words = noise(7).map(|n| if n < 128 { 0 } else { n % 5 });
        blocks.push(words.take(size).collect());
        let mixed = (0..).zip(text().zip(noise(3)));
        let mixed = mixed.map(|(i, (t, n))| if i / 700 % 2 == 0 { t } else { n });
        blocks.push(mixed.take(size).collect());
    }
    blocks
}

/// Compressors of all that this build has.
fn compressors() -> Vec<Compressor> {
    let made: Vec<_> = Compression::all().filter_map(|value| Compressor::new(value).ok()).collect();
    let zstd = if cfg!(feature = "zstd-c") { 40 } else { 0 };
    let gzip = if cfg!(any(feature = "gzip-c", feature = "pure")) { 9 } else { 0 };
    assert_eq!(made.len(), 4 + gzip + zstd);
    made
}

/// Bytes of room that every codec can store any block in.
fn worst(len: usize) -> usize {
    len + len / 8 + 100
}

fn round_trip(compressor: &mut Compressor, block: &[u8]) {
    let name = compressor.compression();
    let mut stored = vec![0xee; worst(block.len())];
    let len = compressor.compress(block, &mut stored).unwrap();
    if name == Compression::OFF {
        assert_eq!(len, None);
        return;
    }
    let len = len.unwrap_or_else(|| panic!("{name}: {} bytes do not fit", block.len()));
    let psize = len.next_multiple_of(512);
    stored.resize(stored.len().max(psize), 0);
    stored[len..psize].fill(0);
    let mut again = vec![0xee; block.len()];
    decompress(name.compress(), &stored[..psize], &mut again)
        .unwrap_or_else(|e| panic!("{name} of {} bytes: {e}", block.len()));
    assert!(again == block, "{name}: {} bytes", block.len());
}

#[test]
fn every_codec_and_level_is_undone() {
    let blocks = blocks();
    for mut compressor in compressors() {
        // Slow levels take the small blocks alone; `slow_levels_take_large_blocks` has one large.
        let slow = compressor.compression().level().is_some_and(|level| level > 6);
        for block in blocks.iter().filter(|block| !slow || block.len() <= 65_535) {
            round_trip(&mut compressor, block);
        }
    }
}

#[test]
fn slow_levels_take_large_blocks() {
    let blocks = blocks();
    let large = blocks.iter().find(|block| block.len() == 131_073 && block[0] == b'P').unwrap();
    for mut compressor in compressors() {
        round_trip(&mut compressor, large);
    }
}

proptest! {
    /// Bytes that repeat, or runs of zeros between others, by any codec.
    #[test]
    fn any_block_is_undone(
        data in prop_oneof![
            prop::collection::vec(0u8..4, 1..2000),
            prop::collection::vec(any::<u8>(), 1..2000),
            prop::collection::vec(prop_oneof![3 => Just(0u8), 1 => any::<u8>()], 1..2000),
        ],
        which in any::<prop::sample::Index>(),
    ) {
        let mut all = Compression::all().filter_map(|value| Compressor::new(value).ok()).collect::<Vec<_>>();
        round_trip(which.get_mut(&mut all), &data);
    }
}
