//! Packages whose streams are not those that the header lists.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::io::Cursor;
use zsend_records::drr::{Begin, MAGIC, ReplayRecord};
use zsend_records::flags::BeginFlags;
use zsend_records::nvlist::{Encoding, NvList, NvValue};
use zsend_records::writer::StreamWriter;
use zsend_records::zerocopy::FromZeros;
use zsend_records::zerocopy::byteorder::LE;
use zsend_stream::verify::{Fault, Verdict, VerifyOptions, verify};

/// A stream: name, guids of snapshot and source, and whether it begins a clone.
type Member = (&'static str, u64, u64, bool);

/// `t@a`, `t@b`; `t/fs@a`, `t/fs@b`; and `t/cl@b`, a clone of `t/fs@a`.
const ALL: [Member; 5] = [
    ("t@a", 1, 0, false),
    ("t@b", 2, 1, false),
    ("t/fs@a", 3, 0, false),
    ("t/fs@b", 4, 3, false),
    ("t/cl@b", 5, 3, true),
];

fn list(values: &[(&str, NvValue)]) -> NvList {
    let mut list = NvList::new();
    for (key, value) in values {
        list.insert(*key, value.clone());
    }
    list
}

/// The header of a package of [`ALL`].
fn header(fromsnap: Option<&str>) -> NvList {
    let text = |text: &str| NvValue::String(text.into());
    let dataset = |name: &str, parent: u64, snaps: &[(&str, u64)], origin: Option<u64>| {
        let snaps: Vec<_> = snaps.iter().map(|(n, guid)| (*n, NvValue::Uint64(*guid))).collect();
        let mut all = list(&[("name", text(name)), ("parentfromsnap", NvValue::Uint64(parent))]);
        if let Some(origin) = origin {
            all.insert("origin", NvValue::Uint64(origin));
        }
        all.insert("snaps", NvValue::List(list(&snaps)));
        NvValue::List(all)
    };
    let fss = list(&[
        ("0x10", dataset("t", 0, &[("a", 1), ("b", 2)], None)),
        ("0x11", dataset("t/fs", 2, &[("a", 3), ("b", 4)], None)),
        ("0x12", dataset("t/cl", 0, &[("b", 5)], Some(3))),
    ]);
    let mut header = NvList::new();
    if let Some(fromsnap) = fromsnap {
        header.insert("fromsnap", text(fromsnap));
    }
    header.insert("tosnap", text("b"));
    header.insert("fss", NvValue::List(fss));
    header
}

fn begin(name: &str, kind: u64) -> Begin<LE> {
    let mut begin = Begin::<LE>::new_zeroed();
    (begin.magic, begin.versioninfo) = (MAGIC.into(), kind.into());
    begin.toname[..name.len()].copy_from_slice(name.as_bytes());
    begin
}

fn package(header: Option<&NvList>, members: &[Member]) -> Vec<u8> {
    let mut writer = StreamWriter::new(Vec::new());
    let payload = header.map_or_else(Vec::new, |header| header.encode(Encoding::Xdr).unwrap());
    let mut first = ReplayRecord::new(&begin("t@b", 2));
    first.payloadlen = u32::try_from(payload.len()).unwrap().into();
    writer.record(first, &payload).unwrap();
    writer.end(0).unwrap();
    for (name, toguid, fromguid, clone) in members {
        let mut one = begin(name, 1);
        (one.objset_type, one.toguid, one.fromguid) =
            (2.into(), (*toguid).into(), (*fromguid).into());
        if *clone {
            one.flags = BeginFlags::CLONE.bits().into();
        }
        writer.record(ReplayRecord::new(&one), &[]).unwrap();
        writer.end(*toguid).unwrap();
    }
    writer.package_end().unwrap();
    writer.into_inner().unwrap()
}

/// The verdict, and the first rule that is broken.
fn verdict(stream: Vec<u8>) -> (Verdict, Option<&'static str>) {
    let mut faults: Vec<Fault> = Vec::new();
    let options = VerifyOptions::default();
    let outcome = verify("p", Cursor::new(stream), &options, &mut faults).unwrap();
    (outcome.verdict, faults.first().map(|fault| fault.rule.name))
}

fn broken(header: &NvList, members: &[Member]) -> &'static str {
    let (verdict, rule) = verdict(package(Some(header), members));
    assert_eq!(verdict, Verdict::ChainBroken, "{rule:?}");
    rule.unwrap()
}

#[test]
fn whole_packages_are_whole() {
    let full = header(None);
    assert_eq!(verdict(package(Some(&full), &ALL)), (Verdict::Whole, None));
    // Incremental: from the header's source; a clone from an origin that the receiver has.
    let since = header(Some("a"));
    assert_eq!(verdict(package(Some(&since), &[ALL[1], ALL[3], ALL[4]])), (Verdict::Whole, None));
    // Without a list, as of -I alone: the last is that of the package.
    assert_eq!(verdict(package(None, &ALL[..2])), (Verdict::Whole, None));
}

#[test]
fn a_package_without_any_one_of_its_streams_is_broken() {
    let full = header(None);
    for lost in 0..ALL.len() {
        let mut members = ALL.to_vec();
        members.remove(lost);
        let rule = broken(&full, &members);
        let expected = ["package.first", "package.parents", "package.first", "package.complete"];
        assert_eq!(rule, expected.get(lost).copied().unwrap_or("package.complete"), "{lost}");
    }
    assert_eq!(broken(&full, &[]), "package.complete");
    let (verdict, rule) = verdict(package(None, &ALL[..1]));
    assert_eq!((verdict, rule), (Verdict::ChainBroken, Some("package.complete")));
}

#[test]
fn a_stream_that_the_header_does_not_list_is_broken() {
    let full = header(None);
    let with = |member: Member| [&ALL[..], &[member]].concat();
    assert_eq!(broken(&full, &with(("t/x@b", 9, 0, false))), "package.listed");
    assert_eq!(broken(&full, &with(("t@c", 9, 2, false))), "package.listed");
    let mut other = ALL;
    other[1].1 = 9;
    assert_eq!(broken(&full, &other), "package.listed");
}

#[test]
fn streams_come_once_and_in_order() {
    let full = header(None);
    let twice = [&ALL[..4], &ALL[3..]].concat();
    assert_eq!(broken(&full, &twice), "package.once");
    let swapped = [ALL[1], ALL[0], ALL[2], ALL[3], ALL[4]];
    assert_eq!(broken(&full, &swapped), "package.first");
    // A full one on top of another.
    let mut again = ALL;
    again[3].2 = 0;
    assert_eq!(broken(&full, &again), "package.once");
    // A dataset before the one above it.
    let early = [ALL[2], ALL[3], ALL[0], ALL[1], ALL[4]];
    assert_eq!(broken(&full, &early), "package.parents");
    let between = [ALL[0], ALL[2], ALL[3], ALL[1], ALL[4]];
    assert_eq!(broken(&full, &between), "package.parents");
    // The clone says of no dataset that it comes before.
    let early = [ALL[0], ALL[1], ALL[2], ALL[4], ALL[3]];
    assert_eq!(verdict(package(Some(&full), &early)), (Verdict::Whole, None));
    // The clone before its origin.
    let early = [ALL[0], ALL[1], ALL[4], ALL[2], ALL[3]];
    assert_eq!(broken(&full, &early), "package.first");
    // A clone of what is not its origin.
    let mut other = ALL;
    other[4].2 = 4;
    assert_eq!(broken(&full, &other), "package.first");
}
