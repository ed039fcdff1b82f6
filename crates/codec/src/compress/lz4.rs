//! An LZ4 block, by its library.

use super::CompressError;
use lz4_flex::block::{CompressTable, compress_into_with_table, get_maximum_output_size};
use std::fmt;
use zsend_records::types::Compress;

/// Blocks from this length on have a table of their own: the library's smaller one does not hold their positions.
const LARGE: usize = 0xffff;

/// Tables and a buffer, kept from block to block.
pub(super) struct Lz4 {
    /// One table for each kind of block, so that what a block becomes does not depend on those before it.
    small: CompressTable,
    large: CompressTable,
    /// The library asks for room for the worst case.
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

    /// Compresses a block; `None` if it does not fit.
    pub(super) fn block(
        &mut self,
        src: &[u8],
        dst: &mut [u8],
    ) -> Result<Option<usize>, CompressError> {
        let codec = Compress::LZ4;
        let worst = get_maximum_output_size(src.len());
        if self.worst.len() < worst {
            let more = worst - self.worst.len();
            self.worst.try_reserve_exact(more).map_err(|_| CompressError::NoMemory(codec))?;
            self.worst.resize(worst, 0);
        }
        let table = if src.len() < LARGE { &mut self.small } else { &mut self.large };
        let len = compress_into_with_table(src, &mut self.worst, table)
            .map_err(|e| CompressError::Library { codec, reason: e.to_string() })?;
        let (Some(made), Some(room)) = (self.worst.get(..len), dst.get_mut(..len)) else {
            return Ok(None);
        };
        room.copy_from_slice(made);
        Ok(Some(len))
    }
}
