//! Tests of the codecs: against decompression, against ZFS's own bytes, and without room.

use super::*;
use crate::decompress;
use proptest::prelude::*;

/// Noise, the same for the same seed.
fn noise(seed: u32) -> impl Iterator<Item = u8> {
    let step = |x: &u32| {
        let x = x ^ x << 13;
        let x = x ^ x >> 17;
        Some(x ^ x << 5)
    };
    std::iter::successors(Some(seed | 1), step).map(|x| x.to_be_bytes()[0])
}

fn text(len: usize) -> Vec<u8> {
    let text = b"Pack my box with five dozen liquor jugs, or forty-two. ";
    text.iter().copied().cycle().take(len).collect()
}

/// Words in no order.
fn words(len: usize) -> Vec<u8> {
    let words: Vec<Vec<u8>> =
        (1..200).map(|n| noise(n * 77).skip(3).take(3 + n as usize % 9).collect()).collect();
    let order = noise(5).flat_map(|n| words[usize::from(n) % words.len()].clone());
    order.take(len).collect()
}

/// Zeros, text, words, noise, zeros between other bytes, and text between noise, of several sizes.
fn blocks() -> Vec<Vec<u8>> {
    let sizes =
        [1, 2, 17, 65, 66, 67, 511, 512, 513, 4096, 65_534, 65_535, 131_072, 131_073, 1 << 20];
    let of_size = |size: usize| {
        let zeros = noise(7).map(|n| if n < 128 { 0 } else { n % 5 });
        let mixed = (0..).zip(text(size).into_iter().zip(noise(3)));
        let mixed = mixed.map(|(i, (t, n))| if i / 700 % 2 == 0 { t } else { n });
        [
            vec![0; size],
            text(size),
            words(size),
            noise(11).take(size).collect(),
            zeros.take(size).collect(),
            mixed.collect(),
        ]
    };
    sizes.into_iter().flat_map(of_size).collect()
}

/// Compressors of all that this build has.
fn compressors() -> Vec<Compressor> {
    let made: Vec<_> = Compression::all().filter_map(|value| Compressor::new(value).ok()).collect();
    let zstd = if cfg!(feature = "zstd-c") { 40 } else { 0 };
    let gzip = if cfg!(any(feature = "gzip-c", feature = "pure")) { 9 } else { 0 };
    assert_eq!(made.len(), 4 + gzip + zstd);
    made
}

/// One of them.
fn any_compressor(which: &prop::sample::Index) -> Compressor {
    let all: Vec<_> = Compression::all().collect();
    // A codec that this build lacks gives way to one that it has.
    let made = Compressor::new(*which.get(&all));
    made.unwrap_or_else(|_| Compressor::new(Compression::LZJB).unwrap())
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
fn a_block_in_all_the_room_there_may_be_is_the_one_in_less() {
    for mut compressor in compressors() {
        for len in [1, 13, 512, 70_000, 131_072] {
            let noise = (0..len).map(|i: usize| (i * i / 7 % 253).to_le_bytes()[0]);
            for block in [vec![5; len], noise.collect()] {
                let mut own = vec![0; len];
                let mut all = vec![0; compressor.room(len)];
                let small = compressor.compress(&block, &mut own).unwrap();
                let large = compressor.compress(&block, &mut all).unwrap();
                let fits = large.filter(|&made| made <= len);
                assert_eq!(small, fits, "{} of {len}", compressor.compression());
                assert_eq!(small.map(|made| &own[..made]), fits.map(|made| &all[..made]));
            }
        }
    }
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
    let large = words(131_073);
    for mut compressor in compressors() {
        round_trip(&mut compressor, &large);
    }
}

/// Bytes that are stored of a block with this room.
fn stored(compressor: &mut Compressor, block: &[u8], room: usize) -> Option<Vec<u8>> {
    let mut dst = vec![0xee; room];
    let len = compressor.compress(block, &mut dst).unwrap()?;
    dst.truncate(len);
    Some(dst)
}

#[test]
fn what_fits_is_the_same_and_what_does_not_is_told() {
    let mut block = text(600);
    block.extend([0; 200]);
    block.extend(noise(9).take(300));
    for mut compressor in compressors() {
        let name = compressor.compression();
        let Some(whole) = stored(&mut compressor, &block, worst(block.len())) else {
            assert_eq!(name, Compression::OFF);
            continue;
        };
        // lzjb and zle leave off where their longest group might not fit.
        let slack = match name {
            Compression::LZJB => 18,
            Compression::ZLE => 64,
            _ => 0,
        };
        for room in 0..=whole.len() + 70 {
            match stored(&mut compressor, &block, room) {
                Some(made) => assert!(room >= whole.len() && made == whole, "{name}: {room}"),
                // libdeflate may ask for a few bytes more than it uses.
                None => assert!(room < whole.len() + slack.max(16), "{name}: {room}"),
            }
        }
    }
}

#[test]
fn a_block_does_not_depend_on_those_before_it() {
    let blocks = blocks();
    let probes: Vec<_> =
        blocks.iter().filter(|block| block.len() <= 65_535).rev().step_by(3).collect();
    let large = words(131_072);
    for mut used in compressors() {
        let compression = used.compression();
        if compression.level().is_some_and(|level| level > 9) {
            continue;
        }
        for block in &probes {
            let mut new = Compressor::new(compression).unwrap();
            let before = stored(&mut used, block, worst(block.len()));
            assert_eq!(before, stored(&mut new, block, worst(block.len())), "{compression}");
            // A large one, and one that does not fit, come between.
            stored(&mut used, &large, 10_000);
            stored(&mut used, block, block.len() / 50);
        }
    }
}

#[test]
fn golden_lzjb() {
    let made = |block: &[u8]| stored(&mut Compressor::new(Compression::LZJB).unwrap(), block, 512);
    // The last 65 bytes are literals; 80 equal ones are a literal, and a match of the 66 behind it.
    let mut want = vec![0b10, b'x', 63 << 2, 1, b'x', b'x', b'x', b'x', b'x', b'x', 0];
    want.extend(b"xxxxxxx");
    assert_eq!(made(&[b'x'; 80]), Some(want));
    // Bytes of two places whose hash is not the same: no match, though it is there. "abc" at 1 and at 4 of
    // bytes that go on as they began.
    let block: Vec<u8> = (0..=255).chain(0..=255).collect();
    let made = made(&block).unwrap();
    let mut again = [0; 512];
    decompress(Compress::LZJB, &made, &mut again).unwrap();
    assert_eq!(again[..], block[..]);
}

#[test]
fn golden_zle() {
    let mut block = vec![0; 193];
    block.extend([1, 0, 2, 0, 0, 3]);
    block.extend([4; 64]);
    block.push(0);
    let mut want = vec![255, 64, 2, 1, 0, 2, 65, 63, 3];
    want.extend([4; 63]);
    want.extend([0, 4, 64]);
    let mut compressor = Compressor::new(Compression::ZLE).unwrap();
    // The last run of literals begins with one byte left, and asks for the room of the longest.
    assert_eq!(stored(&mut compressor, &block, 200).as_deref(), Some(&want[..]));
    let begun = want.len() - 3;
    assert_eq!(stored(&mut compressor, &block, begun + 64), None);
    assert_eq!(stored(&mut compressor, &block, begun + 65), Some(want));
}

#[cfg(feature = "zstd-c")]
#[test]
fn zstd_says_its_length_its_level_and_its_version() {
    for (level, number) in [(1, 1), (19, 19), (-1, 103), (-1000, 123)] {
        let mut compressor = Compressor::new(Compression::zstd(level).unwrap()).unwrap();
        let made = stored(&mut compressor, &text(4096), worst(4096)).unwrap();
        let (header, frame) = made.split_first_chunk::<8>().unwrap();
        let [length @ .., stored_level, high, middle, low] = *header;
        assert_eq!(u32::from_be_bytes(length) as usize, frame.len());
        assert_eq!(stored_level, number);
        let version = u32::from_be_bytes([0, high, middle, low]);
        assert_eq!(version, zstd_safe::version_number());
        // Else `zfs_get_hdrmeta` takes the word for one of another layout.
        assert!(high == 0 && middle != 0 && low != 0, "the level cannot be told: {version}");
        // RFC 8878, 3.1.1.1.1: no content size, no single segment, no checksum, no dictionary.
        assert_eq!(frame[0], 0);
    }
}

#[cfg(feature = "zstd-c")]
#[test]
fn a_large_block_is_given_up_at_no_other_level() {
    let mut zstd = Compressor::new(Compression::zstd(9).unwrap()).unwrap();
    let block = words(131_072);
    let len_by = |compression: Compression| {
        let mut compressor = Compressor::new(compression).unwrap();
        stored(&mut compressor, &block, block.len()).unwrap().len()
    };
    // The library asks for some bytes more than it uses.
    let room = |len: usize| len + 64;
    let (lz4, quick) = (len_by(Compression::LZ4), len_by(Compression::zstd(1).unwrap()));
    let whole = len_by(Compression::zstd(9).unwrap());
    assert!(room(whole) < quick && quick < lz4, "{whole} {quick} {lz4}");
    // ZFS, which tries the faster ones first, would not store it in this room.
    assert!(stored(&mut zstd, &block, room(whole)).is_some_and(|made| made.len() == whole));
}

#[test]
fn nothing_is_made_of_nothing_nor_by_off() {
    for mut compressor in compressors() {
        assert_eq!(compressor.compress(&[], &mut [0; 64]), Ok(None));
    }
    let mut off = Compressor::new(Compression::OFF).unwrap();
    assert_eq!(off.compress(&[0; 512], &mut [0; 1024]), Ok(None));
}

#[test]
fn a_block_that_is_too_long_is_refused() {
    let len = MAX_BLOCK_SIZE + 1;
    let refused = Compressor::new(Compression::LZ4).unwrap().compress(&vec![0; len], &mut []);
    let refused = refused.unwrap_err();
    assert_eq!(refused, CompressError::TooLong { codec: Compress::LZ4, len });
    assert_eq!(refused.to_string(), "lz4: a block of 16777217 bytes, of at most 16777216");
}

#[cfg(not(feature = "zstd-c"))]
#[test]
fn a_build_without_the_codec_says_so() {
    let refused = Compressor::new(Compression::zstd(-10).unwrap()).unwrap_err();
    assert_eq!(refused.to_string(), "zstd-fast-10: left out of this build");
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
        round_trip(&mut any_compressor(&which), &data);
    }

    /// Whatever the room: what is made is undone, and lies in what was given.
    #[test]
    fn any_room_does(
        data in prop::collection::vec(prop_oneof![3 => Just(0u8), 1 => any::<u8>()], 1..3000),
        room in 0usize..3500,
        which in any::<prop::sample::Index>(),
    ) {
        let mut compressor = any_compressor(&which);
        if let Some(made) = stored(&mut compressor, &data, room) {
            let mut again = vec![0xee; data.len()];
            decompress(compressor.compression().compress(), &made, &mut again).unwrap();
            prop_assert!(again == data);
        }
    }
}
