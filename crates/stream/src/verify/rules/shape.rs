//! The rules that the stream as a whole keeps, or breaks: they are checked where it is cut into records.

use crate::verify::fault::{About, Expected, FaultValue, Wrong, at_most};
use zsend_records::drr::{MAGIC, RecordType};
use zsend_records::payload::RecordError;
use zsend_records::reader::StreamErrorKind;

const READ: &str = "dmu_recv.c receive_read_payload_and_next_header";

const fn about(name: &'static str, says: &'static str, source: &'static str) -> About {
    About { name, says, source }
}

/// There is a stream.
pub(in crate::verify) static BEGINS: About = about(
    "stream.begins",
    "The first record is a BEGIN, with the magic number of either byte order.",
    "dmu_recv.c dmu_recv_begin",
);
/// Every type is known.
pub(in crate::verify) static TYPE: About = about(
    "stream.type",
    "The type of every record is one of those that there are, and its payload is no longer than such a record's can be.",
    "dmu_recv.c receive_read_record",
);
/// Records stand where they may.
pub(in crate::verify) static SHAPE: About = about(
    "stream.shape",
    "BEGIN, records and END of a stream, or of a package's header and its streams, stand in this order.",
    "libzfs_sendrecv.c send_prelim_records, send_conclusion_record",
);
/// Nothing follows the end.
pub(in crate::verify) static TRAILING: About = about(
    "stream.trailing",
    "Nothing follows the END of a stream, or the last END of a package.",
    "libzfs_sendrecv.c send_conclusion_record",
);
/// The chain of sums holds.
pub(in crate::verify) static CHECKSUM: About = about(
    "stream.checksum",
    "The checksum in a record is that of the stream from its BEGIN up to it.",
    READ,
);
/// All records have a sum, or none.
pub(in crate::verify) static STAMPED: About = about(
    "stream.stamped",
    "All records of a stream have a checksum, or, in streams of before 2013, none; those of a package's own ENDs are zero.",
    "dmu_send.c dump_record",
);
/// END's own sum.
pub(in crate::verify) static END_CHECKSUM: About = about(
    "stream.end-checksum",
    "The sum that END has in its body is that of the stream before it.",
    "dmu_recv.c receive_read_record",
);

/// These rules, in the order of a stream.
pub(in crate::verify) static ALL: [&About; 7] =
    [&BEGINS, &TYPE, &SHAPE, &TRAILING, &CHECKSUM, &STAMPED, &END_CHECKSUM];

/// The difference where a record cannot be followed, or may not stand.
pub(in crate::verify) fn wrong(kind: &StreamErrorKind) -> Wrong {
    match kind {
        StreamErrorKind::Magic { found } => Wrong::words(
            "magic number",
            format!("{found:#x}"),
            format!("{MAGIC:#x}, in either byte order"),
        ),
        StreamErrorKind::HeaderType { found, expected } => {
            Wrong::words("header type", u64::from(*found), *expected)
        }
        StreamErrorKind::Unexpected { found, expected } => {
            Wrong::words("record", found.to_string(), *expected)
        }
        StreamErrorKind::Record(RecordError::UnknownType { found }) => {
            let most = (RecordType::COUNT - 1) as u64;
            at_most("type", *found, most).err().map_or_else(
                || Wrong::words("type", u64::from(*found), "a type that there is"),
                |wrong| *wrong,
            )
        }
        StreamErrorKind::Record(RecordError::PayloadTooLong { found, limit, .. }) => Wrong::new(
            "length of the payload",
            FaultValue::Number(*found),
            Expected::AtMost(*limit),
        ),
        other => Wrong::words("record", other.to_string(), "a record that can be followed"),
    }
}
