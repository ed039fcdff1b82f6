//! Rules of OBJECT.

use super::{At, Rule};
use crate::dnode::{bonus_room, slots};
use crate::raw::nblkptr;
use crate::verify::fault::{
    Check, at_least, at_most, between, exactly, multiple_of, no_bits_but, so,
};
use zsend_records::drr::Object;
use zsend_records::flags::{BeginFlags, Features, RecordFlags};
use zsend_records::sizes::{
    DNODES_PER_BLOCK, MAX_BLOCK_SIZE, MAX_OBJECT, MINBLOCK_SHIFT, OLD_MAX_BLOCK_SIZE,
};
use zsend_records::types::DmuType;
use zsend_records::zerocopy::byteorder::LE;

const CHECK: &str = "dmu_recv.c recv_check_drr_object";
const DUMP: &str = "dmu_send.c dump_dnode";
/// `SPA_MINBLOCKSIZE`.
pub(super) const SECTOR: u64 = 1 << MINBLOCK_SHIFT;

pub(super) static RULES: &[Rule<Object<LE>>] = &[
    Rule::new(
        "object.type",
        "The type is one that there is, and not that of a free slot.",
        CHECK,
        |_, o| {
            is_type("type", o.object_type.get())?;
            at_least("type", o.object_type.get(), 1)
        },
    ),
    Rule::new("object.bonustype", "The type of the bonus is one that there is.", CHECK, |_, o| {
        is_type("bonustype", o.bonustype.get())
    }),
    Rule::new(
        "object.bonuslen",
        "Only a bonus without type, of system attributes or of 64-bit metadata is empty; one without type always is.",
        CHECK,
        |_, o| {
            let kind = o.bonustype.get();
            let (is_none, may) = (kind == 0, [0, u32::from(DmuType::SA.0), 0xc3].contains(&kind));
            let is_empty = o.bonuslen.get() == 0;
            let right = if is_none { is_empty } else { !is_empty || may };
            so(right, "bonuslen", u64::from(o.bonuslen.get()), "a length that fits bonustype")
        },
    ),
    Rule::new("object.bonus-fits", "The bonus fits into the slots of the dnode.", CHECK, |_, o| {
        at_most("bonuslen", o.bonuslen.get(), bonus_room(o))
    }),
    Rule::new(
        "object.slots",
        "A dnode has up to 32 slots, and lies in one block of dnodes; more than one need LARGE_DNODE.",
        CHECK,
        |at, o| {
            let most =
                if at.frame.context.has(Features::LARGE_DNODE) { DNODES_PER_BLOCK } else { 1 };
            at_most("dn_slots", o.dn_slots, most)?;
            let left = DNODES_PER_BLOCK - o.object.get() % DNODES_PER_BLOCK;
            at_most("dn_slots", slots(o), left)?;
            at_most("last slot", o.object.get().saturating_add(slots(o)), MAX_OBJECT)
        },
    ),
    Rule::new(
        "object.blksz",
        "The block size is a multiple of 512, from 512 to 16 MiB.",
        CHECK,
        |_, o| {
            multiple_of("blksz", o.blksz.get(), SECTOR)?;
            between("blksz", o.blksz.get(), SECTOR, MAX_BLOCK_SIZE)
        },
    ),
    Rule::new(
        "object.large-block",
        "A block of more than 128 KiB needs LARGE_BLOCKS.",
        CHECK,
        |at, o| {
            let most = if at.frame.context.has(Features::LARGE_BLOCKS) {
                MAX_BLOCK_SIZE
            } else {
                OLD_MAX_BLOCK_SIZE
            };
            at_most("blksz", o.blksz.get(), most)
        },
    ),
    Rule::new("object.checksum", "The checksum is one that there is.", CHECK, |_, o| {
        at_most("checksumtype", o.checksumtype, 14)
    }),
    Rule::new("object.compress", "The compression is one that there is.", CHECK, |_, o| {
        at_most("compress", o.compress, 16)
    }),
    Rule::new(
        "object.flags",
        "The flags are OBJECT_SPILL, where BEGIN says SPILL_BLOCK, and RAW_BYTESWAP, in a raw stream.",
        CHECK,
        |at, o| {
            let mut may = RecordFlags::empty();
            may.set(RecordFlags::RAW_BYTESWAP, at.frame.context.is_raw());
            let marks = at.frame.context.flags().contains(BeginFlags::SPILL_BLOCK);
            may.set(RecordFlags::OBJECT_SPILL, marks);
            no_bits_but("flags", o.flags, may.bits().into())
        },
    ),
    Rule::new(
        "object.raw-only",
        "What only a raw stream says of a dnode is zero in others.",
        CHECK,
        |at, o| {
            if at.frame.context.is_raw() {
                return Ok(());
            }
            exactly("raw_bonuslen", o.raw_bonuslen.get(), 0u64)?;
            exactly("indblkshift", o.indblkshift, 0u64)?;
            exactly("nlevels", o.nlevels, 0u64)?;
            exactly("nblkptr", o.nblkptr, 0u64)?;
            exactly("maxblkid", o.maxblkid.get(), 0u64)
        },
    ),
    Rule::new(
        "object.raw-structure",
        "A raw dnode has 1 to 6 levels and indirect blocks of 4 to 128 KiB.",
        CHECK,
        |at, o| {
            if !at.frame.context.is_raw() {
                return Ok(());
            }
            between("nlevels", o.nlevels, 1, 6)?;
            between("indblkshift", o.indblkshift, 12, 17)
        },
    ),
    Rule::new(
        "object.raw-blkptrs",
        "A raw dnode has as many block pointers as its bonus leaves room for, up to three.",
        CHECK,
        |at, o| {
            if !at.frame.context.is_raw() {
                return Ok(());
            }
            exactly("nblkptr", o.nblkptr, nblkptr(o))
        },
    ),
    Rule::new(
        "object.raw-bonus",
        "A raw bonus is the whole room for it, or absent.",
        DUMP,
        |at, o| {
            if !at.frame.context.is_raw() {
                return Ok(());
            }
            if o.bonuslen.get() == 0 {
                return exactly("raw_bonuslen", o.raw_bonuslen.get(), 0u64);
            }
            let spill = if o.flags().contains(RecordFlags::OBJECT_SPILL) { 128 } else { 0 };
            let taken = (u64::from(o.nblkptr).max(1) - 1) * 128 + spill;
            let room = bonus_room(o).saturating_sub(taken);
            exactly("raw_bonuslen", o.raw_bonuslen.get(), room)
        },
    ),
    Rule::new(
        "object.raw-maxblkid",
        "The last block of a raw dnode is one that its levels reach.",
        "dnode.c dnode_new_blkid",
        |at, o| {
            if !at.frame.context.is_raw() {
                return Ok(());
            }
            let bits =
                u32::from(o.nlevels.saturating_sub(1)) * u32::from(o.indblkshift.saturating_sub(7));
            let reach =
                1u64.checked_shl(bits).and_then(|reach| reach.checked_mul(o.nblkptr.into()));
            at_most("maxblkid", o.maxblkid.get(), reach.map_or(u64::MAX, |reach| reach.max(1) - 1))
        },
    ),
    Rule::new(
        "object.raw-range",
        "In a raw stream every object lies in the last OBJECT_RANGE, and is in its byte order.",
        "dmu_recv.c receive_object",
        |at, o| match at.state.range {
            _ if !at.frame.context.is_raw() => Ok(()),
            Some((first, end)) => {
                between("object", o.object.get(), first, end - 1)?;
                let is_swapped = o.flags().contains(RecordFlags::RAW_BYTESWAP);
                let words = |is: bool| if is { "RAW_BYTESWAP" } else { "none" };
                let right = if at.state.range_is_swapped {
                    "RAW_BYTESWAP, as its OBJECT_RANGE has it"
                } else {
                    "no RAW_BYTESWAP, as its OBJECT_RANGE has it"
                };
                so(is_swapped == at.state.range_is_swapped, "flags", words(is_swapped), right)
            }
            None => so(false, "object", o.object.get(), "an OBJECT_RANGE before it"),
        },
    ),
    Rule::new(
        "object.order",
        "Objects come in the order of their numbers, and no object lies in the slots of the one before it.",
        "dmu_send.c dmu_dump_dnode; dmu_traverse.c traverse_visitbp",
        |at, o| at_least("object", o.object.get(), at.state.next_object),
    ),
];

/// Passes if the number is one of a type.
pub(super) fn is_type(what: &'static str, number: u32) -> Check {
    let kind = u8::try_from(number).ok().map(DmuType);
    so(kind.is_some_and(DmuType::is_valid), what, u64::from(number), "a type that there is")
}

/// Passes if the object was announced in this stream, or may have been in an earlier one.
pub(super) fn is_announced(at: &At<'_>, object: u64) -> Check {
    let known = at.state.announced(object).is_some() || at.frame.context.fills_redacted();
    so(known, "object", object, "one of those whose OBJECT came last")
}
