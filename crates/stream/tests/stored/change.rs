//! Streams changed: each step over every stream of `fixtures/streams`.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use crate::support::steps::{
    assert_whole, changed, codecs, features, plain_streams, step, through, with_holes, with_options,
};
use crate::support::streams;
use std::fs::{self, File};
use std::io::Cursor;
use std::path::Path;
use zsend_records::Order;
use zsend_records::drr::{Begin, MAGIC, Write};
use zsend_records::flags::Features;
use zsend_records::reader::{Record, SliceReader};
use zsend_records::types::Compress;
use zsend_records::writer::StreamWriter;
use zsend_records::zerocopy::FromZeros;
use zsend_records::zerocopy::byteorder::LE;
use zsend_stream::change::{ChangeError, ChangeInput, Out, Packet, Transform, change};

#[test]
fn a_stream_through_no_step_is_the_same() {
    for (name, stream) in streams() {
        assert!(changed(&stream, &[]).unwrap() == stream, "{name}");
    }
}

/// A stream of some megabytes, blocks of many lengths.
fn large() -> Vec<u8> {
    let mut writer = StreamWriter::new(Vec::new());
    let mut begin = Begin::<LE>::new_zeroed();
    (begin.magic, begin.versioninfo, begin.toguid) = (MAGIC.into(), 1.into(), 42.into());
    writer.body(&begin, &[]).unwrap();
    for number in 0..200_u32 {
        let block = number.to_le_bytes().repeat(128 * (number as usize % 151 + 1));
        let mut write = Write::<LE>::new_zeroed();
        (write.object, write.toguid, write.object_type) =
            (u64::from(number).into(), 42.into(), 19.into());
        write.logical_size = (block.len() as u64).into();
        writer.body(&write, &block).unwrap();
    }
    writer.end(42).unwrap();
    writer.into_inner().unwrap()
}

#[test]
fn a_file_gives_what_a_pipe_does_whoever_asks() {
    let stream = large();
    let small = changed(&stream, &[&["recompress", "lz4"]]).unwrap();
    assert!(small.len() < stream.len() / 4);
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("change.zsend");
    fs::write(&path, &stream).unwrap();
    let recompressed = || {
        let source = ChangeInput::of_file("in", File::open(&path).unwrap());
        let mut out = Vec::new();
        let steps = vec![step("decompress", &[], &[]), step("recompress", &["lz4"], &[])];
        change(vec![source], steps, &mut out, |_| {}).unwrap();
        out
    };
    assert!(recompressed() == small);
    // Of a pool, the only thread, which then has to do all work itself.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    assert!(pool.install(recompressed) == small);
    fs::remove_file(path).unwrap();
}

/// Takes so many bytes, and fails at the next.
struct Full(usize);

impl std::io::Write for Full {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let left = self.0.checked_sub(bytes.len());
        self.0 = left.ok_or(std::io::ErrorKind::StorageFull)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_destination_that_fails_is_told_wherever_the_others_are() {
    let stream = large();
    for room in [0, 300_000, stream.len() / 2] {
        // One step works on all cores, one makes more of each record, and there may be none.
        for steps in
            [vec![], vec![step("recompress", &["off"], &[])], vec![step("redup", &[], &[])]]
        {
            let source = ChangeInput::of_reader("in", Cursor::new(stream.clone()));
            let error = change(vec![source], steps, Full(room), |_| {}).unwrap_err();
            assert!(matches!(error, ChangeError::Write(_)), "{error}");
        }
    }
}

#[test]
fn what_was_right_is_written_before_a_stream_of_the_other_byte_order() {
    let little = large();
    let big = changed_to_big(&little);
    let sources = [&little, &big].map(|s| ChangeInput::of_reader("in", Cursor::new(s.clone())));
    let mut out = Vec::new();
    let error = change(sources.into(), vec![], &mut out, |_| {}).unwrap_err();
    assert!(matches!(error, ChangeError::Refused { .. }), "{error}");
    assert!(out == little);
}

fn changed_to_big(stream: &[u8]) -> Vec<u8> {
    let big = with_options(stream, "convert", &[("byteorder", "big")]).unwrap();
    let again = with_options(&big, "convert", &[("byteorder", "little")]).unwrap();
    assert!(again == stream && big != stream);
    // In one process, where what nobody turned has the sum that it was read with.
    let order = |to| step("convert", &[], &[("byteorder", to)]);
    let steps = vec![order("big"), order("little"), order("big")];
    assert!(through(stream, steps).unwrap() == big);
    big
}

#[test]
#[should_panic(expected = "noted")]
fn a_panic_of_whoever_takes_notes_ends_it() {
    struct Notes;
    impl std::fmt::Debug for Notes {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("Notes")
        }
    }
    impl Transform for Notes {
        fn record(&mut self, mut packet: Packet, out: &mut Out) -> Result<(), ChangeError> {
            packet.note("this");
            out.put(packet);
            Ok(())
        }
    }
    let source = ChangeInput::of_reader("in", Cursor::new(large()));
    let _ = change(vec![source], vec![Box::new(Notes)], std::io::sink(), |_| panic!("noted"));
}

#[test]
fn one_large_record_after_the_other_passes() {
    let mut writer = StreamWriter::new(Vec::new());
    let mut begin = Begin::<LE>::new_zeroed();
    (begin.magic, begin.versioninfo, begin.toguid) = (MAGIC.into(), 1.into(), 42.into());
    writer.body(&begin, &[]).unwrap();
    for number in 0..3_u8 {
        let mut write = Write::<LE>::new_zeroed();
        (write.object, write.object_type) = (u64::from(number).into(), 19.into());
        write.logical_size = (5_u64 << 20).into();
        writer.body(&write, &vec![number; 5 << 20]).unwrap();
    }
    writer.end(42).unwrap();
    let stream = writer.into_inner().unwrap();
    let small = changed(&stream, &[&["recompress", "lz4"]]).unwrap();
    assert!(small.len() < stream.len() / 100);
    // All but the features of its BEGIN, and sums.
    assert_eq!(changed(&small, &[&["decompress"]]).unwrap().len(), stream.len());
    // The reader waits for the first when the step is done with it.
    let source = ChangeInput::of_reader("in", Cursor::new(stream));
    assert!(change(vec![source], vec![], Full(400), |_| {}).is_err());
}

#[test]
fn every_codec_is_undone_to_the_same_blocks() {
    let codecs_of = ["lz4", "lzjb", "zle", "gzip-1", "zstd-3", "zstd-fast-10"];
    let mut smaller = [0; 6];
    for (name, stream) in plain_streams() {
        let plain = changed(&stream, &[&["decompress"]]).unwrap();
        assert_whole(&name, &plain);
        assert!(codecs(&plain).iter().all(|(codec, _)| codec.0 == 0), "{name}");
        assert!(changed(&stream, &[&["recompress", "off"]]).unwrap() == plain, "{name}");
        for (codec, smaller) in codecs_of.iter().zip(&mut smaller) {
            let small = changed(&stream, &[&["recompress", codec]]).unwrap();
            assert_whole(&name, &small);
            *smaller += usize::from(small.len() < plain.len());
            let again = changed(&small, &[&["decompress"]]).unwrap();
            let blocks = |stream: &[u8]| {
                let records =
                    SliceReader::new(stream.to_vec().into()).map(|record| record.unwrap());
                records.map(|record| (record.frame.name(), record.payload)).collect::<Vec<_>>()
            };
            assert!(blocks(&again) == blocks(&plain), "{name}, {codec}");
            // In one process as in several.
            let at_once = changed(&stream, &[&["recompress", codec], &["decompress"]]).unwrap();
            assert!(at_once == again, "{name}, {codec}");
        }
    }
    assert!(smaller.iter().all(|&count| count > 0), "{smaller:?}");
}

#[test]
fn what_cannot_be_looked_into_is_refused_by_name() {
    let mut refused = 0;
    for (name, stream) in streams() {
        if features(&stream).contains(Features::RAW) {
            let error = changed(&stream, &[&["recompress", "zstd"]]).unwrap_err();
            assert!(matches!(error, ChangeError::Refused { .. }), "{name}: {error}");
            assert!(error.to_string().contains("RAW"), "{error}");
            refused += 1;
        }
    }
    assert!(refused > 0);
}

#[test]
fn what_is_no_plain_block_is_not_called_one() {
    let is_packed =
        |record: &Record<'_>| matches!(record, Record::Write(w) if w.compressiontype > 2);
    let mut left = 0;
    for (name, stream) in plain_streams() {
        let records = SliceReader::new(stream.clone().into()).map(Result::unwrap);
        let Some(packed) = records.into_iter().find(|record| is_packed(&record.record())) else {
            continue;
        };
        let (object, offset) = match packed.record() {
            Record::Write(write) => (write.object.get(), write.offset.get()),
            other => panic!("{other:?}"),
        };
        let word = format!("{object},{offset},off");
        assert!(changed(&stream, &[&["decompress", &word]]).unwrap() == stream, "{name}");
        left += 1;
    }
    assert!(left > 0);
}

#[test]
fn a_record_is_dropped_alone() {
    let (name, stream) = plain_streams().into_iter().find(|(_, s)| !codecs(s).is_empty()).unwrap();
    let records: Vec<_> = SliceReader::new(stream.clone().into()).map(|r| r.unwrap()).collect();
    let place = records.iter().find_map(|record| match record.record() {
        Record::Write(write) => Some(format!("{},{}", write.object, write.offset)),
        _ => None,
    });
    let without = changed(&stream, &[&["drop-record", &place.unwrap()]]).unwrap();
    assert_eq!(SliceReader::new(without.clone().into()).count(), records.len() - 1, "{name}");
    assert_whole(&name, &without);
}

#[test]
fn records_before_a_fault_are_written_and_the_fault_is_named() {
    let (name, stream) = plain_streams().into_iter().max_by_key(|(_, s)| s.len()).unwrap();
    let mut damaged = stream.clone();
    let at = stream.len() / 2;
    damaged[at] ^= 1;
    let source = ChangeInput::of_reader("in", Cursor::new(damaged));
    let mut out = Vec::new();
    let error = change(vec![source], Vec::new(), &mut out, |_| {}).unwrap_err();
    assert!(matches!(error, ChangeError::Damaged { .. }), "{name}: {error}");
    assert!(!out.is_empty() && stream.starts_with(&out), "{name}");
    // A cut stream ends where it was cut, at a record.
    let source = ChangeInput::of_reader("in", Cursor::new(stream[..stream.len() - 312].to_vec()));
    let mut out = Vec::new();
    let error = change(vec![source], Vec::new(), &mut out, |_| {}).unwrap_err();
    assert!(error.to_string().contains("without an END"), "{error}");
    assert!(out == stream[..stream.len() - 312]);
}

#[test]
fn a_stream_is_turned_there_and_back() {
    let (mut turned, mut raw) = (0, 0);
    for (name, stream) in streams() {
        let order = SliceReader::new(stream.clone().into()).next().unwrap().unwrap().frame.order;
        let (there, back) = match order {
            Order::Little => ("big", "little"),
            Order::Big => ("little", "big"),
        };
        let same = with_options(&stream, "convert", &[("byteorder", back)]).unwrap();
        assert!(same == stream, "{name}");
        let other = with_options(&stream, "convert", &[("byteorder", there)]).unwrap();
        assert_whole(&name, &other);
        turned += usize::from(other.len() == stream.len());
        raw += usize::from(features(&other).contains(Features::RAW));
        let again = with_options(&other, "convert", &[("byteorder", back)]).unwrap();
        assert_eq!(again.len(), stream.len(), "{name}");
        assert!(again == stream, "{name}");
    }
    assert!(turned > 5 && raw > 0, "{turned} turned, {raw} raw");
}

#[test]
fn a_list_is_packed_there_and_back() {
    let mut packed = 0;
    for (name, stream) in streams() {
        let xdr = with_options(&stream, "convert", &[("nvlist", "xdr")]).unwrap();
        let native = with_options(&stream, "convert", &[("dialect", "openzfs")]).unwrap();
        assert_whole(&name, &xdr);
        assert_whole(&name, &native);
        packed += usize::from(xdr != native);
        assert!(
            with_options(&xdr, "convert", &[("nvlist", "native")]).unwrap() == native,
            "{name}"
        );
        assert!(with_options(&native, "convert", &[("nvlist", "xdr")]).unwrap() == xdr, "{name}");
    }
    assert!(packed > 1);
}

#[test]
fn an_older_receiver_gets_what_it_takes() {
    let (mut changed_some, mut refused) = (0, 0);
    let none = Features::COMPRESSED
        | Features::LZ4
        | Features::ZSTD
        | Features::EMBED_DATA
        | Features::LARGE_BLOCKS;
    for (name, stream) in streams() {
        match with_options(&stream, "downgrade", &[("to", "SA_SPILL")]) {
            Ok(old) => {
                assert_whole(&name, &old);
                assert!(!features(&old).intersects(none), "{name}");
                changed_some += usize::from(features(&stream).intersects(none));
            }
            Err(error) => {
                assert!(matches!(error, ChangeError::Refused { .. }), "{name}: {error}");
                refused += 1;
            }
        }
    }
    assert!(changed_some > 0 && refused > 0, "{changed_some} {refused}");
}

#[test]
fn a_piece_of_a_block_is_not_compressed() {
    // Blocks of 4 KiB in pieces of 512 bytes, in an object that says 4 KiB: as a sender splits them.
    let records: Vec<_> = SliceReader::new(with_holes().into()).map(|r| r.unwrap()).collect();
    let mut writer = StreamWriter::new(Vec::new());
    for record in &records {
        match record.record() {
            Record::Write(&(mut write)) => {
                write.logical_size = 512.into();
                for (i, piece) in record.payload.chunks(512).enumerate() {
                    write.offset = (write.offset.get() + if i > 0 { 512 } else { 0 }).into();
                    writer.body(&write, piece).unwrap();
                }
            }
            _ => writer.record(record.header, &record.payload).unwrap(),
        }
    }
    let stream = writer.into_inner().unwrap();
    let small = changed(&stream, &[&["recompress", "lz4"]]).unwrap();
    assert_eq!(codecs(&small).iter().map(|(codec, _)| codec.0).collect::<Vec<_>>(), [0]);
    let whole = changed(&with_holes(), &[&["recompress", "lz4"]]).unwrap();
    assert!(codecs(&whole).iter().all(|(codec, _)| *codec == Compress::LZ4));
}

#[test]
fn blocks_that_no_feature_stands_for_do_not_reach_a_receiver_that_takes_compressed_ones() {
    let mut writer = StreamWriter::new(Vec::new());
    let mut begin = Begin::<LE>::new_zeroed();
    (begin.magic, begin.versioninfo, begin.toguid) = (MAGIC.into(), 1.into(), 42.into());
    writer.body(&begin, &[]).unwrap();
    let mut write = Write::<LE>::new_zeroed();
    (write.object, write.toguid, write.object_type) = (1.into(), 42.into(), 19.into());
    (write.logical_size, write.compressed_size) = (4096.into(), 512.into());
    write.compressiontype = 17;
    writer.body(&write, &[0; 512]).unwrap();
    writer.end(42).unwrap();
    let stream = writer.into_inner().unwrap();
    let error = with_options(&stream, "downgrade", &[("to", "COMPRESSED,LZ4")]).unwrap_err();
    assert!(matches!(error, ChangeError::Contents { .. }), "{error}");
}
