//! Blocks that WRITE records hold, named as `zstream` takes them on a command line; and their contents.

use super::error::ChangeError;
use super::given::GivenError;
use super::packet::Packet;
use super::transform::SENT_TODAY;
use zsend_codec::decompress;
use zsend_ondisk::blkptr::{MAX_BLOCK_SIZE, MINBLOCK_SHIFT};
use zsend_records::drr::Write;
use zsend_records::flags::{Features, RecordFlags};
use zsend_records::types::{Checksum, Compress};
use zsend_records::zerocopy::byteorder::{LE, U64};

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

/// The block of `lsize` bytes that a record holds, decompressed as from `codec`.
pub(super) fn block(lsize: u64, stored: &[u8], codec: Compress) -> Result<Vec<u8>, String> {
    let len = usize::try_from(lsize).ok().filter(|&len| len as u64 <= MAX_BLOCK_SIZE);
    let len =
        len.ok_or_else(|| format!("logical size is {lsize}, expected at most {MAX_BLOCK_SIZE}"))?;
    let mut block = vec![0; len];
    decompress(codec, stored, &mut block).map_err(|e| e.to_string())?;
    Ok(block)
}

/// Replaces a WRITE's payload by the block that it holds.
pub(super) fn decompressed(mut packet: Packet) -> Result<Packet, ChangeError> {
    let Some(write) = packet.header.body_as::<Write<LE>>() else { return Ok(packet) };
    let Some(codec) = write.compression().filter(|&codec| codec != Compress::OFF) else {
        return Ok(without_codec(packet));
    };
    let found = block(write.logical_size.get(), packet.payload(), codec);
    let block = found.map_err(|why| ChangeError::contents(&packet.origin, named(write), why))?;
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
/// record holds now. A sender has none either of a block that does not lie on its disk as it is sent.
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
