//! The codecs of a block the other way: from the LSIZE bytes that are written to what is stored.

mod gzip;
mod lz4;
mod lzjb;
mod zle;
#[cfg(feature = "zstd-c")]
mod zstd;

use crate::Compression;
use zsend_records::types::Compress;

/// The largest block in bytes: `SPA_MAXBLOCKSIZE`.
const MAX_BLOCK_SIZE: usize = 16 << 20;

/// Reason why a block cannot be compressed. That it does not become smaller is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CompressError {
    /// This build has no compressor for the codec: zstd is compressed by the library in C alone.
    #[error("{0}: left out of this build")]
    LeftOut(Compression),
    /// The block is longer than any that ZFS has.
    #[error("{}: a block of {len} bytes, of at most {MAX_BLOCK_SIZE}", .codec.name())]
    TooLong {
        /// The codec.
        codec: Compress,
        /// Bytes of the block.
        len: usize,
    },
    /// The codec's library refuses what it was asked for.
    #[error("{}: {reason}", .codec.name())]
    Library {
        /// The codec.
        codec: Compress,
        /// The library's own words.
        reason: String,
    },
    /// There was no memory for the codec's state.
    #[error("{}: no memory for the compressor", .0.name())]
    NoMemory(Compress),
}

/// A codec at a level, with its state, which is kept from block to block. A thread has one of its own.
///
/// The state is some KiB for lzjb and zle, up to 1 MiB for gzip, for lz4 a buffer a tenth longer than the longest
/// block, and for zstd what the library takes for the level: some 100 MiB for blocks of 16 MiB at level 19.
///
/// ```
/// use zsend_codec::{Compression, Compressor, decompress};
///
/// let block = vec![b'z'; 128 << 10];
/// let mut stored = vec![0; block.len()];
/// let mut compressor = Compressor::new(Compression::LZ4)?;
/// let len = compressor.compress(&block, &mut stored)?.expect("it becomes smaller");
/// // To whole sectors, with zeros, as blocks are stored and sent.
/// let psize = len.next_multiple_of(512);
/// stored[len..psize].fill(0);
/// let mut again = vec![0; block.len()];
/// decompress(compressor.compression().compress(), &stored[..psize], &mut again)?;
/// assert_eq!(again, block);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Compressor {
    compression: Compression,
    state: Codec,
}

#[derive(Debug)]
enum Codec {
    Off,
    Lzjb(Box<lzjb::Table>),
    Zle,
    Gzip(gzip::Gzip),
    Lz4(lz4::Lz4),
    #[cfg(feature = "zstd-c")]
    Zstd(zstd::Zstd),
}

impl Compressor {
    /// A compressor; for a codec that this build lacks, [`CompressError::LeftOut`].
    pub fn new(compression: Compression) -> Result<Self, CompressError> {
        let state = match compression.compress() {
            Compress::LZJB => Codec::Lzjb(Box::new(lzjb::table())),
            Compress::ZLE => Codec::Zle,
            Compress::LZ4 => Codec::Lz4(lz4::Lz4::new()),
            #[cfg(feature = "zstd-c")]
            Compress::ZSTD => Codec::Zstd(zstd::Zstd::new(compression)?),
            #[cfg(not(feature = "zstd-c"))]
            Compress::ZSTD => return Err(CompressError::LeftOut(compression)),
            Compress::OFF => Codec::Off,
            _ => Codec::Gzip(gzip::Gzip::new(compression)?),
        };
        Ok(Self { compression, state })
    }

    /// The codec and its level.
    pub const fn compression(&self) -> Compression {
        self.compression
    }

    /// Bytes of a destination into which a block of `len` bytes is compressed without a copy: of lz4 more than the block has,
    /// as its library asks for room for the worst case. What is then made may be longer than the block.
    pub fn room(&self, len: usize) -> usize {
        match &self.state {
            Codec::Lz4(_) => LZ4_LENGTH + lz4::Lz4::room(len),
            #[cfg(feature = "zstd-c")]
            Codec::Zstd(_) => len,
            Codec::Off | Codec::Lzjb(_) | Codec::Zle | Codec::Gzip(_) => len,
        }
    }

    /// Compresses a block into the beginning of `dst` as ZFS stores it, and returns the bytes it takes there. `None`
    /// if it does not fit into `dst`: the caller stores it as it is, with [`Compress::OFF`]. That is always so with
    /// [`Compression::OFF`], and for a block of no bytes. What `dst` holds behind the bytes made, or
    /// after `None` or an error, is not defined. An error is one of the build or the machine, never of the bytes in `src`.
    ///
    /// The length of `dst` is the `d_len` of OpenZFS's `zio_compress_data`:
    ///
    /// * For a stream, `zstream recompress` gives the block's own length. It then rounds the result up to 512 bytes, fills
    ///   up with zeros, and where that is not below the block's length, sends the block uncompressed, with a
    ///   compressed size of 0 (`cmd/zstream/zstream_recompress.c`, zfs-2.3.2). A WRITE's compressed size is the
    ///   rounded one.
    /// * For a pool, ZFS gives the length less an eighth, rounded down to the smallest allocation (not for zle), and 112
    ///   bytes where that is nothing; then it rounds up to the smallest allocation (`module/zfs/zio.c
    ///   zio_get_compression_max_size` and `zio_write_compress`, zfs-2.3.2). What takes at most 112 bytes may be
    ///   embedded in a block pointer, which is not rounded.
    ///
    /// Bytes of lzjb and zle equal those of ZFS, also in what does not fit, and those of zstd do where the libraries'
    /// versions agree (OpenZFS up to 2.4 has 1.4.5; the header says which). A block that ZFS would
    /// give up on before it tries the level itself is tried. Bytes of lz4 and gzip differ from
    /// ZFS's, which reads them all the same. The same block in the same room gives the same bytes, whatever was compressed
    /// before it; those of zstd may be others in another room.
    ///
    /// # Errors
    ///
    /// A block of more than 16 MiB, and what the codec's library refuses.
    pub fn compress(&mut self, src: &[u8], dst: &mut [u8]) -> Result<Option<usize>, CompressError> {
        if src.len() > MAX_BLOCK_SIZE {
            let codec = self.compression.compress();
            return Err(CompressError::TooLong { codec, len: src.len() });
        }
        if src.is_empty() {
            return Ok(None);
        }
        match &mut self.state {
            Codec::Off => Ok(None),
            Codec::Lzjb(table) => Ok(lzjb::compress(table, src, dst)),
            Codec::Zle => Ok(zle::compress(src, dst)),
            Codec::Gzip(gzip) => Ok(gzip.zlib(src, dst)),
            Codec::Lz4(lz4) => behind_length(lz4, src, dst),
            #[cfg(feature = "zstd-c")]
            Codec::Zstd(zstd) => zstd.block(src, dst),
        }
    }
}

/// Bytes of the length before an LZ4 block.
const LZ4_LENGTH: usize = 4;

/// An LZ4 block behind its big-endian length, `module/zfs/lz4_zfs.c`.
fn behind_length(
    lz4: &mut lz4::Lz4,
    src: &[u8],
    dst: &mut [u8],
) -> Result<Option<usize>, CompressError> {
    let Some((length, body)) = dst.split_first_chunk_mut::<LZ4_LENGTH>() else { return Ok(None) };
    let Some(len) = lz4.block(src, body)? else { return Ok(None) };
    let Ok(stored) = u32::try_from(len) else { return Ok(None) };
    *length = stored.to_be_bytes();
    Ok(Some(length.len() + len))
}

#[cfg(test)]
mod tests;
