//! Position in a stream, as a receiver notes it for a token: object and offset.

use zsend_records::reader::Record;

/// Position before the first record.
pub(crate) const START: (u64, u64) = (1, 0);

/// Object and offset that a receiver notes of a record: of a dnode, and of a block of data.
///
/// Source: OpenZFS `module/zfs/dmu_recv.c`, `save_resume_state()`, zfs-2.3.2.
pub(crate) fn noted(record: &Record<'_>) -> Option<(u64, u64)> {
    match record {
        Record::Object(o) => Some((o.object.get(), 0)),
        other => of_block(other),
    }
}

/// Object and offset of a record's block of data, embedded or not.
pub(crate) fn of_block(record: &Record<'_>) -> Option<(u64, u64)> {
    match record {
        Record::Write(w) => Some((w.object.get(), w.offset.get())),
        Record::WriteEmbedded(w) => Some((w.object.get(), w.offset.get())),
        Record::Begin(_)
        | Record::Object(_)
        | Record::FreeObjects(_)
        | Record::Free(_)
        | Record::End(_)
        | Record::WriteByref(_)
        | Record::Spill(_)
        | Record::ObjectRange(_)
        | Record::Redact(_)
        | Record::Unknown(_) => None,
    }
}
