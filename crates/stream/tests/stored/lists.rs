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
use zsend_stream::dump::{DumpError, DumpOptions, Format, dump, nvlist_text};

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

/// A dump as text, without the summary; and the list in a dump as JSON.
fn dumped(stream: &[u8]) -> (String, serde_json::Value) {
    let options = DumpOptions::default().with_verbose(true);
    let (mut text, mut json) = (Vec::new(), Vec::new());
    dump(stream, &mut text, &options).unwrap();
    dump(stream, &mut json, &options.with_format(Format::Json)).unwrap();
    let json = String::from_utf8(json).unwrap();
    let begin: serde_json::Value = serde_json::from_str(json.lines().next().unwrap()).unwrap();
    (String::from_utf8_lossy(&text).into_owned(), begin["nvlist"].clone())
}

#[test]
fn a_long_list_is_dumped_as_a_short_one_is() {
    // The characters of two bytes lie across the borders of what is read at a time, as an odd number of bytes goes before.
    let long = format!("x{}", "é".repeat(100_000));
    let mut inner = NvList::new();
    inner.insert("numbers", NvValue::Uint64Array((0..700_000).collect()));
    let mut list = NvList::new();
    list.insert("text", NvValue::String((&long).into()));
    list.insert("bytes", NvValue::Uint8Array(vec![0xab; 70_000]));
    list.insert("empty", NvValue::StringArray(Vec::new()));
    list.insert("texts", NvValue::StringArray(vec!["".into(), "b".into(), (&long).into()]));
    list.insert("lists", NvValue::ListArray(vec![NvList::new(), inner]));
    for encoding in [Encoding::Native, Encoding::Xdr] {
        let (text, json) = dumped(&stream(&list.encode(encoding).unwrap()));
        let mut expected = Vec::new();
        nvlist_text(&mut expected, &list).unwrap();
        assert!(text.contains(&String::from_utf8(expected).unwrap()), "{encoding:?}");
        assert_eq!(json["text"], long);
        assert_eq!(json["bytes"], "ab".repeat(70_000));
        assert_eq!(json["empty"], serde_json::json!([]));
        assert_eq!(json["texts"], serde_json::json!(["", "b", long]));
        assert_eq!(json["lists"][0], serde_json::json!({}));
        assert_eq!(json["lists"][1]["numbers"][699_999], 699_999);
    }
}

#[test]
fn bytes_that_are_no_character_become_the_mark_for_them() {
    let mut list = NvList::new();
    list.insert("a", NvValue::String(b"a\xffb\xe2\x82".as_slice().into()));
    let (_, json) = dumped(&stream(&list.encode(Encoding::Xdr).unwrap()));
    assert_eq!(json["a"], "a\u{fffd}b\u{fffd}");
}

#[test]
fn a_list_that_is_none_is_not_begun() {
    let mut list = NvList::new();
    list.insert("first", NvValue::Uint64(1));
    list.insert("last", NvValue::ByteArray(vec![7; 5 << 20]));
    let mut packed = list.encode(Encoding::Native).unwrap();
    *packed.last_mut().unwrap() = 1;
    for packed in [&packed[..], &packed[..200]] {
        let mut out = Vec::new();
        let options = DumpOptions::default();
        let error = dump(stream(packed).as_slice(), &mut out, &options).unwrap_err();
        assert!(matches!(error, DumpError::Nvlist { offset: 312, .. }), "{error}");
        assert!(!String::from_utf8(out).unwrap().contains("first"));
        // Who does not verify sees the records.
        let seen = dump(stream(packed).as_slice(), &mut Vec::new(), &options.with_verify(false));
        assert!(seen.unwrap().complete);
    }
}
