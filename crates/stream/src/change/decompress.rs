//! `decompress`: WRITE records without compression, all of them or some.

use super::blocks::{self, NOT_RAW, Unmet, decompressed, named, without_codec};
use super::error::ChangeError;
use super::given::{Files, Given, GivenError, Operand, Opt, Verb};
use super::packet::Packet;
use super::transform::{Out, Transform};
use std::collections::BTreeMap;
use zsend_records::drr::Write;
use zsend_records::flags::Features;
use zsend_records::types::Compress;
use zsend_records::zerocopy::byteorder::LE;

pub(super) static VERB: Verb = Verb {
    name: "decompress",
    alias: None,
    about: "Decompress the blocks of a stream: all, or those whose header is wrong about them",
    examples: &[
        "zsend decompress monday.zsend -o plain.zsend",
        "zsend send -c tank/home@monday | zsend decompress | zfs receive backup/home",
        "zsend decompress 128,0,lz4 damaged.zsend | zfs receive tank/home",
    ],
    operands: &[Operand {
        name: "OBJECT,OFFSET[,TYPE]",
        help: "Blocks to decompress, whatever their headers say: from off, gzip, lz4 (if no type is given), lzjb, zle or \
               zstd; off changes the header alone. One that does not decompress is left as it is, and off \
               leaves what is no whole block. All blocks, as their headers say, if none is named",
        any: Some(blocks::is_block),
    }],
    options: &[Opt::verbose("Name the blocks that were decompressed")],
    files: Files::One,
    make,
};

/// Decompresses blocks.
#[derive(Debug)]
struct Decompress {
    /// Blocks by object and offset, with the codec of each; all of them if there is none.
    blocks: BTreeMap<(u64, u64), Compress>,
    unmet: Unmet,
    verbose: bool,
}

fn make(given: &Given) -> Result<Box<dyn Transform>, GivenError> {
    let blocks = given.operands.iter().map(|word| {
        let (block, codec) = blocks::parse(word)?;
        Ok((block, codec.map_or(Ok(Compress::LZ4), codec_of)?))
    });
    let blocks: BTreeMap<_, _> = blocks.collect::<Result<_, _>>()?;
    let unmet = Unmet::new(blocks.keys().copied());
    Ok(Box::new(Decompress { blocks, unmet, verbose: given.has("verbose") }))
}

/// The codec of this name, as `zstream decompress` takes it.
fn codec_of(name: &str) -> Result<Compress, GivenError> {
    Ok(match name {
        "off" => Compress::OFF,
        "lz4" => Compress::LZ4,
        "lzjb" => Compress::LZJB,
        "gzip" => Compress::GZIP_1,
        "zle" => Compress::ZLE,
        "zstd" => Compress::ZSTD,
        _ => {
            return Err(GivenError::new(format!(
                "'{name}' is no type of compression: off, lz4, lzjb, gzip, zle or zstd"
            )));
        }
    })
}

impl Transform for Decompress {
    fn takes(&self) -> Features {
        NOT_RAW
    }

    fn record(&mut self, mut packet: Packet, out: &mut Out) -> Result<(), ChangeError> {
        let verbose = self.verbose;
        self.unmet.end(&mut packet);
        let Some(write) = packet.header.body_as::<Write<LE>>() else {
            out.put(packet);
            return Ok(());
        };
        if self.blocks.is_empty() {
            out.put_after(packet, move |packet| as_said(packet, verbose));
        } else if let Some(&codec) = self.blocks.get(&(write.object.get(), write.offset.get())) {
            self.unmet.met((write.object.get(), write.offset.get()));
            out.put_after(packet, move |packet| Ok(as_from(packet, codec, verbose)));
        } else {
            out.put(packet);
        }
        Ok(())
    }
}

/// Decompresses a block as its header says.
fn as_said(packet: Packet, verbose: bool) -> Result<Packet, ChangeError> {
    let write = packet.header.body_as::<Write<LE>>().filter(|_| verbose);
    let told = write.and_then(|write| Some(undone(&named(write), write.compression()?)));
    let mut packet = decompressed(packet)?;
    if let Some(told) = told {
        packet.note(told);
    }
    Ok(packet)
}

/// Says that a block was decompressed.
fn undone(name: &str, codec: Compress) -> String {
    format!("{name}: decompressed from {}", codec.name())
}

/// Decompresses a block as from this codec, whatever its header says. A block that is not compressed so is left as it
/// is: the same place may be written more than once.
///
/// Source: OpenZFS `cmd/zstream/zstream_decompress.c`, `zstream_do_decompress()`, zfs-2.3.2.
fn as_from(mut packet: Packet, codec: Compress, verbose: bool) -> Packet {
    let Some(write) = packet.header.body_as::<Write<LE>>().copied() else { return packet };
    let name = named(&write);
    if codec == Compress::OFF {
        let (found, lsize) = (packet.payload().len() as u64, write.logical_size.get());
        if found != lsize {
            packet.note(format!(
                "{name}: left as it is: {found} bytes are no plain block of {lsize}"
            ));
            return packet;
        }
        if verbose {
            packet.note(format!("{name}: its header says off now"));
        }
        return without_codec(packet);
    }
    match blocks::block(write.logical_size.get(), packet.payload(), codec) {
        Ok(block) => {
            packet.set_payload(block);
            if verbose {
                packet.note(undone(&name, codec));
            }
            without_codec(packet)
        }
        Err(why) => {
            packet.note(format!("{name}: left as it is: {why}"));
            packet
        }
    }
}
