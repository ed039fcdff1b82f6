//! A stream without sums is joined once its parts are known to be whole.

#![allow(clippy::unwrap_used, clippy::cast_possible_truncation, reason = "a test may fail")]

use std::fs;
use std::io::Cursor;
use tempfile::TempDir;
use zerocopy::FromZeros;
use zerocopy::byteorder::LE;
use zsend_records::drr::{Begin, MAGIC, RECORD_SIZE, ReplayRecord, Write};
use zsend_records::fletcher::Fletcher4;
use zsend_records::writer::StreamWriter;
use zsend_stream::split::{JoinOrder, Manifest, SplitError, join, part_name, split};

const BLOCK: usize = 1 << 20;
/// More blocks than may wait for a sum.
const BLOCKS: usize = 25;

fn stream() -> Vec<u8> {
    let mut writer = StreamWriter::new(Vec::new());
    let mut begin = Begin::<LE>::new_zeroed();
    (begin.magic, begin.versioninfo) = (MAGIC.into(), 1.into());
    writer.record(ReplayRecord::new(&begin), &[]).unwrap();
    for number in 0..BLOCKS {
        let mut block = Write::<LE>::new_zeroed();
        (block.object, block.logical_size) = (1.into(), (BLOCK as u64).into());
        writer.body(&block, &vec![number as u8; BLOCK]).unwrap();
    }
    writer.end(0).unwrap();
    let mut stream = writer.into_inner().unwrap();
    for number in 0..=BLOCKS {
        let end = RECORD_SIZE + number * (RECORD_SIZE + BLOCK) + RECORD_SIZE;
        stream[end - 32..end].fill(0);
    }
    let end = stream.len() - RECORD_SIZE;
    let sum = Fletcher4::of(&stream[..end]).words().map(u64::to_le_bytes).concat();
    stream[end + 8..][..32].copy_from_slice(&sum);
    stream
}

#[test]
fn no_byte_of_a_part_goes_out_before_the_part_is_known_to_be_whole() {
    let stream = stream();
    let dir = TempDir::new().unwrap();
    let list = split(Cursor::new(stream.clone()), dir.path(), 24 << 20).unwrap().manifest;
    assert_eq!(list.parts.len(), 2);
    let joined = |list: &Manifest| {
        let mut out = Vec::new();
        let done = join(dir.path(), list, &mut out, JoinOrder::Before);
        (done, out)
    };
    let (done, out) = joined(&list);
    assert_eq!(done.unwrap().bytes, stream.len() as u64);
    assert!(out == stream);
    for (number, most) in [(1, 0), (2, list.parts[1].offset)] {
        let path = dir.path().join(part_name(number));
        let part = fs::read(&path).unwrap();
        let mut damaged = part.clone();
        damaged[part.len() - 400] ^= 1;
        fs::write(&path, &damaged).unwrap();
        let (done, out) = joined(&list);
        assert!(matches!(done, Err(SplitError::Part { path: named, .. }) if named == path));
        assert!(stream.starts_with(&out) && out.len() as u64 <= most);
        assert!(number == 1 || out.len() > BLOCK);
        let record = RECORD_SIZE + BLOCK;
        assert!(out.is_empty() || out.len() % record == RECORD_SIZE, "it ends with a record");
        fs::write(&path, &part).unwrap();
    }
}
