//! A Zstandard frame (RFC 8878) without its magic number, behind ZFS's header, by the reference library.
//!
//! The header is two big-endian words: the length of the frame, and the level above 24 bits of the library's
//! version. Either host order reads a level there, as long as neither of the version's lower bytes is
//! zero (`include/sys/zstd/zstd.h zfs_get_hdrmeta`, zfs-2.3.2).
//!
//! There is no compressor in Rust here: the one of ruzstd has a single level, and a block says at which it was made.
//!
//! ZFS tries a block of 128 KiB or more for a level from 3 on by LZ4 and at level 1 first, and gives it up where neither
//! makes it small enough. Nothing is given up here: the trial takes a third of the time that the level itself does.
//!
//! Source: OpenZFS `module/zstd/zfs_zstd.c`, zfs-2.3.2.

use super::CompressError;
use crate::Compression;
use std::fmt;
use zsend_records::types::Compress;
use zstd_safe::zstd_sys::ZSTD_ErrorCode;
use zstd_safe::{CCtx, CParameter, ErrorCode, FrameFormat};

const CODEC: Compress = Compress::ZSTD;
/// Bytes of the header.
const HEADER: usize = 8;

/// The library's context, kept from block to block.
pub(super) struct Zstd {
    context: CCtx<'static>,
    level: i32,
    /// The header's second word.
    word: u32,
}

impl fmt::Debug for Zstd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Zstd").field("level", &self.level).finish_non_exhaustive()
    }
}

fn refused(code: ErrorCode) -> CompressError {
    let reason = zstd_safe::get_error_name(code).to_owned();
    CompressError::Library { codec: CODEC, reason }
}

impl Zstd {
    pub(super) fn new(compression: Compression) -> Result<Self, CompressError> {
        let level = compression.level().ok_or(CompressError::LeftOut(compression))?;
        let mut context = CCtx::try_create().ok_or(CompressError::NoMemory(CODEC))?;
        for parameter in [
            CParameter::CompressionLevel(level),
            CParameter::Format(FrameFormat::Magicless),
            CParameter::ChecksumFlag(false),
            CParameter::ContentSizeFlag(false),
        ] {
            context.set_parameter(parameter).map_err(refused)?;
        }
        let word =
            u32::from(compression.stored_level()) << 24 | zstd_safe::version_number() & 0x00ff_ffff;
        Ok(Self { context, level, word })
    }

    /// Compresses a block, behind its header; `None` if it does not fit.
    pub(super) fn block(
        &mut self,
        src: &[u8],
        dst: &mut [u8],
    ) -> Result<Option<usize>, CompressError> {
        let Some((header, body)) = dst.split_first_chunk_mut::<HEADER>() else {
            return Ok(None);
        };
        let Some(len) = frame(&mut self.context, src, body)? else { return Ok(None) };
        let Ok(length) = u32::try_from(len) else { return Ok(None) };
        let words = u64::from(length) << 32 | u64::from(self.word);
        *header = words.to_be_bytes();
        Ok(Some(HEADER + len))
    }
}

/// Makes a frame; `None` if it does not fit.
fn frame(
    context: &mut CCtx<'static>,
    src: &[u8],
    body: &mut [u8],
) -> Result<Option<usize>, CompressError> {
    const NO_ROOM: ErrorCode =
        (ZSTD_ErrorCode::ZSTD_error_dstSize_tooSmall as usize).wrapping_neg();
    match context.compress2(body, src) {
        Ok(len) => Ok(Some(len)),
        Err(NO_ROOM) => Ok(None),
        Err(code) => Err(refused(code)),
    }
}
