//! Position in a stream, as a receiver notes it for a token: object and offset.

use zsend_records::drr::{Object, ReplayRecord, Write, WriteEmbedded};
use zsend_records::zerocopy::byteorder::LE;

/// Position before the first record.
pub(crate) const START: (u64, u64) = (1, 0);

/// Object and offset that a receiver notes of a record: of a dnode, and of a block of data.
///
/// Source: OpenZFS `module/zfs/dmu_recv.c`, `save_resume_state()`, zfs-2.3.2.
pub(crate) fn noted(header: &ReplayRecord<LE>) -> Option<(u64, u64)> {
    let object = header.body_as::<Object<LE>>().map(|object| (object.object.get(), 0));
    object.or_else(|| of_block(header))
}

/// Object and offset of a record's block of data, embedded or not.
pub(crate) fn of_block(header: &ReplayRecord<LE>) -> Option<(u64, u64)> {
    let write = header.body_as::<Write<LE>>().map(|w| (w.object.get(), w.offset.get()));
    let embedded = || header.body_as::<WriteEmbedded<LE>>();
    write.or_else(|| embedded().map(|w| (w.object.get(), w.offset.get())))
}
