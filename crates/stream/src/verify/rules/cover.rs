//! Rules of what must not be missing: a full stream tells of every object, and of every byte of it.

use super::embedded::is_embedded_spill;
use super::{At, Rule};
use crate::verify::fault::{
    Check, Expected, FaultValue, Wrong, at_least, at_most, exactly, multiple_of, so,
};
use crate::verify::frame::place;
use zsend_crypto::key_data::names;
use zsend_records::drr::{Free, OBJECT_END, Object, RecordType};
use zsend_records::flags::Features;
use zsend_records::reader::Role;
use zsend_records::sizes::DNODES_PER_BLOCK;
use zsend_records::zerocopy::byteorder::LE;

const TRAVERSE: &str = "dmu_traverse.c traverse_visitbp, traverse_dnode";

pub(super) static RULES: &[Rule<()>] = &[
    Rule::new(
        "cover.end-of-object",
        "Behind every OBJECT comes a FREE of it from its last block to the end; in a raw stream that is the block that OBJECT says.",
        "dmu_send.c dump_dnode",
        |at, ()| {
            let Some(object) = at.state.awaits_free.filter(|_| at.role == Role::Stream) else {
                return Ok(());
            };
            let free = at.frame.header.body_as::<Free<LE>>();
            let free = free.filter(|f| f.object.get() == object && f.length.get() == OBJECT_END);
            let Some(free) = free else {
                let found = at.frame.record_type().to_string();
                return so(false, "record behind OBJECT", found, "a FREE of the object to the end");
            };
            let known = at.state.announced(object).filter(|_| at.frame.context.is_raw());
            known.map_or(Ok(()), |known| {
                let end = known.maxblkid.wrapping_add(1).wrapping_mul(known.blksz);
                exactly("offset", free.offset.get(), end)
            })
        },
    ),
    Rule::new(
        "cover.objects",
        "A full stream leaves out no object number between two records.",
        TRAVERSE,
        |at, ()| match at.frame.record_type() {
            RecordType::OBJECT | RecordType::FREEOBJECTS if is_full(at) => {
                let (Some(first), _) = place(&at.frame.header) else { return Ok(()) };
                // Number 0 is the meta-dnode; senders of before 2.0 call it free.
                at_most("object", first, at.state.next_object.max(1))
            }
            _ => Ok(()),
        },
    ),
    Rule::new(
        "cover.blocks",
        "A full stream leaves out no byte of an object between two records.",
        TRAVERSE,
        |at, ()| {
            let (Some(object), Some(offset)) = place(&at.frame.header) else {
                return Ok(());
            };
            let Some(known) = at.state.announced(object).filter(|_| is_full(at)) else {
                return Ok(());
            };
            let Some(end) = known.end else { return Ok(()) };
            if offset >= end { Ok(()) } else { at_most("offset", offset, known.covered) }
        },
    ),
    Rule::new(
        "cover.inside",
        "No block lies behind the end of its object, which the FREE behind OBJECT tells.",
        "dmu_send.c dump_dnode",
        |at, ()| {
            let is_block = [RecordType::WRITE, RecordType::WRITE_EMBEDDED, RecordType::WRITE_BYREF]
                .contains(&at.frame.record_type())
                && !is_embedded_spill(&at.frame.header);
            match place(&at.frame.header) {
                (Some(object), Some(offset)) if is_block => {
                    let end = at.state.announced(object).and_then(|known| known.end);
                    let most = end.map_or(u64::MAX, |end| end.saturating_sub(1));
                    at_most("offset", offset, most)
                }
                _ => Ok(()),
            }
        },
    ),
    Rule::new(
        "cover.whole-objects",
        "A full stream tells of every byte of an object before it goes on to another block of dnodes, or ends.",
        TRAVERSE,
        whole_objects,
    ),
    Rule::new(
        "cover.last-block",
        "A full stream tells of every slot of the last block of dnodes; a raw one says which that is.",
        TRAVERSE,
        |at, ()| {
            if !is_full(at) || at.frame.record_type() != RecordType::END {
                return Ok(());
            }
            multiple_of("object behind the last one", at.state.next_object, DNODES_PER_BLOCK)?;
            let keys = at.frame.context.nvlist().and_then(|list| list.list(names::LIST));
            let last = keys.and_then(|keys| keys.u64(names::META_MAXBLKID)).unwrap_or_default();
            let least = last.saturating_add(1).saturating_mul(DNODES_PER_BLOCK);
            let is_raw = at.frame.context.is_raw();
            at_least(
                "object behind the last one",
                at.state.next_object,
                if is_raw { least } else { 0 },
            )
        },
    ),
    Rule::new(
        "cover.spill",
        "A full stream has the spill block of every object that has one.",
        TRAVERSE,
        |at, ()| {
            let lacking = at.state.objects().find(|known| known.has_spill && !known.spilled);
            match lacking.filter(|_| is_full(at) && goes_on(at)) {
                Some(known) => {
                    let found = format!("absent: {}", known.object);
                    so(false, "spill block of an object", found, "there")
                }
                None => Ok(()),
            }
        },
    ),
];

/// True if the stream is a whole one: not from a source, nor from a place in it, nor of half a receive.
fn is_full(at: &At<'_>) -> bool {
    let context = &at.frame.context;
    at.role == Role::Stream
        && context.begin().fromguid.get() == 0
        && !context.has(Features::RESUMING)
        && at.state.guid.is_none_or(|guid| guid == context.toguid())
}

/// True if the stream leaves the block of dnodes that it was in.
fn goes_on(at: &At<'_>) -> bool {
    match at.frame.header.body_as::<Object<LE>>() {
        Some(object) => {
            let mut known = at.state.objects();
            known.any(|known| {
                known.object / DNODES_PER_BLOCK != object.object.get() / DNODES_PER_BLOCK
            })
        }
        None => at.frame.record_type() == RecordType::END,
    }
}

fn whole_objects(at: &At<'_>, (): &()) -> Check {
    if !is_full(at) || !goes_on(at) {
        return Ok(());
    }
    for known in at.state.objects() {
        let Some(end) = known.end else { continue };
        if known.covered < end {
            let found =
                FaultValue::Words(format!("{} of object {}", known.covered, known.object).into());
            let right = Expected::Exactly(FaultValue::Number(end));
            return Err(Wrong::new("end of what was told", found, right).into());
        }
    }
    Ok(())
}
