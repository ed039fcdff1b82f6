//! Tests of the codecs: made here, by other tools, cut, and random.

use super::*;
use libdeflater::{CompressionLvl, Compressor};
use proptest::prelude::*;
use zstd_safe::{CCtx, CParameter, FrameFormat};

const GZIP_6: Compress = Compress(10);

fn padded(mut stored: Vec<u8>) -> Vec<u8> {
    stored.resize(stored.len().next_multiple_of(512), 0);
    stored
}

fn with_length(header: &[u8], body: &[u8]) -> Vec<u8> {
    let mut stored = u32::try_from(body.len()).unwrap().to_be_bytes().to_vec();
    stored.extend_from_slice(header);
    stored.extend_from_slice(body);
    stored
}

/// Stores `data` as ZFS would, without the padding.
fn store(codec: Compress, data: &[u8]) -> Vec<u8> {
    match codec {
        Compress::LZ4 => with_length(&[], &lz4_flex::block::compress(data)),
        Compress::ZSTD => {
            let mut context = CCtx::create();
            context.set_parameter(CParameter::Format(FrameFormat::Magicless)).unwrap();
            context.set_parameter(CParameter::CompressionLevel(3)).unwrap();
            let mut body = Vec::with_capacity(zstd_safe::compress_bound(data.len()));
            context.compress2(&mut body, data).unwrap();
            with_length(&[3, 0, 0x28, 0xa5], &body)
        }
        GZIP_6 => {
            let mut deflate = Compressor::new(CompressionLvl::default());
            let mut body = vec![0; deflate.zlib_compress_bound(data.len())];
            let len = deflate.zlib_compress(data, &mut body).unwrap();
            body.truncate(len);
            body
        }
        Compress::LZJB => lzjb::tests::compress(data),
        Compress::ZLE => {
            let mut stored = vec![0; 2 * data.len() + 64];
            let mut zle = crate::Compressor::new(crate::Compression::ZLE).unwrap();
            let len = zle.compress(data, &mut stored).unwrap().unwrap();
            stored.truncate(len);
            stored
        }
        other => panic!("{} is not made here", other.name()),
    }
}

fn text(len: usize) -> Vec<u8> {
    b"Pack my box with five dozen liquor jugs. ".iter().copied().cycle().take(len).collect()
}

#[test]
fn off_copies_and_empty_clears() {
    let mut dst = [0xee; 3];
    decompress(Compress::OFF, &[1, 2, 3], &mut dst).unwrap();
    assert_eq!(dst, [1, 2, 3]);
    decompress(Compress::EMPTY, &[9; 512], &mut dst).unwrap();
    assert_eq!(dst, [0; 3]);
    let codec = Compress::OFF;
    assert_eq!(
        decompress(codec, &[1, 2], &mut dst),
        Err(DecompressError::Size { codec, found: 2, expected: 3 })
    );
}

#[test]
fn unknown_codecs_are_named() {
    for id in [0, 1, 17, 127] {
        let refused = decompress(Compress(id), &[0; 512], &mut [0; 512]).unwrap_err();
        assert_eq!(refused, DecompressError::Unknown(Compress(id)));
        assert_eq!(refused.to_string(), format!("compression {id} is not known"));
    }
}

#[test]
fn golden_gzip() {
    // Python: zlib.compress(b"hello hello hello", 9)
    let src = [
        0x78, 0xda, 0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0x57, 0xc8, 0x40, 0x90, 0x00, 0x3a, 0x2e, 0x06,
        0x7d, 0, 0, 0,
    ];
    let mut dst = [0; 17];
    decompress(Compress::GZIP_9, &src, &mut dst).unwrap();
    assert_eq!(&dst, b"hello hello hello");
}

#[test]
fn golden_lz4() {
    // Token of one literal and a match of 4 + 6, distance 1; then the five last literals.
    let src = [0, 0, 0, 10, 0x16, b'a', 1, 0, 0x50, b'b', b'c', b'd', b'e', b'f', 0, 0];
    let mut dst = [0; 16];
    decompress(Compress::LZ4, &src, &mut dst).unwrap();
    assert_eq!(&dst, b"aaaaaaaaaaabcdef");
}

#[test]
fn golden_zstd() {
    // RFC 8878: single segment, content size 5, one raw block that is the last.
    let body = [0x20, 5, 0x29, 0, 0, b'h', b'e', b'l', b'l', b'o'];
    let mut dst = [0; 5];
    decompress(Compress::ZSTD, &padded(with_length(&[3, 0, 0x28, 0xa5], &body)), &mut dst).unwrap();
    assert_eq!(&dst, b"hello");
}

#[test]
fn a_size_that_is_not_lsize_is_refused() {
    for codec in [Compress::LZ4, Compress::ZSTD, GZIP_6] {
        let stored = padded(store(codec, &text(4096)));
        for expected in [0, 4095, 4097, 8192] {
            let refused = decompress(codec, &stored, &mut vec![0; expected]).unwrap_err();
            if expected > 4096 {
                assert_eq!(refused, DecompressError::Size { codec, found: 4096, expected });
            }
        }
    }
}

#[test]
fn a_length_past_the_block_is_refused() {
    for (codec, header) in [(Compress::LZ4, 4), (Compress::ZSTD, 8)] {
        for len in 0..header {
            assert!(matches!(
                decompress(codec, &vec![0xff; len], &mut [0; 512]),
                Err(DecompressError::Length { .. })
            ));
        }
        let mut stored = store(codec, &text(4096));
        let available = stored.len() - header;
        stored[3] += 1;
        let found = available + 1;
        assert_eq!(
            decompress(codec, &stored, &mut [0; 4096]),
            Err(DecompressError::Length { codec, found, available })
        );
    }
}

#[test]
fn a_cut_block_is_refused() {
    for codec in [Compress::LZ4, Compress::ZSTD, GZIP_6] {
        let stored = store(codec, &text(4096));
        for cut in 0..stored.len() {
            assert!(decompress(codec, &stored[..cut], &mut [0; 4096]).is_err());
        }
    }
}

#[test]
fn a_zstd_window_is_not_allocated() {
    // A frame header that asks for the largest window, without a content size.
    let body = [0x00, 0xff, 0x29, 0, 0, b'h', b'e', b'l', b'l', b'o'];
    let _ = decompress(Compress::ZSTD, &with_length(&[0; 4], &body), &mut [0; 5]);
}

proptest! {
    /// Bytes that repeat, or runs of zeros between others, and padding of any length behind them.
    #[test]
    fn round_trip(
        data in prop_oneof![
            prop::collection::vec(0u8..4, 1..2000),
            prop::collection::vec(0u8..8, 1..5000),
            prop::collection::vec(prop_oneof![3 => Just(0u8), 1 => any::<u8>()], 1..2000),
        ],
        pad in 0usize..600,
    ) {
        for codec in [Compress::LZJB, Compress::ZLE, Compress::LZ4, Compress::ZSTD, GZIP_6] {
            let mut stored = store(codec, &data);
            stored.resize(stored.len() + pad, 0);
            let mut dst = vec![0xee; data.len()];
            decompress(codec, &stored, &mut dst).unwrap();
            prop_assert_eq!(&dst, &data, "{}", codec.name());
        }
    }

    #[test]
    fn any_input_ends(
        codec in 0u8..18,
        src in prop::collection::vec(any::<u8>(), 0..600),
        len in 0usize..4096,
    ) {
        let _ = decompress(Compress(codec), &src, &mut vec![0; len]);
    }

    #[test]
    fn damaged_blocks_end(
        at in any::<prop::sample::Index>(),
        flip in 1u8..,
        which in 0usize..3,
    ) {
        let codec = [Compress::LZ4, Compress::ZSTD, GZIP_6][which];
        let mut stored = padded(store(codec, &text(3000)));
        let at = at.index(stored.len());
        stored[at] ^= flip;
        let _ = decompress(codec, &stored, &mut [0; 3000]);
    }
}
