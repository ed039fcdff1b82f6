//! Differences of headers, field by field, and of the lists behind BEGIN, pair by pair.

use super::FieldDifference;
use crate::begin_list::begin_list;
use crate::dump::hex;
use zerocopy::IntoBytes;
use zerocopy::byteorder::LE;
use zsend_records::describe::Field;
use zsend_records::drr::{RecordType, ReplayRecord};
use zsend_records::nvlist::{NvList, NvValue};
use zsend_records::reader::Frame;

/// Fields that need not be the same: those of a copy in another pool, and sums that follow from them.
const FREE: [(RecordType, &str); 3] = [
    (RecordType::BEGIN, "creation_time"),
    (RecordType::BEGIN, "toname"),
    (RecordType::END, "end_checksum"),
];

/// Bytes as they are shown.
pub(super) fn hex_of(bytes: &[u8]) -> String {
    if bytes.is_empty() { "absent".to_owned() } else { hex(bytes) }
}

/// First difference of two records, without their payloads.
pub(super) fn records(
    (ours, stored): (&Frame, &ReplayRecord<LE>),
    (theirs, other): (&Frame, &ReplayRecord<LE>),
) -> Option<FieldDifference> {
    let kind = ours.record_type();
    if kind != theirs.record_type() {
        let found = |frame: &Frame| frame.name().to_owned();
        return Some(FieldDifference {
            what: "type".into(),
            stored: found(ours),
            other: found(theirs),
        });
    }
    let (a, b) = (stored.as_bytes(), other.as_bytes());
    let is_free = |field: &&Field| FREE.contains(&(kind, field.name));
    let fields = ours.description.fields.iter().filter(|field| !is_free(field));
    for field in fields {
        if field.bytes(a) != field.bytes(b) {
            let (stored, other) = (shown(field, a), shown(field, b));
            return Some(FieldDifference { what: field.name.to_owned(), stored, other });
        }
    }
    // Of a BEGIN that is told by its list.
    (kind != RecordType::BEGIN && ours.payload_len != theirs.payload_len).then(|| FieldDifference {
        what: "length of the payload".into(),
        stored: ours.payload_len.to_string(),
        other: theirs.payload_len.to_string(),
    })
}

fn shown(field: &Field, record: &[u8]) -> String {
    match (field.width, field.count) {
        (1, 2..) => hex_of(field.bytes(record)),
        (_, 1) => field.ints(record).next().unwrap_or_default().to_string(),
        _ => field.ints(record).map(|int| format!("{int:x}")).collect::<Vec<_>>().join("/"),
    }
}

/// First difference of two lists behind BEGIN.
pub(super) fn lists(stored: &[u8], other: &[u8]) -> Option<FieldDifference> {
    if stored == other {
        return None;
    }
    let bytes = |list: &[u8]| format!("{} bytes", list.len());
    let found =
        || FieldDifference { what: "the list".into(), stored: bytes(stored), other: bytes(other) };
    let (Ok(Some(ours)), Ok(Some(theirs))) = (begin_list(stored), begin_list(other)) else {
        return Some(found());
    };
    if ours.encoding != theirs.encoding {
        return Some(FieldDifference {
            what: "encoding of the list".into(),
            stored: format!("{:?}", ours.encoding),
            other: format!("{:?}", theirs.encoding),
        });
    }
    Some(pairs("", &ours.list, &theirs.list).unwrap_or_else(found))
}

fn pairs(above: &str, ours: &NvList, theirs: &NvList) -> Option<FieldDifference> {
    if ours.flags() != theirs.flags() {
        let what = format!("flags of the list {above}").trim_end().to_owned();
        let flags = |list: &NvList| format!("{:#x}", list.flags());
        return Some(FieldDifference { what, stored: flags(ours), other: flags(theirs) });
    }
    let names = ours.iter().chain(theirs.iter()).map(|(name, _)| name);
    for name in names {
        let what = format!("{above}{name}");
        match (ours.get(name), theirs.get(name)) {
            (Some(NvValue::List(ours)), Some(NvValue::List(theirs))) => {
                if let Some(found) = pairs(&format!("{what}."), ours, theirs) {
                    return Some(found);
                }
            }
            (ours, theirs) if ours != theirs => {
                return Some(FieldDifference { what, stored: value(ours), other: value(theirs) });
            }
            _ => {}
        }
    }
    None
}

fn value(value: Option<&NvValue>) -> String {
    match value {
        None => "absent".to_owned(),
        Some(NvValue::Uint64(number)) => number.to_string(),
        Some(NvValue::Uint8Array(bytes)) => hex_of(bytes),
        Some(other) => format!("{other:?}"),
    }
}
