//! Bytes of an input, cut as they are asked for.

use crate::read_ahead::ReadAhead;
use std::io;
use zsend_records::bytes::Bytes;

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

    /// Fills a buffer as far as the input goes; gives the number of bytes.
    ///
    /// # Errors
    /// Those of the source.
    pub(crate) fn take(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buf.len() && self.fill()? {
            let take = self.rest.len().min(buf.len() - filled);
            buf[filled..filled + take].copy_from_slice(&self.rest.split_to(take));
            filled += take;
        }
        Ok(filled)
    }

    /// The next bytes: fewer than `len` at the end of the input. What lies in one buffer is not copied.
    ///
    /// # Errors
    /// Those of the source.
    pub(crate) fn bytes(&mut self, len: u64) -> io::Result<Bytes> {
        let whole = usize::try_from(len).unwrap_or(usize::MAX);
        if self.rest.len() >= whole {
            return Ok(self.rest.split_to(whole));
        }
        // What a header announces is believed once the bytes are there.
        let mut bytes = Vec::with_capacity(whole.min(RESERVE));
        while bytes.len() < whole && self.fill()? {
            let take = self.rest.len().min(whole - bytes.len());
            if bytes.capacity() - bytes.len() < take {
                bytes.reserve_exact((2 * bytes.capacity()).min(whole) - bytes.len());
            }
            bytes.extend_from_slice(&self.rest.split_to(take));
        }
        Ok(bytes.into())
    }
}
