//! Bounds of what is read of a stream.

use zsend_ondisk::blkptr::MAX_BLOCK_SIZE;
use zsend_records::payload::Limits;

/// The longest payloads that are read: a right sender writes no larger block, stored or not.
pub(crate) const LIMITS: Limits = Limits::DEFAULT.with_block(MAX_BLOCK_SIZE);
/// Longest list behind a BEGIN that is looked at. That of a package that lists 30,000 snapshots is as long.
pub(crate) const LIST: u64 = 8 << 20;
/// Bytes of memory that such a list may take once it is read.
pub(crate) const LIST_MEMORY: usize = 44 << 20;
