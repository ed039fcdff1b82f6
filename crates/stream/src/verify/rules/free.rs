//! Rules of FREE, REDACT and FREEOBJECTS.

use super::object::{SECTOR, is_announced};
use super::{At, Rule};
use crate::verify::fault::{Check, at_least, at_most, between, multiple_of, so};
use zsend_records::drr::{Free, FreeObjects, OBJECT_END, Redact};
use zsend_records::flags::Features;
use zsend_records::sizes::{MAX_OBJECT, OLD_MAX_BLOCK_SIZE};
use zsend_records::zerocopy::byteorder::LE;

const CHECK: &str = "dmu_recv.c recv_check_drr_free";

pub(super) static FREE: &[Rule<Free<LE>>] = &[
    Rule::new(
        "free.end",
        "A hole has a length, and does not pass 2^64, but for \"to the end\".",
        CHECK,
        |_, f| end(f.offset.get(), f.length.get()),
    ),
    Rule::new(
        "free.announced",
        "An object's OBJECT comes before its holes, at most one block of dnodes ahead.",
        "dmu_recv.c receive_free",
        |at, f| is_announced(at, f.object.get()),
    ),
    Rule::new(
        "free.of-object",
        "A hole begins and ends at multiples of its object's block size.",
        "dmu_send.c do_dump, dump_dnode",
        |at, f| whole_blocks(at, f.object.get(), f.offset.get(), f.length.get()),
    ),
    Rule::new(
        "free.order",
        "A hole lies behind the last block that came.",
        "dmu_send.c dump_free",
        |at, f| order(at, f.object.get(), f.offset.get()),
    ),
    Rule::new("free.again", "No hole comes twice in a row.", "dmu_send.c dump_free", |at, f| {
        let this = (f.object.get(), f.offset.get(), f.length.get());
        so(at.state.last_free != Some(this), "hole", "that of the last FREE", "another one")
    }),
];

pub(super) static REDACT: &[Rule<Redact<LE>>] = &[
    Rule::new(
        "redact.feature",
        "A stream that withholds something says by which snapshots.",
        "dmu_send.c dmu_send_impl",
        |at, r| {
            let context = &at.frame.context;
            let says = context.nvlist().is_some_and(|list| list.contains("redact_snaps"));
            let is_redacted = says || context.has(Features::REDACTED);
            so(is_redacted, "object", r.object.get(), "nothing withheld without redact_snaps")
        },
    ),
    Rule::new("redact.end", "It has a length, and does not pass 2^64.", CHECK, |_, r| {
        between("length", r.length.get(), 1, u64::MAX - r.offset.get())
    }),
    Rule::new(
        "redact.announced",
        "An object's OBJECT comes before what is withheld of it.",
        "dmu_recv.c receive_redact",
        |at, r| is_announced(at, r.object.get()),
    ),
    Rule::new(
        "redact.of-object",
        "What is withheld begins and ends at multiples of its object's block size.",
        "dmu_send.c do_dump",
        |at, r| whole_blocks(at, r.object.get(), r.offset.get(), r.length.get()),
    ),
    Rule::new(
        "redact.order",
        "What is withheld lies behind the last block that came.",
        "dmu_send.c dump_redact",
        |at, r| order(at, r.object.get(), r.offset.get()),
    ),
];

pub(super) static FREEOBJECTS: &[Rule<FreeObjects<LE>>] = &[
    Rule::new(
        "freeobjects.end",
        "First and number do not pass 2^64.",
        "dmu_recv.c recv_check_drr_freeobjects",
        |_, f| at_most("numobjs", f.numobjs.get(), u64::MAX - f.firstobj.get()),
    ),
    Rule::new(
        "freeobjects.first",
        "The first object is one that there can be.",
        "dmu_send.c dump_freeobjects",
        |_, f| at_most("firstobj", f.firstobj.get(), MAX_OBJECT),
    ),
    Rule::new(
        "freeobjects.order",
        "Runs of free objects and objects come in the order of their numbers; a run of none, as senders of before 2.0 write, may stand anywhere.",
        "dmu_send.c dump_freeobjects; dmu_traverse.c traverse_visitbp",
        |at, f| match f.numobjs.get() {
            0 => Ok(()),
            _ => at_least("firstobj", f.firstobj.get(), at.state.next_object),
        },
    ),
];

fn end(offset: u64, length: u64) -> Check {
    if length == OBJECT_END { Ok(()) } else { between("length", length, 1, u64::MAX - offset) }
}

fn whole_blocks(at: &At<'_>, object: u64, offset: u64, length: u64) -> Check {
    let Some(object) = at.state.announced(object) else { return Ok(()) };
    // Of a larger block than the stream may have, another size is announced.
    let is_known =
        object.blksz != OLD_MAX_BLOCK_SIZE || at.frame.context.has(Features::LARGE_BLOCKS);
    let unit = if is_known { object.blksz.max(1) } else { SECTOR };
    multiple_of("offset", offset, unit)?;
    let to_end = length == OBJECT_END || offset.checked_add(length) == Some(u64::MAX);
    if to_end { Ok(()) } else { multiple_of("length", length, unit) }
}

fn order(at: &At<'_>, object: u64, offset: u64) -> Check {
    let Some(last) = at.state.last_write else { return Ok(()) };
    at_least("object", object, last.object)?;
    if object == last.object { at_least("offset", offset, last.end) } else { Ok(()) }
}
