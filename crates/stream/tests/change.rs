//! Streams changed: each step over every stream of `fixtures/streams`.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod support;

use std::io::Cursor;
use support::{streams, verified};
use zsend_records::drr::Begin;
use zsend_records::flags::Features;
use zsend_records::reader::{Record, SliceReader};
use zsend_records::types::Compress;
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
    assert!(plain.len() > 5);
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
    assert!(smaller.iter().all(|&count| count > 2), "{smaller:?}");
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
