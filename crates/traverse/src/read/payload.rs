//! What a send wants of payloads: their bytes, read and summed, or only how many there are.

use bytes::Bytes;
use std::fmt;
use zsend_pool::Result;
use zsend_pool::zio::Stored;
use zsend_records::writer::{Counted, Measured, Payload};

/// A payload as one kind of send makes it.
pub trait Wanted: Measured {
    /// A decompressed block, not summed yet.
    type Block: fmt::Debug;

    /// Whether data are read at all.
    const IS_READ: bool;

    /// A payload of so many bytes, which are at hand.
    fn at_hand(len: u64, bytes: impl FnOnce() -> Bytes) -> Self;

    /// A payload of so many bytes, which have to be read.
    ///
    /// # Errors
    /// Those of reading, where anything is read.
    fn stored(len: u64, read: impl FnOnce() -> Result<Stored>) -> Result<Self>;

    /// A block of so many bytes, which have to be read.
    ///
    /// # Errors
    /// Those of reading, where anything is read.
    fn block(len: u64, read: impl FnOnce() -> Result<Bytes>) -> Result<Self::Block>;

    /// The block as a payload.
    fn whole(block: Self::Block) -> Self;

    /// Of a block a part: from byte `from`, so many bytes.
    fn part(block: &Self::Block, from: u64, len: u64) -> Self;
}

impl Wanted for Payload {
    type Block = Bytes;

    const IS_READ: bool = true;

    fn at_hand(_: u64, bytes: impl FnOnce() -> Bytes) -> Self {
        Self::new(bytes())
    }

    fn stored(_: u64, read: impl FnOnce() -> Result<Stored>) -> Result<Self> {
        let Stored { data, sum } = read()?;
        // The sum that verified the block is the payload's sum, where it is the same sum.
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

    fn part(block: &Bytes, from: u64, len: u64) -> Self {
        let at = |n: u64| usize::try_from(n).unwrap_or(usize::MAX).min(block.len());
        Self::new(block.slice(at(from)..at(from.saturating_add(len))))
    }
}

impl Wanted for Counted {
    type Block = u64;

    const IS_READ: bool = false;

    fn at_hand(len: u64, _: impl FnOnce() -> Bytes) -> Self {
        Self(len)
    }

    fn stored(len: u64, _: impl FnOnce() -> Result<Stored>) -> Result<Self> {
        Ok(Self(len))
    }

    fn block(len: u64, _: impl FnOnce() -> Result<Bytes>) -> Result<u64> {
        Ok(len)
    }

    fn whole(block: u64) -> Self {
        Self(block)
    }

    fn part(block: &u64, from: u64, len: u64) -> Self {
        Self(len.min(block.saturating_sub(from)))
    }
}
