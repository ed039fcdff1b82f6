//! Events from a traversal to the encoder: one for each thing that a sender dumps, in send order.

use std::any::{Any, type_name};
use std::fmt;
use std::sync::Arc;
use zsend_records::flags::BeginFlags;
use zsend_records::types::{Checksum, Compress, DmuType, ObjsetType};
use zsend_records::writer::Payload;

/// Encryption parameters of a block, as byte strings. Records have no other, so a value is made and matched by
/// its fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct CryptParams {
    /// Salt of the block's key.
    pub salt: [u8; 8],
    /// Initialisation vector.
    pub iv: [u8; 12],
    /// Authentication tag.
    pub mac: [u8; 16],
    /// True if the block is of the other byte order than the stream.
    pub byteswap: bool,
}

/// Fields of a block pointer that records repeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct BlockInfo {
    /// DMU type in the pointer.
    pub object_type: DmuType,
    /// Bytes when decompressed.
    pub lsize: u64,
    /// Bytes as stored.
    pub psize: u64,
    /// Compression as stored.
    pub compress: Compress,
    /// Checksum algorithm.
    pub checksum_type: Checksum,
    /// The checksum words.
    pub checksum: [u64; 4],
    /// Encrypted or authenticated.
    pub protected: bool,
    /// Encryption parameters, for raw streams.
    pub crypt: CryptParams,
    /// The bytes lie in the pointer; this is what kind (zero is data).
    pub embedded: Option<u8>,
}

/// Form of a WRITE's payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteForm {
    /// The decompressed block, described by its pointer.
    Plain,
    /// The block as stored, or decrypted but still compressed.
    Compressed,
    /// The block as stored, encrypted.
    Raw,
    /// A part of a block, or a block that lay in its pointer: no checksum describes it.
    Anonymous,
}

/// BEGIN.
#[derive(Clone, Debug)]
pub struct Begin<P = Payload> {
    /// `ds_creation_time`, seconds.
    pub creation_time: u64,
    /// Kind of object set.
    pub objset_type: ObjsetType,
    /// See [`BeginFlags`].
    pub flags: BeginFlags,
    /// Guid of what is sent. Another than the other records have, of what a receive has that has not ended:
    /// `setup_begin_record()`, OpenZFS `module/zfs/dmu_send.c`, zfs-2.3.2.
    pub toguid: u64,
    /// Guid of the incremental source, or zero.
    pub fromguid: u64,
    /// Full name of what is sent.
    pub toname: String,
    /// The packed nvlist, or nothing.
    pub payload: P,
}

/// A dnode.
#[derive(Clone, Debug)]
pub struct Object<P = Payload> {
    /// Object number.
    pub object: u64,
    /// `dn_type`.
    pub object_type: DmuType,
    /// `dn_bonustype`.
    pub bonustype: DmuType,
    /// Data block size, bytes, as it is.
    pub blksz: u64,
    /// Bytes of the bonus.
    pub bonuslen: u32,
    /// `dn_checksum`.
    pub checksum: u8,
    /// `dn_compress`.
    pub compress: u8,
    /// Slots that it takes, at most 256, of which the record keeps a byte.
    pub slots: u64,
    /// `dn_maxblkid`.
    pub maxblkid: u64,
    /// `dn_indblkshift`.
    pub indblkshift: u8,
    /// `dn_nlevels`.
    pub nlevels: u8,
    /// `dn_nblkptr`.
    pub nblkptr: u8,
    /// True if the dnode has a spill block.
    pub has_spill: bool,
    /// True if its block is of the other byte order than the stream (raw streams).
    pub byteswap: bool,
    /// The bonus, rounded up to eight bytes; in a raw stream the whole bonus area.
    pub bonus: P,
}

/// A hole: a block pointer, at any level, below which there is nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hole {
    /// Object number; zero is the meta-dnode, whose holes are free objects.
    pub object: u64,
    /// Level of the pointer.
    pub level: u32,
    /// Block number at that level.
    pub blkid: u64,
    /// `dn_indblkshift` of the object.
    pub indblkshift: u8,
    /// `dn_datablkszsec` of the object.
    pub datablkszsec: u16,
    /// `dn_maxblkid` of the object.
    pub maxblkid: u64,
    /// True if the object's type is metadata.
    pub is_metadata: bool,
}

/// A block, or a part of one that is too large for the stream.
#[derive(Clone, Debug)]
pub struct Write<P = Payload> {
    /// Object number.
    pub object: u64,
    /// `dn_type` of the object.
    pub dnode_type: DmuType,
    /// Offset in the object, bytes.
    pub offset: u64,
    /// Bytes of this block or part when decompressed.
    pub logical_size: u64,
    /// Form of the payload.
    pub form: WriteForm,
    /// Fields of the block pointer.
    pub block: BlockInfo,
    /// The payload.
    pub payload: P,
}

/// A block that lay in its pointer and is sent so.
#[derive(Clone, Debug)]
pub struct WriteEmbedded<P = Payload> {
    /// Object number.
    pub object: u64,
    /// Offset in the object, bytes.
    pub offset: u64,
    /// Data block size of the object, bytes.
    pub blksz: u64,
    /// Fields of the block pointer.
    pub block: BlockInfo,
    /// The stored bytes, padded with zeros to a multiple of eight.
    pub payload: P,
}

/// An object's spill block.
#[derive(Clone, Debug)]
pub struct Spill<P = Payload> {
    /// Object number.
    pub object: u64,
    /// Not born after the incremental source; sent all the same.
    pub unmodified: bool,
    /// Fields of the block pointer.
    pub block: BlockInfo,
    /// Plain, or in a raw stream as stored.
    pub payload: P,
}

/// A block of dnodes, before its objects (only raw streams say so).
#[derive(Clone, Copy, Debug)]
pub struct ObjectRange {
    /// First object number.
    pub firstobj: u64,
    /// Dnode slots.
    pub numslots: u64,
    /// Encryption parameters of the block.
    pub crypt: CryptParams,
}

/// A free dnode slot.
#[derive(Clone, Copy, Debug)]
pub struct FreeSlot {
    /// Its object number.
    pub object: u64,
}

/// A redacted block.
#[derive(Clone, Copy, Debug)]
pub struct Redact {
    /// Object number.
    pub object: u64,
    /// Offset, bytes.
    pub offset: u64,
    /// Bytes.
    pub length: u64,
}

/// The stream closes: what [`Encoder::finish`](crate::encoder::Encoder::finish) gives the table.
#[derive(Clone, Copy, Debug)]
pub struct End;

/// An event of another crate. Any type is one; [`Encoders`](crate::encoders::Encoders) finds its
/// encoder by the type.
pub trait OtherEvent: Any + fmt::Debug + Send + Sync {
    /// The type's name, for errors.
    fn name(&self) -> &'static str;
}

impl<T: Any + fmt::Debug + Send + Sync> OtherEvent for T {
    fn name(&self) -> &'static str {
        type_name::<T>()
    }
}

/// One step of a send, with payloads that are there or, where sizes alone are wanted, counted.
#[derive(Clone, Debug)]
pub enum Event<P = Payload> {
    /// The stream opens.
    Begin(Begin<P>),
    /// A block of dnodes.
    ObjectRange(ObjectRange),
    /// A dnode.
    Object(Object<P>),
    /// A free dnode slot.
    FreeSlot(FreeSlot),
    /// A hole, in an object or in the meta-dnode.
    Hole(Hole),
    /// A redacted block.
    Redact(Redact),
    /// Data.
    Write(Write<P>),
    /// Data that lay in its pointer.
    WriteEmbedded(WriteEmbedded<P>),
    /// A spill block.
    Spill(Spill<P>),
    /// Event of another crate, which has an encoder for it.
    Other(Arc<dyn OtherEvent>),
}

impl<P> Event<P> {
    /// An event of another crate.
    pub fn other(event: impl OtherEvent) -> Self {
        Self::Other(Arc::new(event))
    }
}
