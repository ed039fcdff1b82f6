//! A record as the parser hands it out: where it lay, its bytes, and its fields in host order.

use crate::drr::{
    Begin, End, Free, FreeObjects, Object, ObjectRange, RECORD_SIZE, RecordType, Redact,
    ReplayRecord, Spill, Write, WriteByref, WriteEmbedded,
};
use zerocopy::byteorder::LE;

/// What part a record plays in the shape of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// BEGIN, END or any other record of a single stream, by itself or in a package.
    Stream,
    /// The BEGIN of a package; its payload lists what is in the package.
    PackageBegin,
    /// The END right after it.
    PackageHeaderEnd,
    /// The last record of a package, all zeros but for its type.
    PackageEnd,
}

/// A record header and where it was found.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// How many records the input holds before this one.
    pub index: u64,
    /// Bytes of input before this one.
    pub offset: u64,
    /// The record as it lay there.
    pub raw: [u8; RECORD_SIZE],
    /// Whether it lay there in big-endian order. Its payload then is in that order too.
    pub swapped: bool,
    /// The record in little-endian order, whatever order it came in.
    pub header: ReplayRecord<LE>,
    /// Payload bytes that follow; within the limits.
    pub payload_len: u64,
    /// What part the record plays.
    pub role: Role,
}

impl Frame {
    /// The record's type; one of the known ones.
    pub fn record_type(&self) -> RecordType {
        self.header.record_type()
    }

    /// The record's fields.
    pub fn record(&self) -> Record {
        Record::of(&self.header).unwrap_or(Record::Unknown(self.record_type()))
    }
}

impl core::fmt::Debug for Frame {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Frame")
            .field("index", &self.index)
            .field("offset", &self.offset)
            .field("swapped", &self.swapped)
            .field("payload_len", &self.payload_len)
            .field("role", &self.role)
            .field("record", &self.record())
            .finish()
    }
}

/// The fields of a record, by its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Record {
    /// Opens a stream.
    Begin(Begin<LE>),
    /// A dnode and its bonus.
    Object(Object<LE>),
    /// A run of free object numbers.
    FreeObjects(FreeObjects<LE>),
    /// A block of data.
    Write(Write<LE>),
    /// A hole in an object.
    Free(Free<LE>),
    /// Closes a stream.
    End(End<LE>),
    /// A block that an earlier record of the stream holds.
    WriteByref(WriteByref<LE>),
    /// An object's spill block.
    Spill(Spill<LE>),
    /// A block small enough to lie in its block pointer.
    WriteEmbedded(WriteEmbedded<LE>),
    /// The encryption parameters of a block of dnodes.
    ObjectRange(ObjectRange<LE>),
    /// A redacted range.
    Redact(Redact<LE>),
    /// A type that is not known; the parser never hands it out.
    Unknown(RecordType),
}

impl Record {
    /// The fields of `header`; `None` if its type is unknown.
    pub fn of(header: &ReplayRecord<LE>) -> Option<Self> {
        match header.record_type() {
            RecordType::BEGIN => header.body_as().copied().map(Self::Begin),
            RecordType::OBJECT => header.body_as().copied().map(Self::Object),
            RecordType::FREEOBJECTS => header.body_as().copied().map(Self::FreeObjects),
            RecordType::WRITE => header.body_as().copied().map(Self::Write),
            RecordType::FREE => header.body_as().copied().map(Self::Free),
            RecordType::END => header.body_as().copied().map(Self::End),
            RecordType::WRITE_BYREF => header.body_as().copied().map(Self::WriteByref),
            RecordType::SPILL => header.body_as().copied().map(Self::Spill),
            RecordType::WRITE_EMBEDDED => header.body_as().copied().map(Self::WriteEmbedded),
            RecordType::OBJECT_RANGE => header.body_as().copied().map(Self::ObjectRange),
            RecordType::REDACT => header.body_as().copied().map(Self::Redact),
            _ => None,
        }
    }
}
