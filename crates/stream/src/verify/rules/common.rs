//! Rules of every record.

use super::{At, Rule};
use crate::verify::fault::{Check, between, exactly, exactly_hex};
use crate::verify::frame::{guid, place, unused};
use zsend_records::drr::RecordType;
use zsend_records::reader::Role;
use zsend_records::sizes::MAX_OBJECT;

pub(super) static RULES: &[Rule<()>] = &[
    Rule::new(
        "record.unused",
        "Bytes of a header that no field has are zero.",
        "dmu_send.c dump_* (memset)",
        |at, ()| {
            let unused = unused(&at.frame.header) as u64;
            exactly("number of bytes that are not zero outside the fields", unused, 0u64)
        },
    ),
    Rule::new(
        "record.payloadlen",
        "No record but BEGIN says how long its payload is.",
        "dmu_send.c dump_* (memset)",
        |at, ()| match at.frame.record_type() {
            RecordType::BEGIN => Ok(()),
            _ => exactly("payloadlen", at.frame.header.payloadlen.get(), 0u64),
        },
    ),
    Rule::new(
        "record.toguid",
        "Every record has the guid of the snapshot that BEGIN has; in what `zfs send -S` sends, all have the same other one.",
        "dmu_send.c dump_*",
        toguid,
    ),
    Rule::new(
        "record.object",
        "Object numbers are 1 to 2^48 - 1: the meta-dnode, 0, is not sent.",
        "dmu_recv.c recv_check_drr_object_id",
        |at, ()| match at.frame.record_type() {
            RecordType::FREEOBJECTS | RecordType::OBJECT_RANGE => Ok(()),
            _ => match place(&at.frame.header) {
                (Some(object), _) => between("object", object, 1, MAX_OBJECT - 1),
                (None, _) => Ok(()),
            },
        },
    ),
];

fn toguid(at: &At<'_>, (): &()) -> Check {
    let Some(found) = guid(&at.frame.header) else { return Ok(()) };
    match (at.role, at.frame.record_type(), at.state.guid) {
        (Role::Stream, RecordType::BEGIN, _) => Ok(()),
        // Only what has no END may have another guid than its BEGIN.
        (Role::Stream, RecordType::END, _) => {
            exactly_hex("toguid", found, at.frame.context.toguid())
        }
        (Role::Stream, _, Some(guid)) => exactly_hex("toguid", found, guid),
        (Role::Stream, _, None) => Ok(()),
        (Role::PackageBegin | Role::PackageHeaderEnd | Role::PackageEnd, ..) => {
            exactly_hex("toguid", found, 0)
        }
    }
}
