//! A zlib stream (RFC 1950): by libdeflate, or in Rust where that is left out.

use super::CompressError;
use crate::Compression;
use std::fmt;

#[cfg(feature = "gzip-c")]
type Library = libdeflater::Compressor;
#[cfg(all(feature = "pure", not(feature = "gzip-c")))]
type Library = Box<miniz_oxide::deflate::core::CompressorOxide>;
#[cfg(not(any(feature = "gzip-c", feature = "pure")))]
type Library = std::convert::Infallible;

/// The library's state, kept from block to block.
pub(super) struct Gzip(Library);

impl fmt::Debug for Gzip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Gzip")
    }
}

#[cfg(feature = "gzip-c")]
impl Gzip {
    /// Levels are taken as they are: 1 to 9 mean to libdeflate what they mean to zlib, whose bytes differ.
    pub(super) fn new(compression: Compression) -> Result<Self, CompressError> {
        use libdeflater::{CompressionLvl, Compressor};
        let level = compression.level().and_then(|level| CompressionLvl::new(level).ok());
        let level = level.ok_or(CompressError::LeftOut(compression))?;
        Ok(Self(Compressor::new(level)))
    }

    /// Compresses a block; `None` if it does not fit.
    pub(super) fn zlib(&mut self, src: &[u8], dst: &mut [u8]) -> Option<usize> {
        // Its one error is that there is no room.
        self.0.zlib_compress(src, dst).ok()
    }
}

#[cfg(all(feature = "pure", not(feature = "gzip-c")))]
impl Gzip {
    pub(super) fn new(compression: Compression) -> Result<Self, CompressError> {
        use miniz_oxide::deflate::core::{CompressionStrategy, CompressorOxide};
        let level = compression.level().and_then(|level| u8::try_from(level).ok());
        let level = level.ok_or(CompressError::LeftOut(compression))?;
        let (format, strategy) = (miniz_oxide::DataFormat::Zlib, CompressionStrategy::Default);
        Ok(Self(Box::new(CompressorOxide::with_params(format, level, strategy, 15))))
    }

    /// Compresses a block; `None` if it does not fit.
    pub(super) fn zlib(&mut self, src: &[u8], dst: &mut [u8]) -> Option<usize> {
        use miniz_oxide::deflate::core::{TDEFLFlush, TDEFLStatus, compress};
        self.0.reset();
        // One call: whatever it is short of, the block does not fit.
        let (status, _, len) = compress(&mut self.0, src, dst, TDEFLFlush::Finish);
        (status == TDEFLStatus::Done).then_some(len)
    }
}

#[cfg(not(any(feature = "gzip-c", feature = "pure")))]
impl Gzip {
    /// Refuses the codec by its name.
    pub(super) fn new(compression: Compression) -> Result<Self, CompressError> {
        Err(CompressError::LeftOut(compression))
    }

    pub(super) fn zlib(&mut self, _: &[u8], _: &mut [u8]) -> Option<usize> {
        match self.0 {}
    }
}
