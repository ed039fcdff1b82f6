//! Streams encrypted, and refused where a dnode could not be what its record says.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use crate::support::steps::{through, with_holes};
use crate::support::verified;
use zeroize::Zeroizing;
use zsend_records::drr::{Begin, Body, Object, ReplayRecord};
use zsend_records::flags::BeginFlags;
use zsend_records::reader::SliceReader;
use zsend_records::writer::StreamWriter;
use zsend_records::zerocopy::byteorder::LE;
use zsend_stream::change::{ChangeError, Given, Verb};
use zsend_stream::verify::{Verdict, VerifyOptions};

/// A full stream of one file.
fn plain() -> Vec<u8> {
    changed(with_holes(), |begin: &mut Begin<LE>| {
        begin.flags = (BeginFlags::FREERECORDS | BeginFlags::SPILL_BLOCK).bits().into();
    })
}

/// A stream, its records of one type changed.
fn changed<B: Body<LE>>(stream: Vec<u8>, change: impl Fn(&mut B)) -> Vec<u8> {
    let mut writer = StreamWriter::new(Vec::new());
    for record in SliceReader::new(stream.into()) {
        let record = record.unwrap();
        let mut header: ReplayRecord<LE> = record.header;
        if let Some(body) = header.body_as_mut::<B>() {
            change(body);
        }
        writer.record(header, &record.payload).unwrap();
    }
    writer.into_inner().unwrap()
}

fn step(name: &str, stream: &[u8]) -> Result<Vec<u8>, ChangeError> {
    let keys = vec![("a/b".to_owned(), Zeroizing::new(vec![7; 32]))];
    let given = Given { keys, ..Given::default() };
    through(stream, vec![(Verb::named(name).unwrap().make)(&given).unwrap()])
}

#[test]
fn what_is_encrypted_is_whole_by_its_key_and_comes_back() {
    let raw = step("encrypt", &plain()).unwrap();
    let key = ("a/b".to_owned(), Zeroizing::new(vec![7; 32]));
    let options = VerifyOptions::default().with_keys([key]);
    let (outcome, faults) = verified(&raw, &options);
    let first = faults.first().map(ToString::to_string);
    assert_eq!(outcome.verdict, Verdict::Whole, "{first:?}");
    step("decrypt", &raw).unwrap();
}

#[test]
fn an_object_that_no_dnode_can_hold_is_not_sealed_as_another() {
    type Change = fn(&mut Object<LE>);
    let changes: [(Change, &str); 7] = [
        (|o| o.object_type = 0x113.into(), "object 1: type is 275, expected a type that there is"),
        (|o| o.object_type = 54.into(), "object 1: type is 54, expected a type that there is"),
        (|o| o.object_type = 0.into(), "object 1: type is 0, expected a type that there is"),
        (|o| o.bonustype = 300.into(), "object 1: bonustype is 300, expected"),
        (|o| o.blksz = (32 << 20).into(), "object 1: blksz is 33554432, expected a multiple"),
        (|o| o.blksz = ((16 << 20) + 512).into(), "object 1: blksz is 16777728, expected"),
        (|o| o.blksz = 700.into(), "object 1: blksz is 700, expected a multiple of 512"),
    ];
    for (change, why) in changes {
        let error = step("encrypt", &changed(plain(), change)).unwrap_err().to_string();
        assert!(error.contains(why), "{error}, expected {why}");
    }
}

#[test]
fn an_object_that_no_dnode_can_hold_is_not_decrypted() {
    let raw = step("encrypt", &plain()).unwrap();
    type Change = fn(&mut Object<LE>);
    let changes: [(Change, &str); 3] = [
        (|o| o.object_type = 0x113.into(), "object 1: type is 275, expected"),
        (|o| o.bonustype = 300.into(), "object 1: bonustype is 300, expected"),
        (|o| o.blksz = (32 << 20).into(), "object 1: blksz is 33554432, expected"),
    ];
    for (change, why) in changes {
        let error = step("decrypt", &changed(raw.clone(), change)).unwrap_err().to_string();
        assert!(error.contains(why), "{error}, expected {why}");
    }
}
