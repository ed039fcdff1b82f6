//! Packages in parts, joined into a pipe: no byte that is damaged goes out, wherever it is.

#![allow(clippy::unwrap_used, clippy::cast_possible_truncation, reason = "a test may fail")]

use crate::support::records;
use std::fs;
use std::io::Cursor;
use std::path::Path;
use tempfile::TempDir;
use zerocopy::FromZeros;
use zerocopy::byteorder::LE;
use zsend_records::Order;
use zsend_records::drr::{Begin, MAGIC, RECORD_SIZE, RecordType, ReplayRecord, Spill, Write};
use zsend_records::flags::{Features, HeaderType, VersionInfo};
use zsend_records::fletcher::Fletcher4;
use zsend_records::nvlist::{Encoding, NvList, NvValue};
use zsend_records::writer::{OutHeader, Payload, RecordSink, StreamWriter};
use zsend_stream::split::{JoinOrder, Manifest, SplitError, join, part_name, split};

/// A package of two streams; sums are of `order`. One record's payload does not fill its last word.
fn package(order: Order, toguid: u64) -> Vec<u8> {
    let begin = |kind, toguid: u64| {
        let mut begin = Begin::<LE>::new_zeroed();
        (begin.magic, begin.toguid, begin.objset_type) = (MAGIC.into(), toguid.into(), 2.into());
        begin.versioninfo = VersionInfo::new(kind, Features::empty()).0.into();
        ReplayRecord::new(&begin)
    };
    let mut list = NvList::new();
    list.insert("tosnap", NvValue::String("a".into()));
    let list = list.encode(Encoding::Xdr).unwrap();
    let mut writer = StreamWriter::in_order(Vec::new(), order);
    let put = |writer: &mut StreamWriter<_>, record, payload: Vec<u8>| {
        let sum = Fletcher4::in_order(order, &payload);
        let payload = Payload::with_sum_in(order, payload.into(), sum);
        writer.take(OutHeader::new(record).unwrap(), &payload).unwrap();
    };
    let mut header = begin(HeaderType::COMPOUND, 0);
    header.payloadlen = (list.len() as u32).into();
    put(&mut writer, header, list);
    writer.end(0).unwrap();
    for guid in [toguid, toguid + 1] {
        put(&mut writer, begin(HeaderType::SUBSTREAM, guid), Vec::new());
        for number in 0..4_u64 {
            let mut write = Write::<LE>::new_zeroed();
            (write.object, write.offset) = (1.into(), (number * 512).into());
            (write.logical_size, write.toguid) = (512.into(), guid.into());
            put(&mut writer, ReplayRecord::new(&write), vec![(guid + number) as u8; 512]);
        }
        let mut spill = Spill::<LE>::new_zeroed();
        (spill.length, spill.object, spill.toguid) = (511.into(), 1.into(), guid.into());
        put(&mut writer, ReplayRecord::new(&spill), vec![5; 511]);
        writer.end(guid).unwrap();
    }
    writer.package_end().unwrap();
    writer.into_inner().unwrap()
}

/// Joins a folder whose parts are damaged: whole records of the stream go out, and nothing else.
fn refused(folder: &Path, list: &Manifest, stream: &[u8], what: &str) {
    let mut out = Vec::new();
    let done = join(folder, list, &mut out, JoinOrder::Before);
    assert!(matches!(done, Err(SplitError::Part { .. })), "{what}: {done:?}");
    assert!(stream.starts_with(&out), "{what}: {} bytes", out.len());
    let is_border = |end: usize| records(stream).iter().any(|r| r.frame.offset == end as u64);
    assert!(is_border(out.len()), "{what}: {} bytes", out.len());
    let done = join(folder, list, Vec::new(), JoinOrder::Meanwhile);
    assert!(matches!(done, Err(SplitError::Part { .. })), "{what}: {done:?}");
}

#[test]
fn no_damaged_byte_of_a_package_goes_out() {
    for (order, sizes) in [(Order::Little, [2500, 9000]), (Order::Big, [2500, 900])] {
        let stream = package(order, 7);
        for size in sizes {
            let dir = TempDir::new().unwrap();
            let list = split(Cursor::new(stream.clone()), dir.path(), size).unwrap().manifest;
            let mut out = Vec::new();
            join(dir.path(), &list, &mut out, JoinOrder::Before).unwrap();
            assert!(out == stream);
            for (number, part) in (1..).zip(&list.parts) {
                let path = dir.path().join(part_name(number));
                let whole = fs::read(&path).unwrap();
                let near = [8, 40, 285, whole.len() - 1];
                for at in (0..whole.len()).step_by(307).chain(near) {
                    let mut damaged = whole.clone();
                    damaged[at] ^= 0x20;
                    fs::write(&path, damaged).unwrap();
                    let at = part.offset + at as u64;
                    refused(dir.path(), &list, &stream, &format!("{order:?}, {size}: byte {at}"));
                }
                fs::write(&path, whole).unwrap();
            }
        }
    }
}

#[test]
fn sums_that_are_taken_away_vouch_for_nothing() {
    let stream = package(Order::Little, 7);
    let dir = TempDir::new().unwrap();
    let list = split(Cursor::new(stream.clone()), dir.path(), 900).unwrap().manifest;
    for record in records(&stream) {
        let at = record.frame.offset;
        let number = list.parts.partition_point(|part| part.offset <= at);
        let part = &list.parts[number - 1];
        let path = dir.path().join(part_name(number as u64));
        let whole = fs::read(&path).unwrap();
        let end = (at - part.offset) as usize + RECORD_SIZE;
        let mut damaged = whole.clone();
        damaged[end - 32..end].fill(0);
        // Beside it, what END says of itself.
        if record.frame.record_type() == RecordType::END {
            damaged[end - RECORD_SIZE + 40] ^= 1;
        }
        if damaged != whole {
            fs::write(&path, damaged).unwrap();
            refused(dir.path(), &list, &stream, &format!("record {}", record.frame.index));
            fs::write(&path, whole).unwrap();
        }
    }
}

#[test]
fn parts_of_another_stream_do_not_go_out() {
    let dir = TempDir::new().unwrap();
    let stream = package(Order::Little, 7);
    let list = split(Cursor::new(stream.clone()), dir.path(), 900).unwrap().manifest;
    for (order, toguid) in [(Order::Little, 9), (Order::Big, 7)] {
        let elsewhere = TempDir::new().unwrap();
        let other = package(order, toguid);
        let others = split(Cursor::new(other), elsewhere.path(), 900).unwrap().manifest;
        for number in 1..=list.parts.len() as u64 {
            let path = dir.path().join(part_name(number));
            let whole = fs::read(&path).unwrap();
            for from in 1..=others.parts.len() as u64 {
                let foreign = fs::read(elsewhere.path().join(part_name(from))).unwrap();
                if foreign != whole {
                    fs::write(&path, foreign).unwrap();
                    let what = format!("{order:?}: part {from} as part {number}");
                    refused(dir.path(), &list, &stream, &what);
                }
            }
            fs::write(&path, whole).unwrap();
        }
    }
}
