//! A record as the parser hands it out: where it lay, its bytes, and its fields in host order.

use crate::describe::{Description, Field};
use crate::drr::{self, RECORD_SIZE, RecordType, ReplayRecord, each_record};
use zerocopy::byteorder::LE;

/// Part that a record plays in the shape of a stream.
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
#[derive(Clone, Copy)]
pub struct Frame {
    /// Number of records before this one in the input.
    pub index: u64,
    /// Bytes of input before this one.
    pub offset: u64,
    /// The record as it lay there.
    pub raw: [u8; RECORD_SIZE],
    /// True if it lay there in big-endian order. Its payload then is in that order too.
    pub swapped: bool,
    /// The record in little-endian order, whatever order it came in.
    pub header: ReplayRecord<LE>,
    /// Payload bytes that follow; within the limits.
    pub payload_len: u64,
    /// Part that the record plays.
    pub role: Role,
    /// Description of its type; `None` only before the first record.
    pub description: Option<&'static Description>,
}

impl PartialEq for Frame {
    fn eq(&self, other: &Self) -> bool {
        // The type, which the bytes have, is all that a description adds.
        (self.index, self.offset, self.payload_len)
            == (other.index, other.offset, other.payload_len)
            && (self.raw, self.swapped, self.role) == (other.raw, other.swapped, other.role)
    }
}

impl Eq for Frame {}

impl Frame {
    /// The record's type; one of this crate's, or one that the parser's caller described.
    pub fn record_type(&self) -> RecordType {
        self.header.record_type()
    }

    /// The type's name.
    pub fn name(&self) -> &'static str {
        self.description.map_or("?", |description| description.name)
    }

    /// The record's fields in order, padding left out, to be read from `header`.
    pub fn fields(&self) -> impl Iterator<Item = &'static Field> {
        let fields = self.description.map_or(&[][..], |description| description.fields);
        fields.iter().filter(|field| !field.is_padding())
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

macro_rules! record_enum {
    ($($(#[$doc:meta])* $kind:ident = $number:literal, $body:ident;)+) => {
        /// The fields of a record, by its type.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Record {
            $($(#[$doc])* $body(drr::$body<LE>),)+
            /// A type that is not of this crate: one that the parser's caller described, or none.
            Unknown(RecordType),
        }

        impl Record {
            /// The fields of `header`; `None` if its type is not of this crate.
            pub fn of(header: &ReplayRecord<LE>) -> Option<Self> {
                match header.record_type() {
                    $(RecordType::$kind => header.body_as().copied().map(Self::$body),)+
                    RecordType(_) => None,
                }
            }
        }
    };
}
each_record!(record_enum);
