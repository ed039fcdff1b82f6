//! A record header in the other byte order.
//!
//! Source: OpenZFS `module/zfs/dmu_recv.c`, `byteswap_record()`, zfs-2.3.2. Single bytes, names,
//! padding, salts, initialisation vectors and authentication tags stay as they are.

use crate::describe::Field;
use crate::drr::{RecordType, ReplayRecord};
use core::mem::offset_of;
use zerocopy::byteorder::LE;
use zerocopy::{ByteOrder, FromZeros, IntoBytes};

/// The fields that every record begins with.
const HEAD: [Field; 2] = [
    Field { name: "drr_type", offset: 0, width: 4, count: 1, doc: "Type of the record." },
    Field {
        name: "payloadlen",
        offset: 4,
        width: 4,
        count: 1,
        doc: "Bytes of the list behind BEGIN.",
    },
];
/// The running checksum, in every record but BEGIN, whose name lies there.
const CHECKSUM: [Field; 1] = [Field {
    name: "checksum",
    offset: offset_of!(ReplayRecord<LE>, checksum),
    width: 8,
    count: 4,
    doc: "Sum of the stream up to this field.",
}];

/// The same record, every integer of it in the other byte order; bytes between them are kept.
///
/// `A` and `B` must be different orders. A record that is turned and turned back is the same,
/// whatever is in it.
pub fn byteswap<A: ByteOrder, B: ByteOrder>(record: &ReplayRecord<A>) -> ReplayRecord<B> {
    let kind = record.record_type();
    byteswap_with(record, kind.description().map_or(&[], |description| description.fields))
}

/// As [`byteswap`], for a record whose body has these fields.
pub fn byteswap_with<A: ByteOrder, B: ByteOrder>(
    record: &ReplayRecord<A>,
    fields: &[Field],
) -> ReplayRecord<B> {
    let mut out = ReplayRecord::<B>::new_zeroed();
    let bytes = out.as_mut_bytes();
    bytes.copy_from_slice(record.as_bytes());
    let checksum = if record.record_type() == RecordType::BEGIN { &[][..] } else { &CHECKSUM };
    for field in HEAD.iter().chain(fields).chain(checksum) {
        let end = field.offset + field.width * field.count;
        for int in bytes[field.offset..end].chunks_exact_mut(field.width) {
            int.reverse();
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drr::{Begin, End, NAME_SIZE, Write};
    use zerocopy::byteorder::{BE, LE};

    #[test]
    fn integers_turn_and_bytes_stay() {
        let mut write = Write::<LE>::new_zeroed();
        write.object = 7.into();
        write.object_type = 19.into();
        write.compressiontype = 15;
        write.key_prop = 0x0f_0001_0004.into();
        write.mac = *b"0123456789abcdef";
        let mut record = ReplayRecord::<LE>::new(&write);
        record.checksum[1] = 9.into();
        let turned: ReplayRecord<BE> = byteswap(&record);
        let body = turned.body_as::<Write<BE>>().expect("a WRITE");
        assert_eq!((body.object.get(), body.object_type.get()), (7, 19));
        assert_eq!(body.key_prop.get(), 0x0f_0001_0004);
        assert_eq!((body.compressiontype, body.mac), (15, write.mac));
        assert_eq!(turned.checksum[1].get(), 9);
    }

    #[test]
    fn the_end_of_a_long_name_is_no_checksum() {
        let mut begin = Begin::<LE>::new_zeroed();
        begin.toname = core::array::from_fn::<u8, NAME_SIZE, _>(|i| i.to_le_bytes()[0]);
        let turned: ReplayRecord<BE> = byteswap(&ReplayRecord::<LE>::new(&begin));
        assert_eq!(turned.body_as::<Begin<BE>>().expect("a BEGIN").toname, begin.toname);
    }

    #[test]
    fn turning_twice_changes_nothing() {
        for kind in 0..=11u32 {
            let mut record = ReplayRecord::<LE>::new_zeroed();
            for (i, byte) in record.as_mut_bytes().iter_mut().enumerate() {
                *byte = (i % 251).to_le_bytes()[0];
            }
            record.drr_type = kind.into();
            let turned: ReplayRecord<BE> = byteswap(&record);
            assert_eq!(turned.drr_type.get(), kind);
            assert_eq!(byteswap::<BE, LE>(&turned).as_bytes(), record.as_bytes());
            if let Some(end) = turned.body_as::<End<BE>>() {
                let original = record.body_as::<End<LE>>().expect("an END");
                assert_eq!(end.toguid.get(), original.toguid.get());
            }
        }
    }
}
