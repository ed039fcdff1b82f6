//! A record as the parser hands it out: its place, and its fields.

use crate::Order;
use crate::byteswap::byteswap_with;
use crate::describe::{Description, Field};
use crate::drr::{self, RECORD_SIZE, RecordType, ReplayRecord, each_record};
use bytes::Bytes;
use static_assertions::const_assert;
use zerocopy::byteorder::{BE, LE};

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

/// A record and its place. Its fields are in its header, which whoever hands it out has.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Frame {
    /// Number of records before this one in the input.
    pub index: u64,
    /// Bytes of input before this one.
    pub offset: u64,
    /// Byte order in which it lay there, and its payload too.
    pub order: Order,
    /// Payload bytes that follow; within the limits.
    pub payload_len: u64,
    /// Part that the record plays.
    pub role: Role,
    /// Description of its type.
    pub description: &'static Description,
}
const_assert!(size_of::<Frame>() <= 40);

impl PartialEq for Frame {
    fn eq(&self, other: &Self) -> bool {
        (self.index, self.offset, self.payload_len)
            == (other.index, other.offset, other.payload_len)
            && (self.order, self.role, self.record_type())
                == (other.order, other.role, other.record_type())
    }
}

impl Eq for Frame {}

impl Frame {
    /// The record's type; one of this crate's, or one that the parser's caller described.
    pub fn record_type(&self) -> RecordType {
        self.description.record_type
    }

    /// The type's name.
    pub fn name(&self) -> &'static str {
        self.description.name
    }

    /// The record's fields in order, padding left out, to be read from its header.
    pub fn fields(&self) -> impl Iterator<Item = &'static Field> + use<> {
        self.description.fields.iter().filter(|field| !field.is_padding())
    }

    /// The header's bytes as they lay in the stream, of the header in little-endian order.
    pub fn raw(&self, header: &ReplayRecord<LE>) -> [u8; RECORD_SIZE] {
        match self.order {
            Order::Little => zerocopy::transmute!(*header),
            Order::Big => {
                let big: ReplayRecord<BE> = byteswap_with(header, self.description.fields);
                zerocopy::transmute!(big)
            }
        }
    }
}

impl core::fmt::Debug for Frame {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Frame")
            .field("index", &self.index)
            .field("offset", &self.offset)
            .field("order", &self.order)
            .field("payload_len", &self.payload_len)
            .field("role", &self.role)
            .field("name", &self.name())
            .finish()
    }
}

macro_rules! record_enum {
    ($($(#[$doc:meta])* $kind:ident = $number:literal, $body:ident;)+) => {
        /// The fields of a record, by its type.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Record<'a> {
            $($(#[$doc])* $body(&'a drr::$body<LE>),)+
            /// A type that is not of this crate: one that the parser's caller described, or none.
            Unknown(RecordType),
        }

        impl<'a> Record<'a> {
            /// The fields of `header`.
            pub fn of(header: &'a ReplayRecord<LE>) -> Self {
                let body = match header.record_type() {
                    $(RecordType::$kind => header.body_as().map(Self::$body),)+
                    RecordType(_) => None,
                };
                body.unwrap_or(Self::Unknown(header.record_type()))
            }
        }
    };
}
each_record!(record_enum);

/// A record with its header and its whole payload.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct StreamRecord {
    /// Type and place.
    pub frame: Frame,
    /// The header in little-endian order, whatever order it came in.
    pub header: ReplayRecord<LE>,
    /// The payload, in the stream's byte order.
    pub payload: Bytes,
}

impl StreamRecord {
    /// The record's fields.
    pub fn record(&self) -> Record<'_> {
        Record::of(&self.header)
    }

    /// The header's bytes as they lay in the stream.
    pub fn raw(&self) -> [u8; RECORD_SIZE] {
        self.frame.raw(&self.header)
    }
}
