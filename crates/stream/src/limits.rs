//! Bounds of what is read of a stream.

use zsend_ondisk::blkptr::MAX_BLOCK_SIZE;
use zsend_records::payload::Limits;

/// The longest payloads that are read: a right sender writes no larger block, stored or not.
pub(crate) const LIMITS: Limits = Limits::DEFAULT.with_block(MAX_BLOCK_SIZE);
