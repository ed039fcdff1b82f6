//! A zlib stream (RFC 1950), its Adler-32 included: by libdeflate, or in Rust where that is left out.
//!
//! Each decoder returns the bytes that it made; of a stream that makes more than there is room for, one
//! more than that.

use super::DecompressError;
use zsend_records::types::Compress;

#[cfg(any(feature = "gzip-c", feature = "pure"))]
fn damaged(codec: Compress) -> DecompressError {
    DecompressError::Damaged { codec, reason: "the zlib stream is damaged".into() }
}

/// Decompresses a stream into `dst`. The level in the codec's number says only how it was made.
#[cfg(feature = "gzip-c")]
pub(super) fn zlib(codec: Compress, src: &[u8], dst: &mut [u8]) -> Result<usize, DecompressError> {
    use libdeflater::{DecompressionError, Decompressor};
    thread_local! {
        static INFLATE: std::cell::RefCell<Decompressor> = Decompressor::new().into();
    }
    match INFLATE.with_borrow_mut(|inflate| inflate.zlib_decompress(src, dst)) {
        Ok(found) => Ok(found),
        Err(DecompressionError::InsufficientSpace) => Ok(dst.len() + 1),
        Err(DecompressionError::BadData) => Err(damaged(codec)),
    }
}

/// Decompresses a stream into `dst`. The level in the codec's number says only how it was made.
#[cfg(all(feature = "pure", not(feature = "gzip-c")))]
pub(super) fn zlib(codec: Compress, src: &[u8], dst: &mut [u8]) -> Result<usize, DecompressError> {
    use miniz_oxide::inflate::TINFLStatus;
    use miniz_oxide::inflate::core::inflate_flags::{
        TINFL_FLAG_PARSE_ZLIB_HEADER, TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF,
    };
    use miniz_oxide::inflate::core::{DecompressorOxide, decompress};
    thread_local! {
        static INFLATE: std::cell::RefCell<DecompressorOxide> = DecompressorOxide::new().into();
    }
    let flags = TINFL_FLAG_PARSE_ZLIB_HEADER | TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
    INFLATE.with_borrow_mut(|inflate| {
        inflate.init();
        match decompress(inflate, src, dst, 0, flags) {
            (TINFLStatus::Done, _, found) => Ok(found),
            (TINFLStatus::HasMoreOutput, ..) => Ok(dst.len() + 1),
            _ => Err(damaged(codec)),
        }
    })
}

/// Refuses the codec by its name.
#[cfg(not(any(feature = "gzip-c", feature = "pure")))]
pub(super) fn zlib(codec: Compress, _: &[u8], _: &mut [u8]) -> Result<usize, DecompressError> {
    Err(DecompressError::LeftOut(codec))
}

#[cfg(test)]
#[cfg(not(any(feature = "gzip-c", feature = "pure")))]
mod tests {
    use super::*;

    #[test]
    fn a_build_without_the_codec_says_so() {
        let refused = zlib(Compress::GZIP_1, &[], &mut []).unwrap_err();
        assert_eq!(refused.to_string(), "gzip-1: left out of this build");
    }
}
