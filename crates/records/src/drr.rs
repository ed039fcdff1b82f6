//! Every record of a send stream as it lies in the stream, 312 bytes each, in either byte order.
//!
//! Source of all layouts: OpenZFS `include/sys/zfs_ioctl.h`, `dmu_replay_record_t`, zfs-2.3.2. The
//! C union is [`ReplayRecord::body`] and [`ReplayRecord::checksum`] together: every record but
//! BEGIN has the running checksum in its last 32 bytes, and BEGIN has the end of its name there.

use crate::describe::{Description, Field};
use crate::payload;
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
            pub const COUNT: usize = DESCRIPTIONS.len();
        }

        /// The types of this crate, by number.
        static DESCRIPTIONS: [Description; [$($number),+].len()] =
            [$(Description::of::<$body<LE>>()),+];
    };
}
each_record!(record_types);

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

/// As [`crate::body!`], of a type in the list above.
macro_rules! body {
    ($(#[$doc:meta])* $name:ident = $kind:ident, $($rest:tt)+) => {
        $crate::body! {
            $(#[$doc])*
            pub $name = RecordType::$kind, stringify!($kind), $($rest)+
        }
    };
}

body! {
    /// `drr_begin`. Offsets beside the fields are those in the whole record.
    Begin = BEGIN, 304, payload: |_, record| record.payloadlen.get().into();
    /// [`MAGIC`]; its bytes tell the stream's byte order.
    magic: U64<O> = 8,
    /// Header type and features: see [`crate::flags::VersionInfo`].
    versioninfo: U64<O> = 16,
    /// `ds_creation_time` of the sent dataset, seconds.
    creation_time: U64<O> = 24,
    /// The object set's type: see [`crate::types::ObjsetType`].
    objset_type: U32<O> = 32,
    /// See [`crate::flags::BeginFlags`].
    flags: U32<O> = 36,
    /// Guid of the sent snapshot.
    toguid: U64<O> = 40,
    /// Guid of the incremental source, or zero.
    fromguid: U64<O> = 48,
    /// Full name of the sent snapshot, NUL-terminated.
    toname: [u8; NAME_SIZE] = 56,
}

body! {
    /// `drr_object`: a dnode. The bonus follows as payload.
    Object = OBJECT, 56, payload: |object, _| payload::object_len(object);
    /// Object number.
    object: U64<O> = 8,
    /// `dn_type`.
    object_type: U32<O> = 16,
    /// `dn_bonustype`.
    bonustype: U32<O> = 20,
    /// Data block size, bytes.
    blksz: U32<O> = 24,
    /// Bonus length, bytes.
    bonuslen: U32<O> = 28,
    /// `dn_checksum`.
    checksumtype: u8 = 32,
    /// `dn_compress`.
    compress: u8 = 33,
    /// Slots that the dnode takes; zero means one.
    dn_slots: u8 = 34,
    /// See [`crate::flags::RecordFlags`].
    flags: u8 = 35,
    /// Bytes of the raw bonus area that follow (raw streams).
    raw_bonuslen: U32<O> = 36,
    /// Guid of the sent snapshot.
    toguid: U64<O> = 40,
    /// `dn_indblkshift` (raw streams).
    indblkshift: u8 = 48,
    /// `dn_nlevels` (raw streams).
    nlevels: u8 = 49,
    /// `dn_nblkptr` (raw streams).
    nblkptr: u8 = 50,
    /// Zero.
    pad: [u8; 5] = 51,
    /// `dn_maxblkid` (raw streams).
    maxblkid: U64<O> = 56,
}

body! {
    /// `drr_freeobjects`: a run of object numbers that are free.
    FreeObjects = FREEOBJECTS, 24;
    /// First object number.
    firstobj: U64<O> = 8,
    /// Number of them.
    numobjs: U64<O> = 16,
    /// Guid of the sent snapshot.
    toguid: U64<O> = 24,
}

body! {
    /// `drr_write`: a block of data; it follows as payload.
    Write = WRITE, 132, payload: |write, _| payload::write_len(write);
    /// Object number.
    object: U64<O> = 8,
    /// DMU type of the data.
    object_type: U32<O> = 16,
    /// Zero.
    pad: U32<O> = 20,
    /// Offset in the object, bytes.
    offset: U64<O> = 24,
    /// Bytes of the block when decompressed.
    logical_size: U64<O> = 32,
    /// Guid of the sent snapshot.
    toguid: U64<O> = 40,
    /// Algorithm of the checksum in the key.
    checksumtype: u8 = 48,
    /// See [`crate::flags::RecordFlags`].
    flags: u8 = 49,
    /// Compression of the payload; zero if it is plain.
    compressiontype: u8 = 50,
    /// Zero.
    pad2: [u8; 5] = 51,
    /// The dedup key: the block pointer's checksum.
    key_cksum: [U64<O>; 4] = 56,
    /// The dedup key: the block's sizes and compression on disk, packed (`ddk_prop`).
    key_prop: U64<O> = 88,
    /// Payload bytes if `compressiontype` is not zero.
    compressed_size: U64<O> = 96,
    /// Encryption salt (raw streams).
    salt: [u8; 8] = 104,
    /// Initialisation vector (raw streams).
    iv: [u8; 12] = 112,
    /// Authentication tag (raw streams).
    mac: [u8; 16] = 124,
}

body! {
    /// `drr_free`: a hole in an object.
    Free = FREE, 32;
    /// Object number.
    object: U64<O> = 8,
    /// Offset in the object, bytes.
    offset: U64<O> = 16,
    /// Bytes; [`OBJECT_END`] means to the end.
    length: U64<O> = 24,
    /// Guid of the sent snapshot.
    toguid: U64<O> = 32,
}

body! {
    /// `drr_end`: closes a stream.
    End = END, 40;
    /// Fletcher-4 of everything before this record.
    end_checksum: [U64<O>; 4] = 8,
    /// Guid of the sent snapshot.
    toguid: U64<O> = 40,
}

body! {
    /// `drr_write_byref`: a block that the stream already held (written only before OpenZFS 2.0).
    WriteByref = WRITE_BYREF, 104;
    /// Object number.
    object: U64<O> = 8,
    /// Offset in the object, bytes.
    offset: U64<O> = 16,
    /// Bytes.
    length: U64<O> = 24,
    /// Guid of the sent snapshot.
    toguid: U64<O> = 32,
    /// Guid of the snapshot that holds the data.
    refguid: U64<O> = 40,
    /// Object that holds the data.
    refobject: U64<O> = 48,
    /// Offset of the data in it.
    refoffset: U64<O> = 56,
    /// Algorithm of the checksum in the key.
    checksumtype: u8 = 64,
    /// See [`crate::flags::RecordFlags`].
    flags: u8 = 65,
    /// Zero.
    pad2: [u8; 6] = 66,
    /// The dedup key: checksum.
    key_cksum: [U64<O>; 4] = 72,
    /// The dedup key: properties.
    key_prop: U64<O> = 104,
}

body! {
    /// `drr_spill`: an object's spill block; it follows as payload.
    Spill = SPILL, 80, payload: |spill, _| payload::spill_len(spill);
    /// Object number.
    object: U64<O> = 8,
    /// Bytes of the block when decompressed.
    length: U64<O> = 16,
    /// Guid of the sent snapshot.
    toguid: U64<O> = 24,
    /// See [`crate::flags::RecordFlags`].
    flags: u8 = 32,
    /// Compression of the payload (raw streams).
    compressiontype: u8 = 33,
    /// Zero.
    pad: [u8; 6] = 34,
    /// Payload bytes (raw streams).
    compressed_size: U64<O> = 40,
    /// Encryption salt (raw streams).
    salt: [u8; 8] = 48,
    /// Initialisation vector (raw streams).
    iv: [u8; 12] = 56,
    /// Authentication tag (raw streams).
    mac: [u8; 16] = 68,
    /// In the struct, but no sender sets it.
    object_type: U32<O> = 84,
}

body! {
    /// `drr_write_embedded`: a block that lay in its block pointer; its bytes follow as payload.
    WriteEmbedded = WRITE_EMBEDDED, 48,
    payload: |embedded, _| payload::round_up_8(embedded.psize.get());
    /// Object number.
    object: U64<O> = 8,
    /// Offset in the object, bytes.
    offset: U64<O> = 16,
    /// The object's block size, bytes.
    length: U64<O> = 24,
    /// Guid of the sent snapshot.
    toguid: U64<O> = 32,
    /// Compression of the payload.
    compression: u8 = 40,
    /// Kind of embedded data: zero is plain data.
    etype: u8 = 41,
    /// Zero.
    pad: [u8; 6] = 42,
    /// Bytes when decompressed.
    lsize: U32<O> = 48,
    /// Bytes as stored; the payload is this, rounded up to eight.
    psize: U32<O> = 52,
}

body! {
    /// `drr_object_range`: the encryption parameters of a block of dnodes (raw streams).
    ObjectRange = OBJECT_RANGE, 64;
    /// First object number of the block.
    firstobj: U64<O> = 8,
    /// Dnode slots in the block.
    numslots: U64<O> = 16,
    /// Guid of the sent snapshot.
    toguid: U64<O> = 24,
    /// Encryption salt.
    salt: [u8; 8] = 32,
    /// Initialisation vector.
    iv: [u8; 12] = 40,
    /// Authentication tag.
    mac: [u8; 16] = 52,
    /// See [`crate::flags::RecordFlags`].
    flags: u8 = 68,
    /// Zero.
    pad: [u8; 3] = 69,
}

body! {
    /// `drr_redact`: a range whose contents are withheld.
    Redact = REDACT, 32;
    /// Object number.
    object: U64<O> = 8,
    /// Offset in the object, bytes.
    offset: U64<O> = 16,
    /// Bytes.
    length: U64<O> = 24,
    /// Guid of the sent snapshot.
    toguid: U64<O> = 32,
}
