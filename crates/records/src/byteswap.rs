//! A record header in the other byte order.
//!
//! Source: OpenZFS `module/zfs/dmu_recv.c`, `byteswap_record()`, zfs-2.3.2. Single bytes, names,
//! padding, salts, initialisation vectors and authentication tags stay as they are.

use crate::drr::{CHECKSUM_OFFSET, RecordType, ReplayRecord};
use zerocopy::{ByteOrder, FromZeros, IntoBytes};

/// Offset in the record and width of each integer of a body.
type Field = (usize, usize);

/// The integers of a body of that type; none of an unknown type.
const fn fields(kind: RecordType) -> &'static [Field] {
    match kind {
        RecordType::BEGIN => &[(8, 8), (16, 8), (24, 8), (32, 4), (36, 4), (40, 8), (48, 8)],
        RecordType::OBJECT => {
            &[(8, 8), (16, 4), (20, 4), (24, 4), (28, 4), (36, 4), (40, 8), (56, 8)]
        }
        RecordType::FREEOBJECTS | RecordType::OBJECT_RANGE => &[(8, 8), (16, 8), (24, 8)],
        RecordType::WRITE => &[
            (8, 8),
            (16, 4),
            (24, 8),
            (32, 8),
            (40, 8),
            (56, 8),
            (64, 8),
            (72, 8),
            (80, 8),
            (88, 8),
            (96, 8),
        ],
        RecordType::FREE | RecordType::REDACT => &[(8, 8), (16, 8), (24, 8), (32, 8)],
        RecordType::END => &[(8, 8), (16, 8), (24, 8), (32, 8), (40, 8)],
        RecordType::WRITE_BYREF => &[
            (8, 8),
            (16, 8),
            (24, 8),
            (32, 8),
            (40, 8),
            (48, 8),
            (56, 8),
            (72, 8),
            (80, 8),
            (88, 8),
            (96, 8),
            (104, 8),
        ],
        RecordType::SPILL => &[(8, 8), (16, 8), (24, 8), (40, 8), (84, 4)],
        RecordType::WRITE_EMBEDDED => &[(8, 8), (16, 8), (24, 8), (32, 8), (48, 4), (52, 4)],
        _ => &[],
    }
}

/// The same record, every integer of it in the other byte order; bytes between them are kept.
///
/// `A` and `B` must be different orders. A record that is turned and turned back is the same,
/// whatever is in it.
pub fn byteswap<A: ByteOrder, B: ByteOrder>(record: &ReplayRecord<A>) -> ReplayRecord<B> {
    let kind = record.record_type();
    let mut out = ReplayRecord::<B>::new_zeroed();
    let bytes = out.as_mut_bytes();
    bytes.copy_from_slice(record.as_bytes());
    let checksum: &[Field] = match kind {
        // The name lies there.
        RecordType::BEGIN => &[],
        _ => &[
            (CHECKSUM_OFFSET, 8),
            (CHECKSUM_OFFSET + 8, 8),
            (CHECKSUM_OFFSET + 16, 8),
            (CHECKSUM_OFFSET + 24, 8),
        ],
    };
    for (offset, width) in [(0, 4), (4, 4)].iter().chain(fields(kind)).chain(checksum) {
        bytes[*offset..offset + width].reverse();
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
