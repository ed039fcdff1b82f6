//! Payloads as a send wants them: their bytes, read and summed, or only how many there are.

use bytes::Bytes;
use std::fmt;
use zsend_pool::Result;
use zsend_pool::StoredBlock;
use zsend_records::writer::{Counted, Measured, Payload};

/// A payload as one kind of send makes it: [`Payload`] where a stream is written, [`Counted`] where its
/// size alone is wanted.
pub(crate) trait SendPayload: Measured {
    /// A decompressed block, not summed yet.
    type Block: fmt::Debug;

    /// True if data are read at all.
    const IS_READ: bool;

    /// A payload of `len` bytes, which are at hand.
    fn at_hand(len: u64, bytes: impl FnOnce() -> Bytes) -> Self;

    /// A payload of `len` bytes, which have to be read.
    ///
    /// # Errors
    /// Those of reading, where anything is read.
    fn stored(len: u64, read: impl FnOnce() -> Result<StoredBlock>) -> Result<Self>;

    /// A block of `len` bytes, which have to be read.
    ///
    /// # Errors
    /// Those of reading, where anything is read.
    fn block(len: u64, read: impl FnOnce() -> Result<Bytes>) -> Result<Self::Block>;

    /// The block as a payload.
    fn whole(block: Self::Block) -> Self;

    /// The block as payloads of at most `most` bytes, which is not zero.
    fn split(block: Self::Block, most: usize) -> Vec<Self>;
}

impl SendPayload for Payload {
    type Block = Bytes;

    const IS_READ: bool = true;

    fn at_hand(_: u64, bytes: impl FnOnce() -> Bytes) -> Self {
        Self::new(bytes())
    }

    fn stored(_: u64, read: impl FnOnce() -> Result<StoredBlock>) -> Result<Self> {
        let StoredBlock { data, sum } = read()?;
        // The sum that verified the block is the payload's sum, if both are of the same algorithm.
        Ok(match sum {
            Some(sum) => Self::with_sum(data, sum),
            None => Self::new(data),
        })
    }

    fn block(_: u64, read: impl FnOnce() -> Result<Bytes>) -> Result<Bytes> {
        read()
    }

    fn whole(block: Bytes) -> Self {
        Self::new(block)
    }

    fn split(mut block: Bytes, most: usize) -> Vec<Self> {
        let mut parts = Vec::with_capacity(block.len().div_ceil(most));
        while !block.is_empty() {
            parts.push(Self::new(block.split_to(most.min(block.len()))));
        }
        parts
    }
}

impl SendPayload for Counted {
    type Block = u64;

    const IS_READ: bool = false;

    fn at_hand(len: u64, _: impl FnOnce() -> Bytes) -> Self {
        Self(len)
    }

    fn stored(len: u64, _: impl FnOnce() -> Result<StoredBlock>) -> Result<Self> {
        Ok(Self(len))
    }

    fn block(len: u64, _: impl FnOnce() -> Result<Bytes>) -> Result<u64> {
        Ok(len)
    }

    fn whole(block: u64) -> Self {
        Self(block)
    }

    fn split(block: u64, most: usize) -> Vec<Self> {
        let most = most as u64;
        let last = block % most;
        let whole = (0..block / most).map(|_| Self(most));
        whole.chain((last > 0).then_some(Self(last))).collect()
    }
}
