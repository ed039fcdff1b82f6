//! Streams changed: each step over every stream of `fixtures/streams`.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod support;

use std::io::Cursor;
use support::{streams, verified};
use zsend_records::Order;
use zsend_records::drr::{Begin, Free, FreeObjects, MAGIC, Object, Write};
use zsend_records::flags::Features;
use zsend_records::reader::{Record, SliceReader};
use zsend_records::types::Compress;
use zsend_records::writer::StreamWriter;
use zsend_records::zerocopy::FromZeros;
use zsend_records::zerocopy::byteorder::LE;
use zsend_stream::change::{ChangeError, Given, Source, Verb, change};
use zsend_stream::verify::{Verdict, VerifyOptions};

/// Takes a stream through steps, each a name and its operands.
fn changed(stream: &[u8], steps: &[&[&str]]) -> Result<Vec<u8>, ChangeError> {
    let steps = steps.iter().map(|words| {
        let (name, operands) = words.split_first().unwrap();
        let operands = operands.iter().map(|&word| word.to_owned()).collect();
        (Verb::named(name).unwrap().make)(&Given { operands, ..Given::default() }).unwrap()
    });
    let steps = steps.collect();
    let source = Source::of_reader("in", Cursor::new(stream.to_vec())).unwrap();
    let mut out = Vec::new();
    change(vec![source], steps, &mut out, |_| {}).map(|_| out)
}

/// Features of all streams in an input.
fn features(stream: &[u8]) -> Features {
    let records = SliceReader::new(stream.to_vec().into()).map(|record| record.unwrap());
    records.fold(Features::empty(), |all, record| match record.record() {
        Record::Begin(begin) => all | Begin::features(&begin),
        _ => all,
    })
}

/// Number of WRITE records of each codec.
fn codecs(stream: &[u8]) -> Vec<(Compress, usize)> {
    let mut counts = std::collections::BTreeMap::new();
    for record in SliceReader::new(stream.to_vec().into()) {
        if let Record::Write(write) = record.unwrap().record() {
            *counts.entry(write.compressiontype).or_insert(0) += 1;
        }
    }
    counts.into_iter().map(|(codec, count)| (Compress(codec), count)).collect()
}

/// Streams whose blocks can be looked into.
fn plain_streams() -> Vec<(String, Vec<u8>)> {
    let shut = Features::RAW | Features::DEDUP;
    let plain: Vec<_> =
        streams().into_iter().filter(|(_, stream)| !features(stream).intersects(shut)).collect();
    assert!(plain.len() > 2);
    plain
}

#[track_caller]
fn assert_whole(name: &str, stream: &[u8]) {
    let (outcome, faults) = verified(stream, &VerifyOptions::default());
    assert_eq!(
        outcome.verdict,
        Verdict::Whole,
        "{name}: {:?}",
        faults.first().map(ToString::to_string)
    );
}

#[test]
fn a_stream_through_no_step_is_the_same() {
    for (name, stream) in streams() {
        assert!(changed(&stream, &[]).unwrap() == stream, "{name}");
    }
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
    let source = Source::of_reader("in", Cursor::new(damaged)).unwrap();
    let mut out = Vec::new();
    let error = change(vec![source], Vec::new(), &mut out, |_| {}).unwrap_err();
    assert!(matches!(error, ChangeError::Damaged { .. }), "{name}: {error}");
    assert!(!out.is_empty() && stream.starts_with(&out), "{name}");
    // A cut stream ends where it was cut, at a record.
    let source =
        Source::of_reader("in", Cursor::new(stream[..stream.len() - 312].to_vec())).unwrap();
    let mut out = Vec::new();
    let error = change(vec![source], Vec::new(), &mut out, |_| {}).unwrap_err();
    assert!(error.to_string().contains("without an END"), "{error}");
    assert!(out == stream[..stream.len() - 312]);
}

/// The same, with options.
fn with_options(
    stream: &[u8],
    name: &str,
    options: &[(&str, &str)],
) -> Result<Vec<u8>, ChangeError> {
    let options =
        options.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
    let given = Given { options, ..Given::default() };
    let step = (Verb::named(name).unwrap().make)(&given).unwrap();
    let source = Source::of_reader("in", Cursor::new(stream.to_vec())).unwrap();
    let mut out = Vec::new();
    change(vec![source], vec![step], &mut out, |_| {}).map(|_| out)
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

/// Contents of the plain files and volumes of a full stream: runs of bytes that are not all zeros.
fn contents(stream: &[u8]) -> std::collections::BTreeMap<(u64, u64), Vec<u8>> {
    let plain = changed(stream, &[&["decompress"]]).unwrap();
    let mut blocks = std::collections::BTreeMap::new();
    for record in SliceReader::new(plain.into()) {
        let record = record.unwrap();
        if let Record::Write(write) = record.record() {
            for (i, piece) in record.payload.chunks(512).enumerate() {
                if piece.iter().any(|&byte| byte != 0) {
                    let offset = write.offset.get() + 512 * i as u64;
                    blocks.insert((write.object.get(), offset), piece.to_vec());
                }
            }
        }
    }
    blocks
}

/// A full stream of one file with blocks of 4 KiB: holes between them, behind them, and in place of whole larger ones.
fn with_holes() -> Vec<u8> {
    let mut writer = StreamWriter::new(Vec::new());
    let mut begin = Begin::<LE>::new_zeroed();
    (begin.magic, begin.versioninfo, begin.toguid) = (MAGIC.into(), 1.into(), 7.into());
    begin.objset_type = 2.into();
    begin.toname[..7].copy_from_slice(b"a/b@c\0\0");
    writer.body(&begin, &[]).unwrap();
    let mut object = Object::<LE>::new_zeroed();
    (object.object, object.object_type, object.toguid) = (1.into(), 19.into(), 7.into());
    (object.blksz, object.dn_slots) = (4096.into(), 1);
    writer.body(&object, &[]).unwrap();
    let mut free = Free::<LE>::new_zeroed();
    (free.object, free.toguid) = (1.into(), 7.into());
    (free.offset, free.length) = ((302 * 4096).into(), u64::MAX.into());
    writer.body(&free, &[]).unwrap();
    let mut write = Write::<LE>::new_zeroed();
    (write.object, write.object_type, write.toguid) = (1.into(), 19.into(), 7.into());
    (write.logical_size, write.checksumtype) = (4096.into(), 2);
    for block in [0_u64, 2, 3, 4, 40, 301] {
        write.offset = (4096 * block).into();
        writer.body(&write, &[u8::try_from(block % 250).unwrap() + 1; 4096]).unwrap();
        let hole = match block {
            0 => 1,
            4 => 35,
            40 => 260,
            _ => continue,
        };
        (free.offset, free.length) = ((4096 * (block + 1)).into(), (4096 * hole).into());
        writer.body(&free, &[]).unwrap();
    }
    let mut rest = FreeObjects::<LE>::new_zeroed();
    (rest.firstobj, rest.numobjs, rest.toguid) = (2.into(), 30.into(), 7.into());
    writer.body(&rest, &[]).unwrap();
    writer.end(7).unwrap();
    writer.into_inner().unwrap()
}

/// Splits blocks, and joins none.
fn with_split(stream: &[u8], size: &str) -> Result<Vec<u8>, ChangeError> {
    let (operands, options) = (vec![size.to_owned()], vec![("split".to_owned(), String::new())]);
    let given = Given { operands, options, ..Given::default() };
    let step = (Verb::named("rechunk").unwrap().make)(&given).unwrap();
    let source = Source::of_reader("in", Cursor::new(stream.to_vec())).unwrap();
    let mut out = Vec::new();
    change(vec![source], vec![step], &mut out, |_| {}).map(|_| out)
}

#[test]
fn blocks_of_another_size_hold_the_same() {
    let (mut split, mut joined, mut refused) = (0, 0, 0);
    for (name, stream) in plain_streams().into_iter().chain([("holes".to_owned(), with_holes())]) {
        let small = with_split(&stream, "512").unwrap();
        assert_whole(&name, &small);
        split += usize::from(small != stream);
        assert!(contents(&small) == contents(&stream), "{name}");
        for size in ["16K", "1M"] {
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
fn a_block_that_is_larger_than_its_object_says_is_refused() {
    let records: Vec<_> = SliceReader::new(with_holes().into()).map(|r| r.unwrap()).collect();
    let mut writer = StreamWriter::new(Vec::new());
    for record in &records {
        match record.record() {
            Record::Write(mut write) if write.offset.get() == 0 => {
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

#[test]
fn a_piece_of_a_block_is_not_compressed() {
    // Blocks of 4 KiB in pieces of 512 bytes, in an object that says 4 KiB: as a sender splits them.
    let records: Vec<_> = SliceReader::new(with_holes().into()).map(|r| r.unwrap()).collect();
    let mut writer = StreamWriter::new(Vec::new());
    for record in &records {
        match record.record() {
            Record::Write(mut write) => {
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

#[test]
fn the_last_piece_of_a_block_is_filled_up() {
    // One block of 6656 bytes more than 8 KiB.
    let records: Vec<_> = SliceReader::new(with_holes().into()).map(|r| r.unwrap()).collect();
    let (block, mut writer) = (8192 + 6656_u32, StreamWriter::new(Vec::new()));
    for record in &records {
        match record.record() {
            Record::Object(mut object) => {
                object.blksz = block.into();
                writer.body(&object, &[]).unwrap();
            }
            Record::Free(mut free) if free.length.get() == u64::MAX => {
                free.offset = u64::from(block).into();
                writer.body(&free, &[]).unwrap();
            }
            Record::Free(_) => {}
            Record::Write(mut write) if write.offset.get() == 0 => {
                write.logical_size = u64::from(block).into();
                writer.body(&write, &vec![7; block as usize]).unwrap();
            }
            Record::Write(_) => {}
            _ => writer.record(record.header, &record.payload).unwrap(),
        }
    }
    let stream = writer.into_inner().unwrap();
    assert_whole("odd", &stream);
    for size in ["512", "8K"] {
        let small = with_split(&stream, size).unwrap();
        assert_whole(size, &small);
        assert!(contents(&small) == contents(&stream), "{size}");
    }
}
