//! The codecs of a block: from the PSIZE bytes that are stored to the LSIZE that were written.

mod gzip;
mod lzjb;
mod zle;
mod zstd;

use zsend_records::sizes::in_memory;
use zsend_records::types::Compress;

/// Reason why stored bytes do not decompress. Sizes and positions are in bytes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecompressError {
    /// The block pointer names a codec that does not exist, or one that no block carries.
    #[error("compression {} is not known", .0.0)]
    Unknown(Compress),
    /// The length before an LZ4 or zstd block is more than what is stored.
    #[error("{}: the stored length is {found}, and {available} bytes follow it", .codec.name())]
    Length {
        /// The codec.
        codec: Compress,
        /// The length that is stored.
        found: usize,
        /// Bytes that follow the header.
        available: usize,
    },
    /// The input ended before the output was full.
    #[error("{}: input of {len} bytes ends with {filled} of {expected} bytes made", .codec.name())]
    InputEnds {
        /// The codec.
        codec: Compress,
        /// Bytes of input.
        len: usize,
        /// Bytes of output made from them.
        filled: usize,
        /// LSIZE.
        expected: usize,
    },
    /// A match refers to bytes before the start of the output.
    #[error("{}: match at input byte {at} goes back {distance} of {filled} bytes", .codec.name())]
    Distance {
        /// The codec.
        codec: Compress,
        /// Byte of the input at which the match is.
        at: usize,
        /// Bytes that it reaches back; 0 is never right.
        distance: usize,
        /// Bytes of output made before it.
        filled: usize,
    },
    /// The block decompresses to another size than its pointer says.
    #[error("{}: output is {found} bytes, expected {expected}", .codec.name())]
    Size {
        /// The codec.
        codec: Compress,
        /// The size found; if it is larger than `expected`, a lower bound of it.
        found: usize,
        /// LSIZE.
        expected: usize,
    },
    /// The codec's library refuses the bytes.
    #[error("{}: {reason}", .codec.name())]
    Damaged {
        /// The codec.
        codec: Compress,
        /// The library's own words.
        reason: String,
    },
    /// This build has no decoder for the codec: neither the one in C nor the one in Rust.
    #[error("{}: left out of this build", .0.name())]
    LeftOut(Compress),
    /// There was no memory for the codec's state.
    #[error("{}: no memory for the decompressor", .0.name())]
    NoMemory(Compress),
}

/// Fills `dst`, which is LSIZE bytes, from `src`, the PSIZE bytes as they are stored.
///
/// Zeros after the compressed bytes are the padding to whole sectors and are ignored. On an error
/// what `dst` holds is not defined. Nothing is allocated but the state of gzip and zstd, once for
/// each thread.
///
/// LZ4 and zstd must give exactly LSIZE, as in OpenZFS `module/zfs/lz4_zfs.c` and
/// `module/zstd/zfs_zstd.c`, zfs-2.4.4; zfs-2.3.2 took a shorter result too.
pub fn decompress(codec: Compress, src: &[u8], dst: &mut [u8]) -> Result<(), DecompressError> {
    match codec {
        Compress::OFF if src.len() == dst.len() => dst.copy_from_slice(src),
        Compress::OFF => return exact(codec, src.len(), dst.len()),
        Compress::LZJB => return lzjb::decompress(src, dst),
        Compress::EMPTY => dst.fill(0),
        Compress(n) if (Compress::GZIP_1.0..=Compress::GZIP_9.0).contains(&n) => {
            let found = gzip::zlib(codec, src, dst)?;
            return exact(codec, found, dst.len());
        }
        Compress::ZLE => return zle::decompress(src, dst),
        Compress::LZ4 => return lz4(src, dst),
        Compress::ZSTD => return zstd(src, dst),
        _ => return Err(DecompressError::Unknown(codec)),
    }
    Ok(())
}

fn exact(codec: Compress, found: usize, expected: usize) -> Result<(), DecompressError> {
    if found == expected {
        return Ok(());
    }
    Err(DecompressError::Size { codec, found, expected })
}

/// The compressed bytes behind a header of `N` bytes that begins with their big-endian length.
fn behind_length<const N: usize>(codec: Compress, src: &[u8]) -> Result<&[u8], DecompressError> {
    let header = src.first_chunk::<4>();
    let body = src.get(N..);
    let (Some(&length), Some(body)) = (header, body) else {
        return Err(DecompressError::Length { codec, found: N, available: src.len() });
    };
    let found = in_memory(u32::from_be_bytes(length).into());
    body.get(..found).ok_or(DecompressError::Length { codec, found, available: body.len() })
}

/// An LZ4 block behind its length, `module/zfs/lz4_zfs.c`.
fn lz4(src: &[u8], dst: &mut [u8]) -> Result<(), DecompressError> {
    let codec = Compress::LZ4;
    let body = behind_length::<4>(codec, src)?;
    let found = lz4_block(body, dst)
        .map_err(|e| DecompressError::Damaged { codec, reason: e.to_string() })?;
    exact(codec, found, dst.len())
}

/// The library's loop in a function of its own: as part of a larger one it was measured to lose a
/// third of its speed.
#[inline(never)]
fn lz4_block(body: &[u8], dst: &mut [u8]) -> Result<usize, lz4_flex::block::DecompressError> {
    lz4_flex::block::decompress_into(body, dst)
}

/// A zstd frame without its magic, behind its length and a word of version and level,
/// `module/zstd/zfs_zstd.c`. The word is not read: pools have it in several layouts, and a frame
/// decompresses without it.
fn zstd(src: &[u8], dst: &mut [u8]) -> Result<(), DecompressError> {
    let found = zstd::frame(behind_length::<8>(Compress::ZSTD, src)?, dst)?;
    exact(Compress::ZSTD, found, dst.len())
}

#[cfg(test)]
#[cfg(any(feature = "pure", all(feature = "gzip-c", feature = "zstd-c")))]
mod tests;
