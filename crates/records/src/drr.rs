//! Every record of a send stream as it lies in the stream, 312 bytes each, in either byte order.
//!
//! Source of all layouts: OpenZFS `include/sys/zfs_ioctl.h`, `dmu_replay_record_t`, zfs-2.3.2. The
//! C union is [`ReplayRecord::body`] and [`ReplayRecord::checksum`] together: every record but
//! BEGIN has the running checksum in its last 32 bytes, and BEGIN has the end of its name there.

pub use crate::bodies::{
    Begin, End, Free, FreeObjects, Object, ObjectRange, Redact, Spill, Write, WriteByref,
    WriteEmbedded,
};

use crate::describe::{Description, Field};
use crate::payload::PayloadBound;
use core::mem::offset_of;
use static_assertions::{assert_eq_align, assert_eq_size, const_assert_eq};
use zerocopy::byteorder::{LE, U32, U64};
use zerocopy::{ByteOrder, FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout, Unaligned};

/// Bytes of every record header.
pub const RECORD_SIZE: usize = 312;
/// Offset of the running checksum in every record but BEGIN.
pub const CHECKSUM_OFFSET: usize = 280;
/// `DMU_BACKUP_MAGIC`, the first field of BEGIN.
pub const MAGIC: u64 = 0x2_F5BA_CBAC;
/// `DMU_OBJECT_END`: "to the end", as the length of a FREE or REDACT.
pub const OBJECT_END: u64 = u64::MAX;
/// Bytes of `drr_toname`, its terminating NUL included.
pub const NAME_SIZE: usize = 256;

/// The value of `drr_type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordType(pub u32);

/// The types of this crate, in the order of their numbers, each with its body. What is not in this
/// list has no body; what is in it is read, written, turned and dumped.
macro_rules! each_record {
    ($then:ident) => {
        $then! {
            /// Opens a stream.
            BEGIN = 0, Begin;
            /// A dnode and its bonus.
            OBJECT = 1, Object;
            /// A run of free object numbers.
            FREEOBJECTS = 2, FreeObjects;
            /// A block of data.
            WRITE = 3, Write;
            /// A hole in an object.
            FREE = 4, Free;
            /// Closes a stream.
            END = 5, End;
            /// A block that an earlier record of the stream holds.
            WRITE_BYREF = 6, WriteByref;
            /// An object's spill block.
            SPILL = 7, Spill;
            /// A block small enough to lie in its block pointer.
            WRITE_EMBEDDED = 8, WriteEmbedded;
            /// The encryption parameters of a block of dnodes.
            OBJECT_RANGE = 9, ObjectRange;
            /// A redacted range.
            REDACT = 10, Redact;
        }
    };
}
pub(crate) use each_record;

macro_rules! record_types {
    ($($(#[$doc:meta])* $kind:ident = $number:literal, $body:ident;)+) => {
        impl RecordType {
            $($(#[$doc])* pub const $kind: Self = Self($number);)+

            /// Number of types; their numbers are those below it.
            pub const COUNT: usize = NAMES.len();
        }

        /// The names of the types, by number.
        const NAMES: &[&str] = &[$(stringify!($kind)),+];

        /// The types of this crate, by number.
        static DESCRIPTIONS: [Description; [$($number),+].len()] =
            [$(Description::of::<$body<LE>>()),+];
    };
}
each_record!(record_types);

/// Returns true if a type of this name may have this number: it is the name of this crate's own
/// type of that number, or there is none.
const fn is_free_for(kind: RecordType, name: &str) -> bool {
    let number = kind.0 as usize;
    if number >= RecordType::COUNT {
        return true;
    }
    let (own, name) = (NAMES[number].as_bytes(), name.as_bytes());
    let mut i = 0;
    while i < own.len() && i < name.len() && own[i] == name[i] {
        i += 1;
    }
    i == own.len() && i == name.len()
}

impl RecordType {
    /// Returns the description of the type, or `None` if it is none of this crate's.
    pub fn description(self) -> Option<&'static Description> {
        DESCRIPTIONS.get(usize::try_from(self.0).ok()?)
    }

    /// The name that `zstream dump` prints, or `None` for an unknown type.
    pub fn name(self) -> Option<&'static str> {
        self.description().map(|description| description.name)
    }
}

/// A record header of any type.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct ReplayRecord<O: ByteOrder> {
    /// The record's [`RecordType`].
    pub drr_type: U32<O>,
    /// Payload bytes after a BEGIN; zero in all other types, which derive theirs.
    pub payloadlen: U32<O>,
    /// The type's own fields, and zeros.
    pub body: [u8; 272],
    /// Fletcher-4 of the stream from its BEGIN up to this field; the end of the name in BEGIN.
    pub checksum: [U64<O>; 4],
}
assert_eq_size!(ReplayRecord<LE>, [u8; RECORD_SIZE]);
assert_eq_align!(ReplayRecord<LE>, u8);
const_assert_eq!(offset_of!(ReplayRecord<LE>, checksum), CHECKSUM_OFFSET);

/// A record body that knows its type and its byte order: what [`ReplayRecord::new`] and
/// [`ReplayRecord::body_as`] work on.
pub trait Body<O: ByteOrder>: FromBytes + IntoBytes + Immutable + KnownLayout + Unaligned {
    /// The record type that has this body.
    const TYPE: RecordType;
    /// The type's name.
    const NAME: &'static str;
    /// The body's fields, in order.
    const FIELDS: &'static [Field];
    /// Bound of the payload that follows such a record. Where a type with a payload has none, every payload is refused.
    const PAYLOAD: PayloadBound = PayloadBound::Absent;

    /// Bytes of payload that follow such a record; none unless the type says otherwise.
    fn payload_len(&self, record: &ReplayRecord<O>) -> u64 {
        let _ = record;
        0
    }
}

impl<O: ByteOrder> ReplayRecord<O> {
    /// A record with this body, everything else zero. A body that would reach into the record's
    /// checksum does not compile; only a BEGIN has none.
    pub fn new<B: Body<O>>(body: &B) -> Self {
        const {
            let is_begin = B::TYPE.0 == RecordType::BEGIN.0;
            let room = if is_begin { RECORD_SIZE } else { CHECKSUM_OFFSET };
            assert!(8 + size_of::<B>() <= room, "the body fits into a record");
            assert!(is_free_for(B::TYPE, B::NAME), "the number is of another type of this crate");
        }
        let mut record = Self::new_zeroed();
        record.drr_type = U32::new(B::TYPE.0);
        let bytes = body.as_bytes();
        // A BEGIN body is longer than `body`: its name runs on over the checksum field.
        record.as_mut_bytes()[8..8 + bytes.len()].copy_from_slice(bytes);
        record
    }

    /// The record's type.
    pub fn record_type(&self) -> RecordType {
        RecordType(self.drr_type.get())
    }

    /// The body as its own struct, if the record is of that type.
    pub fn body_as<B: Body<O>>(&self) -> Option<&B> {
        if self.record_type() != B::TYPE {
            return None;
        }
        B::ref_from_prefix(&self.as_bytes()[8..]).ok().map(|(body, _)| body)
    }

    /// As [`Self::body_as`], to be changed in place.
    pub fn body_as_mut<B: Body<O>>(&mut self) -> Option<&mut B> {
        if self.record_type() != B::TYPE {
            return None;
        }
        B::mut_from_prefix(&mut self.as_mut_bytes()[8..]).ok().map(|(body, _)| body)
    }
}
