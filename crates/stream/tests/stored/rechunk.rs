//! Blocks of another size: the same bytes, of streams of either order of objects and data.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use crate::support::steps::{
    assert_whole, changed, contents, plain_streams, step, through, with_holes,
};
use zsend_records::drr::{FreeObjects, Redact};
use zsend_records::flags::Features;
use zsend_records::reader::{Record, SliceReader};
use zsend_records::writer::StreamWriter;
use zsend_records::zerocopy::FromZeros;
use zsend_records::zerocopy::byteorder::LE;
use zsend_stream::change::ChangeError;

/// Splits blocks, and joins none.
fn with_split(stream: &[u8], size: &str) -> Result<Vec<u8>, ChangeError> {
    through(stream, vec![step("rechunk", &[size], &[("split", "")])])
}

#[test]
fn blocks_of_another_size_hold_the_same() {
    let (mut split, mut joined, mut refused) = (0, 0, 0);
    let tails = [("holes", with_holes()), ("tail", with_tail(1)), ("two", with_tail(2))];
    let made = tails.map(|(name, stream)| (name.to_owned(), stream));
    for (name, stream) in plain_streams().into_iter().chain(made) {
        for size in ["512", "1K", "2K", "32K", "64K", "128K"] {
            let small = with_split(&stream, size).unwrap();
            assert_whole(&name, &small);
            split += usize::from(small != stream);
            assert!(contents(&small) == contents(&stream), "{name}, {size}");
        }
        for size in ["16K", "64K", "256K", "1M"] {
            match changed(&stream, &[&["rechunk", size]]) {
                Ok(large) => {
                    assert_whole(&name, &large);
                    assert!(contents(&large) == contents(&stream), "{name}, {size}");
                    joined += usize::from(large.len() != stream.len());
                    let back = with_split(&large, "512").unwrap();
                    assert!(contents(&back) == contents(&stream), "{name}, {size}");
                }
                Err(error) => {
                    assert!(matches!(error, ChangeError::Refused { .. }), "{name}: {error}");
                    refused += 1;
                }
            }
        }
    }
    assert!(split > 0 && joined > 0 && refused > 0, "{split} {joined} {refused}");
}

#[test]
fn a_block_that_is_larger_than_its_object_says_is_refused() {
    let records: Vec<_> = SliceReader::new(with_holes().into()).map(|r| r.unwrap()).collect();
    let mut writer = StreamWriter::new(Vec::new());
    for record in &records {
        match record.record() {
            Record::Write(&(mut write)) if write.offset.get() == 0 => {
                write.logical_size = (64 << 10).into();
                writer.body(&write, &[7; 64 << 10]).unwrap();
            }
            _ => writer.record(record.header, &record.payload).unwrap(),
        }
    }
    let stream = writer.into_inner().unwrap();
    let error = changed(&stream, &[&["rechunk", "8K"]]).unwrap_err();
    assert!(matches!(error, ChangeError::Contents { .. }), "{error}");
}

/// The same with a second file like the first, both objects in front of their data: as a sender of illumos has them.
fn with_two_files() -> Vec<u8> {
    let records: Vec<_> = SliceReader::new(with_holes().into()).map(|r| r.unwrap()).collect();
    let (heads, data): (Vec<_>, Vec<_>) =
        records[1..records.len() - 2].iter().partition(|record| match record.record() {
            Record::Free(free) => free.length.get() == u64::MAX,
            other => matches!(other, Record::Object(_)),
        });
    let mut writer = StreamWriter::new(Vec::new());
    writer.record(records[0].header, &[]).unwrap();
    for (part, object) in [(&heads, 1_u64), (&heads, 2), (&data, 1), (&data, 2)] {
        for record in part {
            let mut header = record.header;
            // The number is the first field of all of them.
            header.body[..8].copy_from_slice(&object.to_le_bytes());
            writer.record(header, &record.payload).unwrap();
        }
    }
    let mut rest = FreeObjects::<LE>::new_zeroed();
    (rest.firstobj, rest.numobjs, rest.toguid) = (3.into(), 29.into(), 7.into());
    writer.body(&rest, &[]).unwrap();
    writer.end(7).unwrap();
    writer.into_inner().unwrap()
}

#[test]
fn objects_in_front_of_their_data_are_all_changed() {
    let stream = with_two_files();
    assert_whole("two", &stream);
    for size in ["512", "16K", "1M"] {
        let other = changed(&stream, &[&["rechunk", size]]).unwrap();
        assert_whole(size, &other);
        assert!(other != stream && contents(&other) == contents(&stream), "{size}");
    }
}

/// As [`with_holes`], with a hole to the end of the file, in this many records.
fn with_tail(parts: u64) -> Vec<u8> {
    let records: Vec<_> = SliceReader::new(with_holes().into()).map(|r| r.unwrap()).collect();
    let mut writer = StreamWriter::new(Vec::new());
    for record in &records {
        match record.record() {
            Record::Free(&(mut free)) if free.offset.get() == 41 * 4096 => {
                let (blocks, start) = (261 / parts, free.offset.get());
                for part in 0..parts {
                    free.offset = (start + part * blocks * 4096).into();
                    let len = if part + 1 == parts { 261 - part * blocks } else { blocks };
                    free.length = (len * 4096).into();
                    writer.body(&free, &[]).unwrap();
                }
            }
            Record::Write(write) if write.offset.get() == 301 * 4096 => {}
            _ => writer.record(record.header, &record.payload).unwrap(),
        }
    }
    writer.into_inner().unwrap()
}

/// A full stream of one file with one block of this many bytes: data, or a hole.
fn with_only_block(block: u32, is_hole: bool) -> Vec<u8> {
    let records: Vec<_> = SliceReader::new(with_holes().into()).map(|r| r.unwrap()).collect();
    let mut writer = StreamWriter::new(Vec::new());
    for record in &records {
        match record.record() {
            Record::Object(&(mut object)) => {
                object.blksz = block.into();
                writer.body(&object, &[]).unwrap();
            }
            Record::Free(&(mut free)) if free.length.get() == u64::MAX => {
                free.offset = u64::from(block).into();
                writer.body(&free, &[]).unwrap();
                if is_hole {
                    (free.offset, free.length) = (0.into(), u64::from(block).into());
                    writer.body(&free, &[]).unwrap();
                }
            }
            Record::Write(&(mut write)) if write.offset.get() == 0 && !is_hole => {
                write.logical_size = u64::from(block).into();
                writer.body(&write, &vec![7; block as usize]).unwrap();
            }
            Record::Free(_) | Record::Write(_) => {}
            _ => writer.record(record.header, &record.payload).unwrap(),
        }
    }
    writer.into_inner().unwrap()
}

#[test]
fn the_last_piece_of_a_block_is_filled_up() {
    // One block of 6656 bytes more than 8 KiB.
    let stream = with_only_block(8192 + 6656, false);
    assert_whole("odd", &stream);
    for size in ["512", "8K"] {
        let small = with_split(&stream, size).unwrap();
        assert_whole(size, &small);
        assert!(contents(&small) == contents(&stream), "{size}");
    }
}

/// A file of more than 128 KiB has one block of an odd size if larger ones are allowed.
#[test]
fn a_large_block_of_an_odd_size_is_split_for_either_receiver() {
    for is_hole in [false, true] {
        let stream = with_only_block((129 << 10) + 512, is_hole);
        let stream = with_features(&stream, Features::LARGE_BLOCKS);
        assert_whole("large", &stream);
        let same_feature = with_split(&stream, "128K").unwrap();
        assert_whole("128K", &same_feature);
        assert!(contents(&same_feature) == contents(&stream));
        let older = through(&stream, vec![step("downgrade", &[], &[("to", "SA_SPILL")])]).unwrap();
        assert_whole("downgraded", &older);
        assert!(contents(&older) == contents(&stream));
        let ends: Vec<_> = SliceReader::new(older.into())
            .filter_map(|record| match record.unwrap().record() {
                Record::Write(write) => Some(write.offset.get() + write.logical_size.get()),
                Record::Free(free) if free.length.get() == u64::MAX => Some(free.offset.get()),
                Record::Free(free) => Some(free.offset.get() + free.length.get()),
                _ => None,
            })
            .collect();
        // A sender has no zeros behind the block.
        assert_eq!(ends.iter().max(), Some(&((129 << 10) + 512)), "{ends:?}");
    }
}

/// The stream with these features, too.
fn with_features(stream: &[u8], features: Features) -> Vec<u8> {
    let mut writer = StreamWriter::new(Vec::new());
    for record in SliceReader::new(stream.to_vec().into()) {
        let record = record.unwrap();
        match record.record() {
            Record::Begin(&(mut begin)) => {
                begin.set_features(begin.features() | features);
                writer.body(&begin, &record.payload).unwrap();
            }
            _ => writer.record(record.header, &record.payload).unwrap(),
        }
    }
    writer.into_inner().unwrap()
}

#[test]
fn a_hole_in_the_place_of_an_only_block_goes_to_the_end_of_its_last_piece() {
    // The only block has 13 new ones and half of another.
    let stream = with_only_block(13 * 8192 + 4608, true);
    assert_whole("hole", &stream);
    let small = with_split(&stream, "8K").unwrap();
    assert_whole("8K", &small);
    let frees: Vec<_> = SliceReader::new(small.into())
        .filter_map(|record| match record.unwrap().record() {
            Record::Free(free) => Some((free.offset.get(), free.length.get())),
            _ => None,
        })
        .collect();
    assert!(frees.contains(&(14 * 8192, u64::MAX)) && frees.contains(&(0, 14 * 8192)), "{frees:?}");
}

/// A receiver frees every block that a REDACT touches, with what else would be in a larger one.
#[test]
fn blocks_of_a_redacted_stream_are_split_and_not_joined() {
    let records: Vec<_> = SliceReader::new(with_holes().into()).map(|r| r.unwrap()).collect();
    let mut writer = StreamWriter::new(Vec::new());
    let mut redact = Redact::<LE>::new_zeroed();
    for record in &records {
        match record.record() {
            Record::Begin(&(mut begin)) => {
                begin.set_features(begin.features() | Features::REDACTED);
                redact.toguid = begin.toguid;
                writer.body(&begin, &[]).unwrap();
            }
            Record::Free(free) if free.length.get() == u64::MAX => {
                writer.record(record.header, &[]).unwrap();
                (redact.object, redact.length) = (free.object, 4096.into());
                writer.body(&redact, &[]).unwrap();
            }
            Record::Write(write) if write.offset.get() == 0 => {}
            _ => writer.record(record.header, &record.payload).unwrap(),
        }
    }
    let stream = writer.into_inner().unwrap();
    let error = changed(&stream, &[&["rechunk", "1M"]]).unwrap_err();
    assert!(matches!(error, ChangeError::Refused { .. }), "{error}");
    assert!(error.to_string().contains("redacted"), "{error}");
    let small = with_split(&stream, "512").unwrap();
    assert!(contents(&small) == contents(&stream) && small != stream);
}

/// A receiver takes REDACT of whole blocks alone.
#[test]
fn what_is_redacted_of_an_odd_block_is_whole_pieces() {
    let records: Vec<_> = SliceReader::new(with_only_block(13 * 8192 + 4608, true).into())
        .map(|r| r.unwrap())
        .collect();
    let mut writer = StreamWriter::new(Vec::new());
    for record in &records {
        match record.record() {
            Record::Begin(&(mut begin)) => {
                begin.set_features(begin.features() | Features::REDACTED);
                writer.body(&begin, &[]).unwrap();
            }
            Record::Free(free) if free.length.get() != u64::MAX => {
                let mut redact = Redact::<LE>::new_zeroed();
                (redact.object, redact.toguid) = (free.object, free.toguid);
                redact.length = free.length;
                writer.body(&redact, &[]).unwrap();
            }
            _ => writer.record(record.header, &record.payload).unwrap(),
        }
    }
    let small = with_split(&writer.into_inner().unwrap(), "8K").unwrap();
    let redacts: Vec<_> = SliceReader::new(small.into())
        .filter_map(|record| match record.unwrap().record() {
            Record::Redact(redact) => Some((redact.offset.get(), redact.length.get())),
            _ => None,
        })
        .collect();
    assert_eq!(redacts, [(0, 14 * 8192)]);
}
