//! Blocks that WRITE records hold, named as `zstream` takes them on a command line; and their contents.

use super::error::ChangeError;
use super::given::GivenError;
use super::packet::Packet;
use super::transform::SENT_TODAY;
use std::collections::{BTreeMap, BTreeSet};
use zsend_codec::decompress;
use zsend_ondisk::blkptr::{MAX_BLOCK_SIZE, MINBLOCK_SHIFT};
use zsend_records::bytes::Bytes;
use zsend_records::drr::{Object, RecordType, Write, WriteEmbedded};
use zsend_records::flags::{Features, RecordFlags};
use zsend_records::reader::Role;
use zsend_records::sizes::in_memory;
use zsend_records::types::{Checksum, Compress, DmuType};
use zsend_records::zerocopy::FromZeros;
use zsend_records::zerocopy::byteorder::{LE, U64};

pub(super) use zsend_records::sizes::OLD_MAX_BLOCK_SIZE;

/// Unit of the sizes of stored blocks, in bytes: `SPA_MINBLOCKSIZE`.
pub(super) const SECTOR: usize = 1 << MINBLOCK_SHIFT;

/// Features of streams whose blocks can be looked into: all that senders of today set but that of encrypted blocks.
pub(super) const NOT_RAW: Features = SENT_TODAY.difference(Features::RAW);

/// Returns true if a word can only be `OBJECT,OFFSET` or more.
pub(super) fn is_block(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_digit()) && word.contains(',')
}

/// Object and offset, and what is left of the word behind another comma.
pub(super) fn parse(word: &str) -> Result<((u64, u64), Option<&str>), GivenError> {
    let mut parts = word.splitn(3, ',');
    let mut number = |name| {
        let text = parts.next().unwrap_or_default();
        let parsed = match text.strip_prefix("0x") {
            Some(digits) => u64::from_str_radix(digits, 16),
            None => text.parse(),
        };
        parsed.map_err(|_| {
            GivenError::new(format!("'{text}' is no {name}: OBJECT,OFFSET are two numbers"))
        })
    };
    let block = (number("object")?, number("offset")?);
    Ok((block, parts.next()))
}

/// Blocks that a user has named, as far as no record had them.
#[derive(Debug)]
pub(super) struct Unmet {
    blocks: BTreeSet<(u64, u64)>,
    in_package: bool,
}

impl Unmet {
    pub(super) fn new(blocks: impl IntoIterator<Item = (u64, u64)>) -> Self {
        Self { blocks: blocks.into_iter().collect(), in_package: false }
    }

    /// Takes note of a record of this block.
    pub(super) fn met(&mut self, block: (u64, u64)) {
        self.blocks.remove(&block);
    }

    /// Notes at the end of the stream or package the blocks that it does not have.
    pub(super) fn end(&mut self, packet: &mut Packet) {
        self.in_package |= packet.role == Role::PackageBegin;
        let is_end = packet.record_type() == RecordType::END;
        let is_last = packet.role == Role::PackageEnd || is_end && !self.in_package;
        if is_last && !self.blocks.is_empty() {
            let named = self.blocks.iter().map(|(object, offset)| format!("{object},{offset}"));
            packet.note(format!("not in the stream: {}", named.collect::<Vec<_>>().join(" ")));
        }
    }
}

/// The block of `lsize` bytes that a record holds, decompressed as from `codec`.
pub(super) fn block(lsize: u64, stored: &[u8], codec: Compress) -> Result<Vec<u8>, String> {
    let len = usize::try_from(lsize).ok().filter(|&len| len as u64 <= MAX_BLOCK_SIZE);
    let len =
        len.ok_or_else(|| format!("logical size is {lsize}, expected at most {MAX_BLOCK_SIZE}"))?;
    let mut block = vec![0; len];
    decompress(codec, stored, &mut block).map_err(|e| e.to_string())?;
    Ok(block)
}

/// The block of a WRITE, decompressed as its header says.
pub(super) fn plain(packet: &Packet, write: &Write<LE>) -> Result<Bytes, ChangeError> {
    match write.compression().filter(|&codec| codec != Compress::OFF) {
        None => Ok(packet.payload().clone()),
        Some(codec) => block(write.logical_size.get(), packet.payload(), codec)
            .map(Bytes::from)
            .map_err(|why| ChangeError::contents(&packet.origin, named(write), why)),
    }
}

/// The block of a WRITE_EMBEDDED, decompressed, and the WRITE that holds it plain. `object_type` is that of its object.
pub(super) fn embedded_block(
    packet: &Packet,
    embedded: &WriteEmbedded<LE>,
    object_type: DmuType,
) -> Result<(Write<LE>, Vec<u8>), ChangeError> {
    let mut write = Write::new_zeroed();
    write.object = embedded.object;
    write.object_type = u32::from(object_type.0).into();
    write.offset = embedded.offset;
    write.toguid = embedded.toguid;
    write.checksumtype = Checksum::OFF.0;
    write.logical_size = u64::from(embedded.lsize.get()).into();
    let psize = in_memory(embedded.psize.get().into());
    let stored = packet.payload().get(..psize).unwrap_or(packet.payload());
    let codec = match embedded.compression() {
        Compress(0) => Compress::OFF,
        codec => codec,
    };
    let found = block(write.logical_size.get(), stored, codec);
    let block = found.map_err(|why| ChangeError::contents(&packet.origin, named(&write), why))?;
    Ok((write, block))
}

/// Replaces a WRITE's payload by the block that it holds.
pub(super) fn decompressed(mut packet: Packet) -> Result<Packet, ChangeError> {
    let Some(write) = packet.header.body_as::<Write<LE>>() else { return Ok(packet) };
    let block = plain(&packet, write)?;
    packet.set_payload(block);
    Ok(without_codec(packet))
}

/// Says in a WRITE's header that its payload is not compressed.
pub(super) fn without_codec(mut packet: Packet) -> Packet {
    if let Some(write) = packet.body_mut::<Write<LE>>() {
        write.compressiontype = 0;
        write.compressed_size = 0.into();
    }
    packet
}

/// Takes the checksum of the block that the sender had out of a WRITE's header, as it is not the one of what the
/// record holds now. A sender has none either where a record holds a part of a block, or a block that lies embedded or
/// encrypted on its disk.
///
/// Source: OpenZFS `module/zfs/dmu_send.c`, `dmu_dump_write()`, zfs-2.3.2.
pub(super) fn without_key(write: &mut Write<LE>) {
    write.checksumtype = Checksum::OFF.0;
    write.flags &= !RecordFlags::CHECKSUM_DEDUP.bits();
    (write.key_cksum, write.key_prop) = ([U64::ZERO; 4], U64::ZERO);
}

/// Object and offset of a block, for messages.
pub(super) fn named(write: &Write<LE>) -> String {
    format!("object {}, offset {}", write.object, write.offset)
}

/// A WRITE of plain bytes, which has no checksum of a block on the sender's disk.
pub(super) fn anonymous(write: &Write<LE>, offset: u64, len: u64) -> Write<LE> {
    let mut piece = Write::new_zeroed();
    piece.object = write.object;
    piece.object_type = write.object_type;
    piece.toguid = write.toguid;
    piece.offset = offset.into();
    piece.logical_size = len.into();
    piece.checksumtype = Checksum::OFF.0;
    piece
}

/// A number of bytes, with K, M or G behind it for its power of 1024.
pub(super) fn parse_size(text: &str) -> Result<u64, GivenError> {
    let unit = |end| text.strip_suffix([end, char::to_ascii_lowercase(&end)]);
    let (digits, shift) = match (unit('K'), unit('M'), unit('G')) {
        (Some(digits), ..) => (digits, 10),
        (_, Some(digits), _) => (digits, 20),
        (.., Some(digits)) => (digits, 30),
        _ => (text, 0),
    };
    let size = digits.parse::<u64>().ok().and_then(|size| size.checked_mul(1 << shift));
    size.ok_or_else(|| GivenError::new(format!("'{text}' is no size: 512, 128K, 1M")))
}

/// A value of each object whose data may still come: a sender has up to a block of dnodes in front of their data.
#[derive(Clone, Debug)]
pub(super) struct Objects<T>(BTreeMap<u64, T>);

/// Types of objects.
pub(super) type ObjectTypes = Objects<DmuType>;

impl ObjectTypes {
    /// Notes the type of an object.
    ///
    /// # Errors
    /// [`ChangeError::Contents`] for a type that no dnode can hold.
    pub(super) fn note_object(
        &mut self,
        packet: &Packet,
        object: &Object<LE>,
    ) -> Result<(), ChangeError> {
        let kind = object.object_type().ok_or_else(|| {
            let (what, found) = (format!("object {}", object.object), object.object_type);
            ChangeError::contents(&packet.origin, what, format!("type {found} is none"))
        })?;
        self.note(object.object.get(), kind);
        Ok(())
    }
}

/// Objects that are kept: more than a block of dnodes has.
const MOST_OBJECTS: usize = 64;

impl<T> Default for Objects<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T: Copy> Objects<T> {
    /// Notes the value of an object. That of the first goes where there are too many.
    pub(super) fn note(&mut self, object: u64, value: T) {
        self.0.insert(object, value);
        if self.0.len() > MOST_OBJECTS {
            self.0.pop_first();
        }
    }

    /// The value of an object, if it is known.
    pub(super) fn of(&self, object: u64) -> Option<T> {
        self.0.get(&object).copied()
    }

    /// Forgets the value of an object.
    pub(super) fn forget(&mut self, object: u64) {
        self.0.remove(&object);
    }

    /// Forgets all.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}
