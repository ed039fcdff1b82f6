//! Rules of SPILL.

use super::object::{SECTOR, is_announced};
use super::write::{compression, sealed};
use super::{At, Rule};
use crate::verify::fault::{Check, at_least, between, exactly, multiple_of, no_bits_but, so};
use zsend_records::drr::Spill;
use zsend_records::flags::{BeginFlags, RecordFlags};
use zsend_records::sizes::OLD_MAX_BLOCK_SIZE;
use zsend_records::types::Compress;
use zsend_records::zerocopy::byteorder::LE;

const CHECK: &str = "dmu_recv.c recv_check_drr_spill";
const DUMP: &str = "dmu_send.c dump_spill";

pub(super) static RULES: &[Rule<Spill<LE>>] = &[
    Rule::new(
        "spill.size",
        "A spill block is a multiple of 512 bytes, from 512 to 128 KiB.",
        "dmu_recv.c recv_check_drr_spill; sa.c sa_modify_attrs",
        |_, s| {
            multiple_of("length", s.length.get(), SECTOR)?;
            between("length", s.length.get(), SECTOR, OLD_MAX_BLOCK_SIZE)
        },
    ),
    Rule::new("spill.type", "No sender sets the type.", DUMP, |_, s| {
        exactly("type", s.object_type.get(), 0u64)
    }),
    Rule::new(
        "spill.raw",
        "Only a raw stream has a spill block as it lies on disk: its compression, size, salt, IV and MAC, of which the last two are not zeros.",
        CHECK,
        raw,
    ),
    Rule::new(
        "spill.compression",
        "The compression is one that a block may have; lz4 and zstd need their features.",
        "dmu_recv.c recv_check_compress_feature",
        |at, s| match at.frame.context.is_raw() {
            true => compression(at, "compressiontype", Compress(s.compressiontype)),
            false => Ok(()),
        },
    ),
    Rule::new(
        "spill.flags",
        "The flags are SPILL_UNMODIFIED, in an incremental stream, and RAW_BYTESWAP, in a raw one.",
        DUMP,
        |at, s| {
            let mut may = RecordFlags::empty();
            let is_incremental = at.frame.context.begin().fromguid.get() != 0;
            may.set(RecordFlags::SPILL_UNMODIFIED, is_incremental);
            may.set(RecordFlags::RAW_BYTESWAP, at.frame.context.is_raw());
            no_bits_but("flags", s.flags, may.bits().into())
        },
    ),
    Rule::new(
        "spill.mac",
        "With the key: the MAC is that of the block, which decompresses to the size that the record says.",
        "zio_crypt.c zio_do_crypt_data",
        |at, _| at.worked.mac.clone().and(at.worked.contents.clone()),
    ),
    Rule::new(
        "spill.announced",
        "An object's OBJECT comes before its spill block, says that it has one, and there is one only.",
        "dmu_recv.c receive_spill",
        |at, s| {
            is_announced(at, s.object.get())?;
            let Some(object) = at.state.announced(s.object.get()) else { return Ok(()) };
            let marks = at.frame.context.flags().contains(BeginFlags::SPILL_BLOCK);
            so(object.has_spill || !marks, "object", s.object.get(), "one with OBJECT_SPILL")?;
            so(!object.spilled, "object", s.object.get(), "one spill block an object")
        },
    ),
    Rule::new(
        "spill.order",
        "Spill blocks come in the order of their objects.",
        "dmu_traverse.c traverse_dnode",
        |at, s| match at.state.last_write {
            Some(last) => at_least("object", s.object.get(), last.object),
            None => Ok(()),
        },
    ),
];

fn raw(at: &At<'_>, s: &Spill<LE>) -> Check {
    let zero = |bytes: &[u8]| bytes.iter().all(|&byte| byte == 0);
    if at.frame.context.is_raw() {
        multiple_of("compressed_size", s.compressed_size.get(), SECTOR)?;
        let is_plain = s.compressiontype == Compress::OFF.0;
        let least = if is_plain { s.length.get() } else { SECTOR };
        between("compressed_size", s.compressed_size.get(), least, s.length.get())?;
        return sealed(&s.iv, &s.mac);
    }
    exactly("compressed_size", s.compressed_size.get(), 0u64)?;
    exactly("compressiontype", s.compressiontype, 0u64)?;
    so(zero(&s.salt) && zero(&s.iv) && zero(&s.mac), "salt, IV and MAC", "there", "zeros")
}
