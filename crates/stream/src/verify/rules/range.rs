//! Rules of OBJECT_RANGE.

use super::Rule;
use super::write::sealed;
use crate::verify::fault::{at_least, at_most, exactly, multiple_of, no_bits_but, so};
use zsend_records::drr::ObjectRange;
use zsend_records::flags::RecordFlags;
use zsend_records::sizes::{DNODES_PER_BLOCK, MAX_OBJECT};
use zsend_records::zerocopy::byteorder::LE;

const CHECK: &str = "dmu_recv.c recv_check_drr_object_range";

pub(super) static RULES: &[Rule<ObjectRange<LE>>] = &[
    Rule::new("range.raw", "Only a raw stream has ranges of objects.", CHECK, |at, r| {
        so(at.frame.context.is_raw(), "firstobj", r.firstobj.get(), "no OBJECT_RANGE without RAW")
    }),
    Rule::new(
        "range.block",
        "A range is one block of dnodes: 32 slots from a multiple of 32 on.",
        CHECK,
        |_, r| {
            exactly("numslots", r.numslots.get(), DNODES_PER_BLOCK)?;
            multiple_of("firstobj", r.firstobj.get(), DNODES_PER_BLOCK)?;
            at_most("firstobj", r.firstobj.get(), MAX_OBJECT - DNODES_PER_BLOCK)
        },
    ),
    Rule::new(
        "range.flags",
        "The only flag is RAW_BYTESWAP.",
        "dmu_send.c dump_object_range",
        |_, r| no_bits_but("flags", r.flags, RecordFlags::RAW_BYTESWAP.bits().into()),
    ),
    Rule::new(
        "range.crypt",
        "A block of dnodes is encrypted, so it has an IV and a MAC.",
        "dmu_send.c dump_object_range",
        |_, r| sealed(&r.iv, &r.mac),
    ),
    Rule::new(
        "range.order",
        "Ranges come in the order of their objects.",
        "dmu_traverse.c traverse_visitbp",
        |at, r| match at.state.range {
            Some((_, end)) => at_least("firstobj", r.firstobj.get(), end),
            None => Ok(()),
        },
    ),
];
