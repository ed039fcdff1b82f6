//! Streams that follow one another, as one: a receiver has the same of it, one that knows nothing of `squash`.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use crate::support::chain::{State, chain, receive};
use crate::support::{records, right, streams, verified};
use std::io::Cursor;
use zsend_records::Order;
use zsend_records::drr::{Begin, MAGIC, Object, RecordType, ReplayRecord};
use zsend_records::flags::{Features, HeaderType, VersionInfo};
use zsend_records::reader::Record;
use zsend_records::writer::StreamWriter;
use zsend_records::zerocopy::FromZeros;
use zsend_records::zerocopy::byteorder::LE;
use zsend_stream::change::{ChangeError, ChangeInput, Given, Verb, change};
use zsend_stream::verify::{Verdict, VerifyOptions};

fn squashed(streams: &[&[u8]]) -> (Vec<u8>, Result<(), ChangeError>) {
    let sources = streams.iter().enumerate().map(|(at, stream)| {
        ChangeInput::of_reader(&format!("stream {at}"), Cursor::new(stream.to_vec()))
    });
    let step = (Verb::named("squash").unwrap().make)(&Given::default()).unwrap();
    let mut out = Vec::new();
    let done = change(sources.collect(), vec![step], &mut out, |_| {});
    (out, done.map(drop))
}

fn refused(streams: &[&[u8]]) -> ChangeError {
    squashed(streams).1.unwrap_err()
}

fn whole(streams: &[&[u8]], name: &str) -> Vec<u8> {
    let (out, done) = squashed(streams);
    assert!(done.is_ok(), "{name}: {}", done.unwrap_err());
    let (outcome, faults) = verified(&out, &VerifyOptions::default());
    let fault = faults.first().map(ToString::to_string);
    assert_eq!(outcome.verdict, Verdict::Whole, "{name}: {fault:?}");
    out
}

#[test]
fn a_receiver_has_the_same_of_the_one_as_of_the_many() {
    let (mut files, mut blocks, mut spills) = (0, 0, 0);
    for seed in 0..150 {
        let increments = 1 + seed % 4;
        let chain = chain(seed, increments);
        for (stream, _) in &chain {
            let (outcome, faults) = verified(stream, &VerifyOptions::default());
            assert_eq!(outcome.verdict, Verdict::Whole, "{seed}: {:?}", faults.first());
        }
        let streams: Vec<&[u8]> = chain.iter().map(|(stream, _)| &stream[..]).collect();
        let (_, last) = chain.last().unwrap();
        let full = whole(&streams, &format!("seed {seed}"));
        let mut state = State::new();
        receive(&mut state, &full);
        assert_eq!(&state, last, "seed {seed}, full");
        // Of increments alone, on what the first stream left.
        let increment = whole(&streams[1..], &format!("seed {seed}, increments"));
        let mut state = chain[0].1.clone();
        receive(&mut state, &increment);
        assert_eq!(&state, last, "seed {seed}, increments");
        // And both of these.
        let both = whole(&[streams[0], &increment], &format!("seed {seed}, twice"));
        assert!(both == full, "seed {seed}: by way of one increment");
        files += last.len();
        blocks += last.values().map(|file| file.blocks.len()).sum::<usize>();
        spills += last.values().filter(|file| file.spill.is_some()).count();
    }
    assert!(files > 1000 && blocks > 1000 && spills > 100, "{files} {blocks} {spills}");
}

#[test]
fn one_stream_alone_tells_the_same() {
    for (name, stream) in streams() {
        let (out, done) = squashed(&[&stream]);
        if let Err(error) = done {
            assert!(matches!(error, ChangeError::Refused { .. }), "{name}: {error}");
            continue;
        }
        let data = |stream: &[u8]| {
            let all = records(stream).into_iter();
            let frees = [RecordType::FREE, RecordType::FREEOBJECTS, RecordType::END];
            let rest = all.filter(|r| !frees.contains(&r.header.record_type()));
            rest.map(|record| (record.header.body, record.payload)).collect::<Vec<_>>()
        };
        assert!(data(&out) == data(&stream), "{name}");
    }
}

#[test]
fn the_head_is_that_of_the_last_from_where_the_first_starts() {
    let chain = chain(3, 3);
    let all: Vec<&[u8]> = chain.iter().map(|(stream, _)| &stream[..]).collect();
    let guids = |stream: &[u8]| match records(stream)[0].record() {
        Record::Begin(begin) => (begin.fromguid.get(), begin.toguid.get()),
        _ => panic!(),
    };
    assert_eq!(guids(&whole(&all, "full")), (0, 4));
    assert_eq!(guids(&whole(&all[1..], "increments")), (1, 4));
    assert_eq!(guids(&whole(&all[2..3], "one")), (2, 3));
}

#[test]
fn what_does_not_follow_is_refused_by_name() {
    let chain = chain(5, 2);
    let [full, first, second] = [0, 1, 2].map(|at| &chain[at].0[..]);
    let gap = refused(&[full, second]);
    assert!(matches!(gap, ChangeError::Base { from: 2, have: Some(1), .. }), "{gap}");
    assert!(gap.to_string().contains("stream 1"), "{gap}");
    assert!(refused(&[first, full]).to_string().contains("full stream"));
    assert!(refused(&[full, first, first]).to_string().contains("starts from guid 1"));
    let two = [full, first].concat();
    assert!(refused(&[&two]).to_string().contains("another stream"));
    let dedup = right(Order::Little);
    assert!(refused(&[&dedup]).to_string().contains("zsend redup"));
    let mut raw = 0;
    for (name, stream) in streams().iter().filter(|(name, _)| name.contains("raw")) {
        assert!(refused(&[stream]).to_string().contains("raw"), "{name}");
        raw += 1;
    }
    assert!(raw > 0);
    // Behind another step the streams come one after the other.
    let make = |name: &str| (Verb::named(name).unwrap().make)(&Given::default()).unwrap();
    let source = ChangeInput::of_reader("in", Cursor::new(full.to_vec()));
    let steps = vec![make("decompress"), make("squash")];
    let error = change(vec![source], steps, Vec::new(), |_| {}).unwrap_err();
    assert!(error.to_string().contains("first step"), "{error}");
}

/// A stream of objects without data: number and slots of each.
fn of_objects(from: u64, objects: &[(u64, u8)]) -> Vec<u8> {
    let mut begin = Begin::<LE>::new_zeroed();
    (begin.magic, begin.objset_type) = (MAGIC.into(), 2.into());
    (begin.fromguid, begin.toguid) = (from.into(), (from + 1).into());
    begin.versioninfo = VersionInfo::new(HeaderType::SUBSTREAM, Features::LARGE_DNODE).0.into();
    let mut writer = StreamWriter::new(Vec::new());
    writer.record(ReplayRecord::new(&begin), &[]).unwrap();
    for &(number, slots) in objects {
        let mut object = Object::<LE>::new_zeroed();
        (object.object, object.object_type) = (number.into(), 19.into());
        (object.blksz, object.dn_slots) = (512.into(), slots);
        writer.record(ReplayRecord::new(&object), &[]).unwrap();
    }
    writer.end(from + 1).unwrap();
    writer.into_inner().unwrap()
}

#[test]
fn slots_are_of_one_object() {
    let full = of_objects(0, &[(1, 2), (3, 1)]);
    // An object of two slots takes that of another, and the slot of that is free.
    let out = squashed(&[&full, &of_objects(1, &[(2, 2)])]);
    assert!(out.1.unwrap_err().to_string().contains("object 2"));
    let out = squashed(&[&of_objects(0, &[(2, 2)]), &of_objects(1, &[(1, 2)])]);
    assert!(out.1.is_ok());
    let said: Vec<_> = records(&out.0)
        .iter()
        .filter_map(|record| match record.record() {
            Record::Object(o) => Some((o.object.get(), u64::from(o.dn_slots))),
            Record::FreeObjects(f) => Some((f.firstobj.get(), f.numobjs.get())),
            _ => None,
        })
        .collect();
    assert_eq!(said, [(1, 2), (3, 29)]);
}

#[test]
fn of_a_cut_stream_the_beginning_is_written() {
    let chain = chain(7, 2);
    let all: Vec<&[u8]> = chain.iter().map(|(stream, _)| &stream[..]).collect();
    let full = whole(&all, "full");
    for at in 0..all.len() {
        let mut cut = all.clone();
        cut[at] = &all[at][..all[at].len() / 2];
        let (out, done) = squashed(&cut);
        let error = done.unwrap_err();
        assert!(matches!(error, ChangeError::Damaged { .. }), "{error}");
        assert!(error.to_string().contains(&format!("stream {at}")), "{error}");
        assert!(!out.is_empty() && full.starts_with(&out), "stream {at} cut");
    }
}
