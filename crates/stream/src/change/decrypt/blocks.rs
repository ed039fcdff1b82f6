//! Blocks of a raw stream, decrypted.

use super::super::blocks::{self, named, without_codec, without_key};
use super::super::error::ChangeError;
use super::super::packet::Packet;
use crate::raw::turn;
use zsend_crypto::{BlockParams, CryptoError, DatasetKey};
use zsend_records::drr::{Spill, Write};
use zsend_records::flags::RecordFlags;
use zsend_records::types::{Compress, DmuType};
use zsend_records::zerocopy::byteorder::LE;

/// Makes of a raw WRITE that of a plain stream. Its block stays compressed where a sender leaves it so: not if it is
/// metadata, and not if it is of the other byte order.
///
/// Source: OpenZFS `module/zfs/dmu_send.c`, `dmu_dump_write()` and `issue_data_read()`, zfs-2.3.2.
pub(super) fn plain_write(mut packet: Packet, key: &DatasetKey) -> Result<Packet, ChangeError> {
    let Some(write) = packet.header.body_as::<Write<LE>>().copied() else { return Ok(packet) };
    let mut block = packet.take_payload();
    let wrong = |why: String| ChangeError::contents(&packet.origin, named(&write), why);
    let kind = write.object_type().filter(|kind| kind.is_valid());
    let kind = kind.ok_or_else(|| wrong(format!("type {} is none", write.object_type.get())))?;
    let codec = write.compression().ok_or_else(|| wrong("it has no compression".to_owned()))?;
    let params = BlockParams { salt: write.salt, iv: write.iv, mac: write.mac };
    open(key, kind, &params, &mut block).map_err(|e| wrong(e.to_string()))?;
    let is_swapped = write.flags().contains(RecordFlags::RAW_BYTESWAP);
    let stays = codec != Compress::OFF && !is_swapped && !kind.is_metadata();
    if !stays {
        block = decompressed(block, write.logical_size.get(), codec).map_err(wrong)?;
    }
    if is_swapped {
        turn(kind, packet.order, &mut block);
    }
    packet.set_payload(block);
    if let Some(write) = packet.body_mut::<Write<LE>>() {
        without_key(write);
        write.flags = 0;
        (write.salt, write.iv, write.mac) = ([0; 8], [0; 12], [0; 16]);
    }
    Ok(if stays { packet } else { without_codec(packet) })
}

/// Makes of a raw SPILL that of a plain stream, which is never compressed.
pub(super) fn plain_spill(mut packet: Packet, key: &DatasetKey) -> Result<Packet, ChangeError> {
    let Some(spill) = packet.header.body_as::<Spill<LE>>().copied() else { return Ok(packet) };
    let mut block = packet.take_payload();
    let wrong = |why: String| {
        ChangeError::contents(
            &packet.origin,
            format!("spill block of object {}", spill.object),
            why,
        )
    };
    let params = BlockParams { salt: spill.salt, iv: spill.iv, mac: spill.mac };
    open(key, DmuType::SA, &params, &mut block).map_err(|e| wrong(e.to_string()))?;
    let mut block =
        decompressed(block, spill.length.get(), spill.compression().unwrap_or(Compress::OFF))
            .map_err(wrong)?;
    if spill.flags().contains(RecordFlags::RAW_BYTESWAP) {
        turn(DmuType::SA, packet.order, &mut block);
    }
    packet.set_payload(block);
    if let Some(spill) = packet.body_mut::<Spill<LE>>() {
        spill.flags &= RecordFlags::SPILL_UNMODIFIED.bits();
        spill.compressiontype = 0;
        spill.compressed_size = 0.into();
        (spill.salt, spill.iv, spill.mac) = ([0; 8], [0; 12], [0; 16]);
    }
    Ok(packet)
}

/// Decrypts a block in place, and checks its MAC. A type that is not encrypted has a MAC alone.
fn open(
    key: &DatasetKey,
    kind: DmuType,
    params: &BlockParams,
    block: &mut [u8],
) -> Result<(), CryptoError> {
    if kind.is_encrypted() {
        key.decrypt(params, &[], block)
    } else {
        key.verify_data(block, &params.mac)
    }
}

/// A block without its compression.
fn decompressed(stored: Vec<u8>, lsize: u64, codec: Compress) -> Result<Vec<u8>, String> {
    if codec != Compress::OFF {
        return blocks::block(lsize, &stored, codec);
    }
    if stored.len() as u64 != lsize {
        return Err(format!("a block of {lsize} bytes has {} of them", stored.len()));
    }
    Ok(stored)
}
