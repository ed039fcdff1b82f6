//! A Zstandard frame (RFC 8878) without its magic number: by the reference library, or in Rust where that
//! is left out.

use super::DecompressError;
use zsend_records::types::Compress;

const CODEC: Compress = Compress::ZSTD;

/// Decompresses a frame into `dst` and returns the bytes made. It is decompressed in one pass, so the window
/// that its header asks for is never allocated.
#[cfg(feature = "zstd-c")]
pub(super) fn frame(body: &[u8], dst: &mut [u8]) -> Result<usize, DecompressError> {
    use zstd_safe::{DCtx, DParameter, FrameFormat};
    thread_local! {
        static CONTEXT: std::cell::RefCell<Option<DCtx<'static>>> =
            const { std::cell::RefCell::new(None) };
    }
    let damaged = |code| DecompressError::Damaged {
        codec: CODEC,
        reason: zstd_safe::get_error_name(code).to_owned(),
    };
    CONTEXT.with_borrow_mut(|slot| {
        if slot.is_none() {
            let mut new = DCtx::try_create().ok_or(DecompressError::NoMemory(CODEC))?;
            new.set_parameter(DParameter::Format(FrameFormat::Magicless)).map_err(damaged)?;
            *slot = Some(new);
        }
        let context = slot.as_mut().ok_or(DecompressError::NoMemory(CODEC))?;
        context.decompress(dst, body).map_err(damaged)
    })
}

/// Decompresses a frame into `dst` and returns the bytes made; of a frame that makes more than there is room
/// for, one more than that. The decoder allocates the window that the header asks for, up to a limit.
#[cfg(all(feature = "pure", not(feature = "zstd-c")))]
pub(super) fn frame(body: &[u8], dst: &mut [u8]) -> Result<usize, DecompressError> {
    use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
    use std::io::Read;
    /// Number that a frame begins with elsewhere.
    const MAGIC: [u8; 4] = 0xfd2f_b528_u32.to_le_bytes();
    /// Largest window in bytes: no block is longer, and no sender asks for more than a block.
    const WINDOW: u64 = 16 << 20;
    /// Bytes that are decoded at a time.
    const PIECE: usize = 1 << 20;
    thread_local! {
        static DECODER: std::cell::RefCell<FrameDecoder> = FrameDecoder::new().into();
    }
    let damaged = |e: &dyn std::fmt::Display| DecompressError::Damaged {
        codec: CODEC,
        reason: e.to_string(),
    };
    DECODER.with_borrow_mut(|decoder| {
        decoder.set_max_window_size(WINDOW);
        let mut source = MAGIC.chain(body);
        decoder.init(&mut source).map_err(|e| damaged(&e))?;
        let mut found = 0;
        // Each turn takes a block from the source, or fails.
        while !decoder.is_finished() {
            let piece = BlockDecodingStrategy::UptoBytes(PIECE);
            decoder.decode_blocks(&mut source, piece).map_err(|e| damaged(&e))?;
            found += decoder.read(&mut dst[found..]).map_err(|e| damaged(&e))?;
            if decoder.can_collect() > 0 {
                return Ok(dst.len() + 1);
            }
        }
        let stored = decoder.get_checksum_from_data();
        if stored.is_some() && stored != decoder.get_calculated_checksum() {
            return Err(damaged(&"the checksum of the frame is wrong"));
        }
        if !source.into_inner().1.is_empty() {
            return Err(damaged(&"bytes follow the frame"));
        }
        Ok(found)
    })
}

/// Refuses the codec by its name.
#[cfg(not(any(feature = "zstd-c", feature = "pure")))]
pub(super) fn frame(_: &[u8], _: &mut [u8]) -> Result<usize, DecompressError> {
    Err(DecompressError::LeftOut(CODEC))
}

#[cfg(test)]
#[cfg(not(any(feature = "zstd-c", feature = "pure")))]
mod tests {
    use super::*;

    #[test]
    fn a_build_without_the_codec_says_so() {
        let refused = frame(&[], &mut []).unwrap_err();
        assert_eq!(refused.to_string(), "zstd: left out of this build");
    }
}
