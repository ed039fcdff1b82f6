//! `recompress`: blocks compressed by another codec, on all cores.

use super::blocks::{NOT_RAW, Objects, SECTOR, decompressed, named, without_codec, without_key};
use super::error::ChangeError;
use super::given::{Files, Given, GivenError, Operand, Opt, Verb};
use super::packet::Packet;
use super::transform::{Out, Transform};
use std::cell::RefCell;
use zsend_codec::{CompressError, Compression, Compressor};
use zsend_records::drr::{Begin, Object, Write};
use zsend_records::flags::Features;
use zsend_records::reader::Role;
use zsend_records::types::Compress;
use zsend_records::zerocopy::byteorder::LE;

pub(super) static VERB: Verb = Verb {
    name: "recompress",
    alias: None,
    about: "Compress the blocks of a stream by another codec",
    examples: &[
        "zsend recompress zstd-10 monday.zsend -o small.zsend",
        "zsend send tank/home@monday | zsend recompress lz4 | ssh host zfs receive backup/home",
        "zsend recompress off monday.zsend | zfs receive tank/home",
    ],
    operands: &[Operand {
        name: "ALGORITHM",
        help: "A value of the property compression: off, on, lz4, lzjb, zle, gzip, gzip-1 to gzip-9, zstd, zstd-1 to zstd-19, \
               zstd-fast, zstd-fast-N. A block that does not become smaller goes without",
        any: None,
    }],
    options: &[Opt {
        long: "level",
        short: Some('l'),
        value: Some("LEVEL"),
        is_repeated: false,
        help: "Level, if the algorithm's name has none",
    }],
    files: Files::One,
    make,
};

/// Longest block whose buffers a thread keeps for the next.
const KEPT: usize = 1 << 20;

/// Compresses blocks anew.
#[derive(Debug)]
struct Recompress {
    compression: Compression,
    /// Features of a stream with blocks so compressed.
    features: Features,
    /// Sizes of the blocks of objects.
    sizes: Objects<u64>,
}

fn make(given: &Given) -> Result<Box<dyn Transform>, GivenError> {
    let name = given.operand(0, "ALGORITHM")?;
    let name = match given.value("level") {
        Some(level) => format!("{name}-{level}"),
        None => name.to_owned(),
    };
    let compression = name.parse::<Compression>().map_err(|e| GivenError::new(e.to_string()))?;
    Compressor::new(compression).map_err(|e| GivenError::new(e.to_string()))?;
    let codec = compression.compress();
    let features = features_of(codec)
        .ok_or_else(|| GivenError::new(format!("no stream says that it has blocks of {codec}")))?;
    Ok(Box::new(Recompress { compression, features, sizes: Objects::default() }))
}

impl Transform for Recompress {
    fn takes(&self) -> Features {
        NOT_RAW
    }

    fn record(&mut self, mut packet: Packet, out: &mut Out) -> Result<(), ChangeError> {
        let compression = self.compression;
        if packet.role == Role::Stream
            && let Some(begin) = packet.body_mut::<Begin<LE>>()
        {
            announce(begin, self.features);
            self.sizes.clear();
        }
        if let Some(object) = packet.header.body_as::<Object<LE>>() {
            self.sizes.note(object.object.get(), object.blksz.get().into());
        }
        let Some(write) = packet.header.body_as::<Write<LE>>() else {
            out.put(packet);
            return Ok(());
        };
        // A compressed block of metadata would not be turned by a receiver of the other byte order:
        // `flush_write_batch_impl()`, OpenZFS `module/zfs/dmu_recv.c`, zfs-2.3.2.
        let is_metadata = write.object_type().is_none_or(|kind| kind.is_metadata());
        // A receiver stores what is compressed as a block of the object.
        let size = self.sizes.of(write.object.get());
        let is_piece = size.is_some_and(|size| size != write.logical_size.get());
        let stays_plain = is_metadata || is_piece || compression.compress() == Compress::OFF;
        out.put_after(packet, move |packet| {
            let packet = decompressed(packet)?;
            if stays_plain { Ok(packet) } else { compressed(packet, compression) }
        });
        Ok(())
    }
}

/// Announces blocks of a codec with these features in a BEGIN. What is announced already stays, as
/// `zstream recompress off` leaves it.
fn announce(begin: &mut Begin<LE>, features: Features) {
    begin.set_features(begin.features() | features);
}

/// Features of a stream with blocks of this codec; `None` for one that is not known.
fn features_of(codec: Compress) -> Option<Features> {
    match codec {
        Compress::OFF => Some(Features::empty()),
        codec => codec.feature().map(|feature| Features::COMPRESSED | feature),
    }
}

/// Compresses a block, which is not compressed yet.
///
/// Source: OpenZFS `cmd/zstream/zstream_recompress.c`, `zstream_do_recompress()`, zfs-2.3.2.
fn compressed(mut packet: Packet, compression: Compression) -> Result<Packet, ChangeError> {
    let name = packet.header.body_as::<Write<LE>>().map(named).unwrap_or_default();
    let made = compress(packet.payload(), compression);
    let made = made.map_err(|e| ChangeError::contents(&packet.origin, name, e.to_string()))?;
    let Some(stored) = made else { return Ok(without_codec(packet)) };
    if let Some(write) = packet.body_mut::<Write<LE>>() {
        write.compressiontype = compression.compress().0;
        write.compressed_size = (stored.len() as u64).into();
        without_key(write);
    }
    packet.set_payload(stored);
    Ok(packet)
}

/// The block as it is stored, filled up to whole sectors; `None` if it does not become smaller.
fn compress(block: &[u8], compression: Compression) -> Result<Option<Vec<u8>>, CompressError> {
    thread_local! {
        static STATE: RefCell<Option<(Compressor, Vec<u8>)>> = const { RefCell::new(None) };
    }
    STATE.with_borrow_mut(|state| {
        if state.as_ref().is_none_or(|(made, _)| made.compression() != compression) {
            *state = Some((Compressor::new(compression)?, Vec::new()));
        }
        let Some((compressor, buffer)) = state else { return Ok(None) };
        let room = compressor.room(block.len());
        if buffer.len() < room {
            buffer.resize(room, 0);
        }
        let Some(len) = compressor.compress(block, &mut buffer[..room])? else {
            return Ok(None);
        };
        let psize = len.next_multiple_of(SECTOR);
        if psize >= block.len() {
            return Ok(None);
        }
        let stored = if block.len() > KEPT {
            let mut large = std::mem::take(buffer);
            large.truncate(len);
            large.resize(psize, 0);
            // Many of them may wait to be written together.
            large.shrink_to_fit();
            *state = None;
            large
        } else {
            let mut stored = Vec::with_capacity(psize);
            stored.extend_from_slice(&buffer[..len]);
            stored.resize(psize, 0);
            stored
        };
        Ok(Some(stored))
    })
}
