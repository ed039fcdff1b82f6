//! The other way of the codecs that tests write with.

use std::io::{self, Write};
use zsend_records::types::Compress;

/// Level and version of a zstd block, as pools have it of level 3 and version 1.4.5.
const ZSTD_LEVEL_3: [u8; 4] = [3, 0, 0x28, 0xa5];

/// The block as a codec stores it, without padding; `None` if there is no encoder for it here, or the
/// result would be no shorter.
///
/// zstd's frame is stored without its magic, behind its length and the word of [`ZSTD_LEVEL_3`]: see
/// `zfs_zstd_compress_impl()`, OpenZFS `module/zstd/zfs_zstd.c`, zfs-2.3.2.
///
/// # Errors
/// Those of the codec's library.
pub(super) fn compress(codec: Compress, block: &[u8]) -> io::Result<Option<Vec<u8>>> {
    const GZIP: std::ops::RangeInclusive<u8> = Compress::GZIP_1.0..=Compress::GZIP_9.0;
    let stored = match codec {
        Compress::LZ4 => behind_length(&[], &lz4_flex::block::compress(block)),
        Compress::ZSTD => {
            let frame = zstd::encode_all(block, 3)?;
            behind_length(&ZSTD_LEVEL_3, &frame[4..])
        }
        Compress(n) if GZIP.contains(&n) => {
            let level = flate2::Compression::new((n - Compress::GZIP_1.0 + 1).into());
            let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), level);
            encoder.write_all(block)?;
            encoder.finish()?
        }
        _ => return Ok(None),
    };
    Ok((stored.len() < block.len()).then_some(stored))
}

fn behind_length(header: &[u8], body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).expect("a block is shorter than 4 GiB");
    [&length.to_be_bytes(), header, body].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_compressed_decompresses(
            codec in prop::sample::select(vec![
                Compress::LZ4, Compress::ZSTD, Compress::GZIP_1, Compress::GZIP_9,
            ]),
            runs in prop::collection::vec((any::<u8>(), 1usize..400), 1..20),
        ) {
            let block: Vec<u8> =
                runs.iter().flat_map(|&(byte, len)| std::iter::repeat_n(byte, len)).collect();
            if let Some(stored) = compress(codec, &block).unwrap() {
                prop_assert!(stored.len() < block.len());
                let padded = [&stored[..], &[0; 300]].concat();
                let mut out = vec![0; block.len()];
                zsend_codec::decompress(codec, &padded, &mut out).unwrap();
                prop_assert_eq!(out, block);
            }
        }
    }

    #[test]
    fn what_does_not_shrink_is_not_compressed() {
        assert_eq!(compress(Compress::LZ4, &[1, 2, 3, 4, 5]).unwrap(), None);
        assert_eq!(compress(Compress::LZJB, &[0; 4096]).unwrap(), None);
        assert!(compress(Compress::ZSTD, &[0; 4096]).unwrap().is_some());
    }
}
