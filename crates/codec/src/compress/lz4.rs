//! An LZ4 block, by its library.

use super::CompressError;
use lz4_flex::block::{
    CompressError as LibraryError, CompressTable, compress_into_with_table, get_maximum_output_size,
};
use std::fmt;
use zsend_records::types::Compress;

/// Blocks from this length on have a table of their own: the library's smaller one does not hold their positions.
const LARGE: usize = 0xffff;

/// Tables and a buffer, kept from block to block.
pub(super) struct Lz4 {
    /// One table for each kind of block, so that what a block becomes does not depend on those before it.
    small: CompressTable,
    large: CompressTable,
    /// The library asks for room for the worst case, which a destination may not have.
    worst: Vec<u8>,
}

impl fmt::Debug for Lz4 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lz4").field("buffer", &self.worst.len()).finish_non_exhaustive()
    }
}

impl Lz4 {
    pub(super) fn new() -> Self {
        let (small, large) = (CompressTable::small(), CompressTable::large());
        Self { small, large, worst: Vec::new() }
    }

    /// Bytes that a block of this length takes at most.
    pub(super) fn room(len: usize) -> usize {
        get_maximum_output_size(len)
    }

    /// Compresses a block; `None` if it does not fit.
    pub(super) fn block(
        &mut self,
        src: &[u8],
        dst: &mut [u8],
    ) -> Result<Option<usize>, CompressError> {
        let codec = Compress::LZ4;
        let worst = Self::room(src.len());
        let table = if src.len() < LARGE { &mut self.small } else { &mut self.large };
        let failed = |e: LibraryError| CompressError::Library { codec, reason: e.to_string() };
        if dst.len() >= worst {
            return compress_into_with_table(src, dst, table).map(Some).map_err(failed);
        }
        if self.worst.len() < worst {
            let more = worst - self.worst.len();
            self.worst.try_reserve_exact(more).map_err(|_| CompressError::NoMemory(codec))?;
            self.worst.resize(worst, 0);
        }
        let len = compress_into_with_table(src, &mut self.worst, table).map_err(failed)?;
        let (Some(made), Some(room)) = (self.worst.get(..len), dst.get_mut(..len)) else {
            return Ok(None);
        };
        room.copy_from_slice(made);
        Ok(Some(len))
    }
}
