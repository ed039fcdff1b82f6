//! Rules of WRITE_EMBEDDED.

use super::object::is_announced;
use super::write::{compression, order};
use super::{At, Rule};
use crate::verify::fault::{Check, at_least, at_most, between, exactly, multiple_of, so};
use zsend_records::drr::{ReplayRecord, WriteEmbedded};
use zsend_records::flags::Features;
use zsend_records::sizes::{MAX_BLOCK_SIZE, OLD_MAX_BLOCK_SIZE};
use zsend_records::types::Compress;
use zsend_records::zerocopy::byteorder::LE;

const CHECK: &str = "dmu_recv.c recv_check_drr_write_embedded";
/// `DMU_SPILL_BLKID`, times a block size: no block of data lies there.
const SPILL: u64 = 1 << 63;
/// `BPE_PAYLOAD_SIZE`.
const PAYLOAD: u64 = 112;

pub(super) static RULES: &[Rule<WriteEmbedded<LE>>] = &[
    Rule::new("embedded.feature", "Embedded blocks need EMBED_DATA.", CHECK, |at, e| {
        let has = at.frame.context.has(Features::EMBED_DATA);
        so(has, "object", e.object.get(), "no embedded block without EMBED_DATA")
    }),
    Rule::new("embedded.raw", "A raw stream has no embedded blocks.", CHECK, |at, e| {
        so(
            !at.frame.context.is_raw(),
            "object",
            e.object.get(),
            "no embedded block in a raw stream",
        )
    }),
    Rule::new("embedded.etype", "What is embedded is data.", "dmu_send.c send_do_embed", |_, e| {
        exactly("etype", e.etype, 0u64)
    }),
    Rule::new(
        "embedded.size",
        "What is embedded is 1 to 112 bytes, and when decompressed no smaller.",
        CHECK,
        |_, e| {
            between("psize", e.psize.get(), 1, PAYLOAD)?;
            at_least("lsize", e.lsize.get(), e.psize.get().into())?;
            if e.compression() == Compress::OFF {
                return exactly("lsize", e.lsize.get(), e.psize.get());
            }
            Ok(())
        },
    ),
    Rule::new(
        "embedded.spill",
        "A spill block goes as SPILL. OpenZFS up to 2.3 sends one that is embedded as WRITE_EMBEDDED, far behind the end of the \
         object, and who receives that has a damaged object.",
        "dmu_send.c do_dump",
        |at, e| {
            // Who received such a stream has an object with a block there, and sends it rightly.
            let end = at.state.announced(e.object.get()).and_then(|known| known.end);
            let is_behind = end.is_some_and(|end| e.offset.get() >= end);
            let is_spill = is_embedded_spill(&at.frame.header) && is_behind;
            so(!is_spill, "offset", e.offset.get(), "that of a block, not of the spill block")
        },
    ),
    Rule::new(
        "embedded.length",
        "An embedded block has the size of its object's blocks; more than 128 KiB need LARGE_BLOCKS.",
        CHECK,
        |at, e| {
            let most = if at.frame.context.has(Features::LARGE_BLOCKS) {
                MAX_BLOCK_SIZE
            } else {
                OLD_MAX_BLOCK_SIZE
            };
            at_most("length", e.length.get(), most)?;
            exactly("lsize", e.lsize.get(), e.length.get())
        },
    ),
    Rule::new("embedded.end", "Offset and length do not pass 2^64.", CHECK, |_, e| {
        at_most("offset", e.offset.get(), u64::MAX - e.length.get())
    }),
    Rule::new(
        "embedded.compression",
        "The compression is one that a block may have; lz4 and zstd need their features.",
        "dmu_recv.c recv_check_compress_feature",
        |at, e| compression(at, "compression", e.compression()),
    ),
    Rule::new(
        "embedded.contents",
        "The bytes decompress to the size that the record says.",
        "zio_compress.c zio_decompress_data",
        |at, _| at.worked.contents.clone(),
    ),
    Rule::new(
        "embedded.announced",
        "An object's OBJECT comes before its data, at most one block of dnodes ahead.",
        "dmu.c dmu_write_embedded (dnode_hold)",
        |at, e| is_announced(at, e.object.get()),
    ),
    Rule::new(
        "embedded.of-object",
        "A block has the size of its object's, and begins at a multiple of it.",
        "dmu_send.c dump_write_embedded",
        of_object,
    ),
    Rule::new(
        "embedded.order",
        "Blocks come in the order of objects and offsets, each byte once.",
        "dmu_send.c dump_write_embedded",
        |at, e| order(at, e.object.get(), e.offset.get()),
    ),
];

fn of_object(at: &At<'_>, e: &WriteEmbedded<LE>) -> Check {
    let Some(object) = at.state.announced(e.object.get()) else { return Ok(()) };
    exactly("length", e.length.get(), object.blksz)?;
    multiple_of("offset", e.offset.get(), object.blksz.max(1))
}

/// Returns true for a spill block that was sent as if it were a block of data.
pub(super) fn is_embedded_spill(header: &ReplayRecord<LE>) -> bool {
    header.body_as::<WriteEmbedded<LE>>().is_some_and(|e| e.offset.get() >= SPILL)
}
