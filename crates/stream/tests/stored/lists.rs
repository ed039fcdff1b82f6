//! Lists behind BEGIN that cannot be read, and such as differ in what no pair has.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use crate::support::steps::{changed, through, with_options};
use std::io::{self, Cursor};
use zsend_records::drr::{Begin, MAGIC, ReplayRecord};
use zsend_records::nvlist::{Encoding, NvList, NvValue};
use zsend_records::writer::StreamWriter;
use zsend_records::zerocopy::FromZeros;
use zsend_records::zerocopy::byteorder::LE;
use zsend_stream::Segment;
use zsend_stream::change::{Apart, Destinations};
use zsend_stream::compare::{CompareError, Comparison};

/// A stream of nothing with these bytes behind BEGIN.
fn stream(list: &[u8]) -> Vec<u8> {
    let mut writer = StreamWriter::new(Vec::new());
    let mut begin = Begin::<LE>::new_zeroed();
    (begin.magic, begin.versioninfo, begin.toguid) = (MAGIC.into(), 1.into(), 7.into());
    begin.toname[..5].copy_from_slice(b"a/b@c");
    let mut header = ReplayRecord::new(&begin);
    header.payloadlen = u32::try_from(list.len()).unwrap().into();
    writer.record(header, list).unwrap();
    writer.end(7).unwrap();
    writer.into_inner().unwrap()
}

/// Takes one stream, and keeps nothing.
#[derive(Debug)]
struct Nowhere;

impl Destinations for Nowhere {
    type Stream = io::Sink;

    fn open(&mut self, _: &Segment) -> io::Result<io::Sink> {
        Ok(io::sink())
    }

    fn close(&mut self, _: io::Sink) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_list_that_cannot_be_read_is_not_passed_over() {
    let mut list = NvList::new();
    list.insert("redact_snaps", NvValue::Uint64Array(vec![7]));
    let packed = list.encode(Encoding::Native).unwrap();
    let cut = stream(&packed[..packed.len() - 8]);
    let error = Comparison::new("in", Cursor::new(cut.clone())).unwrap_err();
    assert!(matches!(&error, CompareError::List(why) if why.contains("nvlist@")), "{error}");
    let error = through(&cut, vec![Box::new(Apart::new(Nowhere))]).unwrap_err().to_string();
    assert!(error.contains("list behind BEGIN: nvlist@"), "{error}");
    let error = with_options(&cut, "convert", &[("byteorder", "big")]).unwrap_err().to_string();
    assert!(error.contains("list behind BEGIN: nvlist@"), "{error}");
    through(&stream(&packed), vec![Box::new(Apart::new(Nowhere))]).unwrap();
    // What looks at no list takes it as it is.
    assert!(changed(&cut, &[]).unwrap() == cut);
}

#[test]
fn bytes_behind_a_list_are_not_lost_by_packing_it_anew() {
    let mut list = NvList::new();
    list.insert("resume_object", NvValue::Uint64(7));
    let mut packed = list.encode(Encoding::Native).unwrap();
    let end = packed.len();
    packed.extend_from_slice(&[0, 0, 0, 0]);
    with_options(&stream(&packed), "convert", &[("byteorder", "big")]).unwrap();
    packed[end + 1] = 1;
    let error = with_options(&stream(&packed), "convert", &[("byteorder", "big")]).unwrap_err();
    assert!(error.to_string().contains(&format!("bytes behind byte {end}")), "{error}");
}

#[test]
fn lists_that_differ_in_their_flags_are_told_apart() {
    let packed = |flags: u32| {
        let mut inner = NvList::with_flags(flags);
        inner.insert("x", NvValue::Boolean);
        let mut list = NvList::new();
        list.insert("inner", NvValue::List(inner));
        stream(&list.encode(Encoding::Native).unwrap())
    };
    let stored = Comparison::new("in", Cursor::new(packed(1))).unwrap();
    let difference = stored.with(Cursor::new(packed(2))).unwrap().unwrap();
    let found = (&*difference.what, &*difference.stored, &*difference.other);
    assert_eq!(found, ("flags of the list inner.", "0x1", "0x2"));
}
