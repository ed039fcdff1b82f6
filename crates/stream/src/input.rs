//! Bytes of an input that is read ahead, and what lies in several of its pieces.

use crate::read_ahead::ReadAhead;
use std::io;
use zsend_records::bytes::{Buf, Bytes};
use zsend_records::sizes;

/// Most bytes that are set aside for a payload before its bytes are there.
const RESERVE: usize = 1 << 20;

/// An input that is read ahead.
#[derive(Debug)]
pub(crate) struct Input {
    source: ReadAhead,
    /// Bytes that were read and not used yet.
    pub(crate) rest: Bytes,
}

impl Input {
    /// The beginning of an input.
    pub(crate) const fn new(source: ReadAhead) -> Self {
        Self { source, rest: Bytes::new() }
    }

    /// Sees to it that something is there; says if there is.
    ///
    /// # Errors
    /// Those of the source.
    pub(crate) fn fill(&mut self) -> io::Result<bool> {
        if self.rest.is_empty() {
            self.rest = self.source.next()?.unwrap_or_default();
        }
        Ok(!self.rest.is_empty())
    }
}

/// Bytes that may lie in several pieces, as far as they came.
#[derive(Debug, Default)]
pub(crate) struct Gathered(pub(crate) Vec<u8>);

impl Gathered {
    /// The bytes, once all `len` are there; `None` where all of the piece is used, and more is needed. What lies in one
    /// piece is not copied, if the piece is [`Bytes`].
    pub(crate) fn take(&mut self, len: u64, piece: &mut impl Buf) -> Option<Bytes> {
        let Self(bytes) = self;
        let whole = sizes::in_memory(len);
        let missing = whole - bytes.len();
        let is_whole = piece.remaining() >= missing;
        if bytes.is_empty() && is_whole {
            return Some(piece.copy_to_bytes(missing));
        }
        let part = piece.chunk();
        let part = &part[..part.len().min(missing)];
        // What a header announces is believed once the bytes are there.
        if bytes.capacity() - bytes.len() < part.len() {
            let room = (2 * bytes.capacity()).max(RESERVE).min(whole);
            bytes.reserve_exact(room - bytes.len());
        }
        bytes.extend_from_slice(part);
        let used = part.len();
        piece.advance(used);
        is_whole.then(|| std::mem::take(bytes).into())
    }
}
