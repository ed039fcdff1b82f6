//! Blocks that are named again, and put back.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use crate::support::steps::{assert_whole, with_options};
use crate::support::{records, right, streams};
use zsend_records::Order;
use zsend_records::drr::{Begin, Free, MAGIC, OBJECT_END, Object, RecordType, ReplayRecord, Write};
use zsend_records::flags::{BeginFlags, Features, HeaderType, VersionInfo};
use zsend_records::nvlist::{Encoding, NvList, NvValue};
use zsend_records::reader::Record;
use zsend_records::types::Checksum;
use zsend_records::writer::StreamWriter;
use zsend_records::zerocopy::FromZeros;
use zsend_records::zerocopy::byteorder::LE;
use zsend_stream::change::{ChangeError, Given, Verb};
use zsend_testkit::damage::stamp;

fn count(stream: &[u8], kind: RecordType) -> usize {
    records(stream).iter().filter(|record| record.header.record_type() == kind).count()
}

/// A full stream of one file: a block for each of these bytes, filled with it.
fn file(to: &mut StreamWriter<Vec<u8>>, name: &str, guid: u64, blocks: &[u8]) {
    const BLOCK: usize = 4096;
    let mut begin = Begin::<LE>::new_zeroed();
    (begin.magic, begin.objset_type, begin.toguid) = (MAGIC.into(), 2.into(), guid.into());
    begin.versioninfo = VersionInfo::new(HeaderType::SUBSTREAM, Features::empty()).0.into();
    begin.flags = (BeginFlags::FREERECORDS | BeginFlags::SPILL_BLOCK).bits().into();
    begin.toname[..name.len()].copy_from_slice(name.as_bytes());
    to.record(ReplayRecord::new(&begin), &[]).unwrap();
    let mut object = Object::<LE>::new_zeroed();
    (object.object, object.toguid, object.object_type) = (1.into(), guid.into(), 19.into());
    (object.dn_slots, object.blksz) = (1, u32::try_from(BLOCK).unwrap().into());
    to.record(ReplayRecord::new(&object), &[]).unwrap();
    let mut free = Free::<LE>::new_zeroed();
    (free.object, free.toguid, free.length) = (1.into(), guid.into(), OBJECT_END.into());
    free.offset = ((blocks.len() * BLOCK) as u64).into();
    to.record(ReplayRecord::new(&free), &[]).unwrap();
    for (at, &byte) in blocks.iter().enumerate() {
        let mut write = Write::<LE>::new_zeroed();
        (write.object, write.toguid, write.object_type) = (1.into(), guid.into(), 19.into());
        write.offset = ((at * BLOCK) as u64).into();
        (write.logical_size, write.checksumtype) = ((BLOCK as u64).into(), Checksum::OFF.0);
        to.record(ReplayRecord::new(&write), &vec![byte; BLOCK]).unwrap();
    }
    let mut rest = zsend_records::drr::FreeObjects::<LE>::new_zeroed();
    (rest.firstobj, rest.numobjs, rest.toguid) = (2.into(), 30.into(), guid.into());
    to.record(ReplayRecord::new(&rest), &[]).unwrap();
    to.end(guid).unwrap();
}

fn one_file(guid: u64, blocks: &[u8]) -> Vec<u8> {
    let mut writer = StreamWriter::new(Vec::new());
    file(&mut writer, "tank@a", guid, blocks);
    writer.into_inner().unwrap()
}

/// A package of files.
fn package(files: &[(u64, &[u8])]) -> Vec<u8> {
    let name = |guid: u64| if guid == 7 { "tank".to_owned() } else { format!("tank/{guid}") };
    let mut datasets = NvList::new();
    for &(guid, _) in files {
        let (mut dataset, mut snaps) = (NvList::new(), NvList::new());
        snaps.insert("a", NvValue::Uint64(guid));
        dataset.insert("name", NvValue::String(name(guid).into()));
        dataset.insert("parentfromsnap", NvValue::Uint64(0));
        dataset.insert("snaps", NvValue::List(snaps));
        datasets.insert(format!("{:#x}", guid + 100), NvValue::List(dataset));
    }
    let mut list = NvList::new();
    list.insert("tosnap", NvValue::String("a".into()));
    list.insert("fss", NvValue::List(datasets));
    let list = list.encode(Encoding::Native).unwrap();
    let mut begin = Begin::<LE>::new_zeroed();
    begin.magic = MAGIC.into();
    begin.versioninfo = VersionInfo::new(HeaderType::COMPOUND, Features::empty()).0.into();
    begin.toname[..6].copy_from_slice(b"tank@a");
    let mut header = ReplayRecord::new(&begin);
    header.payloadlen = u32::try_from(list.len()).unwrap().into();
    let mut writer = StreamWriter::new(Vec::new());
    writer.record(header, &list).unwrap();
    writer.end(0).unwrap();
    for &(guid, blocks) in files {
        file(&mut writer, &format!("{}@a", name(guid)), guid, blocks);
    }
    writer.package_end().unwrap();
    writer.into_inner().unwrap()
}

#[test]
fn what_dedup_makes_of_a_stream_redup_undoes() {
    let mut taken = 0;
    for (name, stream) in streams() {
        let Ok(small) = with_options(&stream, "dedup", &[]) else { continue };
        assert_whole(&name, &small);
        let again = with_options(&small, "redup", &[("memory", "8M")]).unwrap();
        assert!(again == stream, "{name}");
        taken += 1;
    }
    assert!(taken > 1, "{taken} taken");
}

#[test]
fn a_block_comes_once() {
    let stream = one_file(7, b"abcabcaab");
    let small = with_options(&stream, "dedup", &[]).unwrap();
    assert_whole("dedup", &small);
    assert_eq!(count(&small, RecordType::WRITE), 3);
    assert_eq!(count(&small, RecordType::WRITE_BYREF), 6);
    let all = records(&small);
    let byrefs: Vec<_> = all
        .iter()
        .filter_map(|record| match record.record() {
            Record::WriteByref(b) => Some((b.offset.get() / 4096, b.refoffset.get() / 4096)),
            _ => None,
        })
        .collect();
    assert_eq!(byrefs, [(3, 0), (4, 1), (5, 2), (6, 0), (7, 0), (8, 1)]);
    let error = with_options(&small, "decompress", &[]).unwrap_err();
    assert!(error.to_string().contains("zsend redup"), "{error}");
    assert!(with_options(&small, "redup", &[]).unwrap() == stream);
}

#[test]
fn a_package_refers_to_its_earlier_streams_and_other_streams_do_not() {
    let stream = package(&[(7, b"ab"), (8, b"bac")]);
    let small = with_options(&stream, "dedup", &[]).unwrap();
    assert_whole("package", &small);
    assert_eq!(count(&small, RecordType::WRITE), 3);
    assert_eq!(count(&small, RecordType::WRITE_BYREF), 2);
    assert!(with_options(&small, "redup", &[]).unwrap() == stream);
    // One behind the other: each is received alone.
    let both = [one_file(7, b"ab"), one_file(8, b"ba")].concat();
    let small = with_options(&both, "dedup", &[]).unwrap();
    assert_eq!(small.len(), both.len());
}

#[test]
fn references_of_either_byte_order_are_replaced() {
    for order in [Order::Little, Order::Big] {
        let stream = right(order);
        let all = with_options(&stream, "redup", &[]).unwrap();
        assert_whole("right", &all);
        assert_eq!(count(&all, RecordType::WRITE_BYREF), 0);
        let (before, after) = (records(&stream), records(&all));
        let payload = |offset: u64| {
            after.iter().find_map(|record| match record.record() {
                Record::Write(w) if w.object.get() == 1 && w.offset.get() == offset => {
                    Some(record.payload.clone())
                }
                _ => None,
            })
        };
        assert!(payload(0).is_some() && payload(0) == payload(3 * 4096));
        assert_eq!(before.len(), after.len());
    }
}

#[test]
fn a_wrong_reference_is_damage() {
    let small = with_options(&one_file(7, b"aba"), "dedup", &[]).unwrap();
    let mut all = records(&small);
    let at = all.iter().position(|r| r.header.record_type() == RecordType::WRITE_BYREF).unwrap();
    let good = all[at].header;
    let mut wrong = |change: &dyn Fn(&mut zsend_records::drr::WriteByref<LE>)| {
        let mut header = good;
        change(header.body_as_mut().unwrap());
        all[at].header = header;
        let error = with_options(&stamp(&all, false), "redup", &[]).unwrap_err();
        assert!(matches!(error, ChangeError::Contents { .. }), "{error}");
        error.to_string()
    };
    let text = wrong(&|byref| byref.refoffset = 8192.into());
    assert!(text.contains("object 1, offset 8192") && text.contains("refers"), "{text}");
    assert!(wrong(&|byref| byref.refguid = 1.into()).contains("guid 1"));
    assert!(wrong(&|byref| byref.length = 512.into()).contains("512 bytes"));
}

#[test]
fn what_cannot_be_is_refused_by_name() {
    let small = with_options(&one_file(7, b"aa"), "dedup", &[]).unwrap();
    assert!(with_options(&small, "dedup", &[]).unwrap_err().to_string().contains("zsend redup"));
    let mut refused = 0;
    for (_, stream) in streams() {
        if let Err(error) = with_options(&stream, "dedup", &[]) {
            assert!(matches!(error, ChangeError::Refused { .. }), "{error}");
            refused += 1;
        }
    }
    assert!(refused > 0);
    let given = |option: (&str, &str)| Given {
        options: vec![(option.0.into(), option.1.into())],
        ..Given::default()
    };
    for verb in ["dedup", "redup"] {
        let make = Verb::named(verb).unwrap().make;
        assert!(make(&given(("memory", "1M"))).unwrap_err().to_string().contains("--memory"));
    }
    // A folder that is not there is an error of the temporary file.
    let error = with_options(&one_file(7, b"aa"), "dedup", &[("tmp", "/nonexistent/folder")]);
    assert!(matches!(error, Err(ChangeError::Spill(_))), "{error:?}");
}
