//! Rules of WRITE_BYREF.

use super::object::{SECTOR, is_announced};
use super::write::order;
use super::{At, Rule};
use crate::verify::fault::{Check, at_most, between, exactly_hex, multiple_of, so};
use zsend_records::drr::WriteByref;
use zsend_records::flags::{Features, RecordFlags};
use zsend_records::key_prop::KeyProp;
use zsend_records::sizes::MAX_BLOCK_SIZE;
use zsend_records::zerocopy::byteorder::LE;

/// The filter of `zfs send -D`, which OpenZFS 2.0 has no more.
const DEDUP: &str = "libzfs_sendrecv.c cksummer (0.8.6)";

pub(super) static RULES: &[Rule<WriteByref<LE>>] = &[
    Rule::new("byref.feature", "References need DEDUP.", DEDUP, |at, w| {
        let has = at.frame.context.has(Features::DEDUP);
        so(has, "object", w.object.get(), "no reference without DEDUP")
    }),
    Rule::new(
        "byref.size",
        "A block is a multiple of 512 bytes, from 512 to 16 MiB.",
        DEDUP,
        |_, w| {
            multiple_of("length", w.length.get(), SECTOR)?;
            between("length", w.length.get(), SECTOR, MAX_BLOCK_SIZE)
        },
    ),
    Rule::new("byref.end", "Offset and length do not pass 2^64.", DEDUP, |_, w| {
        at_most("offset", w.offset.get(), u64::MAX - w.length.get())?;
        at_most("refoffset", w.refoffset.get(), u64::MAX - w.length.get())?;
        multiple_of("refoffset", w.refoffset.get(), SECTOR)
    }),
    Rule::new(
        "byref.key",
        "The key has a checksum that is fit for dedup, and says so; its size is that of the block, or it has none.",
        DEDUP,
        |_, w| {
            let kind = w.checksum();
            so(
                kind.is_dedup(),
                "checksumtype",
                u64::from(kind.0),
                "a checksum that is fit for dedup",
            )?;
            exactly_hex("flags", w.flags.into(), RecordFlags::CHECKSUM_DEDUP.bits().into())?;
            let prop = KeyProp(w.key_prop.get());
            let is_right = prop.0 == 0 || prop.lsize() == w.length.get();
            so(is_right, "block size in the key", prop.lsize(), "that of the block")
        },
    ),
    Rule::new(
        "byref.announced",
        "An object's OBJECT comes before its data, at most one block of dnodes ahead.",
        "dmu_recv.c receive_write_byref (0.8.6)",
        |at, w| is_announced(at, w.object.get()),
    ),
    Rule::new(
        "byref.of-object",
        "A block has the size of its object's, and begins at a multiple of it.",
        DEDUP,
        |at, w| {
            let Some(object) = at.state.announced(w.object.get()) else { return Ok(()) };
            at_most("length", w.length.get(), object.blksz)?;
            multiple_of("offset", w.offset.get(), object.blksz.max(1))
        },
    ),
    Rule::new(
        "byref.order",
        "Blocks come in the order of objects and offsets, each byte once.",
        DEDUP,
        |at, w| order(at, w.object.get(), w.offset.get()),
    ),
    Rule::new(
        "byref.reference",
        "The block that is referred to came before, in this stream or in an earlier one of the package.",
        DEDUP,
        reference,
    ),
];

fn reference(at: &At<'_>, w: &WriteByref<LE>) -> Check {
    let (object, offset) = (w.refobject.get(), w.refoffset.get());
    if w.refguid.get() != at.frame.context.toguid() {
        let is_known = at.state.earlier.contains(w.refguid.get());
        let found = format!("{:#x}", w.refguid.get());
        return so(is_known, "refguid", found, "the guid of this stream, or of an earlier one");
    }
    let end = offset.saturating_add(w.length.get());
    let is_written = at.state.written.contains(object, offset, end);
    so(is_written, "reference", format!("<{object}, {offset}>"), "a block that came before")
}
