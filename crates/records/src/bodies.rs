//! Bodies of the records, each with its fields by name, width and offset in the whole record.

use crate::drr::{NAME_SIZE, RecordType};
use crate::payload;
use zerocopy::byteorder::{U32, U64};

/// As [`crate::body!`], of a type in the list of [`RecordType`]s.
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
    Begin = BEGIN, 304, payload: List, |_, record| record.payloadlen.get().into();
    /// [`crate::drr::MAGIC`]; its bytes tell the stream's byte order.
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
    Object = OBJECT, 56, payload: Bonus, |object, _| payload::object_len(object);
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
    Write = WRITE, 132, payload: Block, |write, _| payload::write_len(write);
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
    /// Bytes; [`crate::drr::OBJECT_END`] means to the end.
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
    Spill = SPILL, 80, payload: Block, |spill, _| payload::spill_len(spill);
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
    payload: Embedded, |embedded, _| payload::round_up_8(embedded.psize.get());
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
