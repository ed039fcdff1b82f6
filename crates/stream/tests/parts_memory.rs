//! Memory of parts and parity, whatever their size: less than 64 MiB, measured with the memory of all threads.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::fs;
use std::io;
use tempfile::TempDir;
use zerocopy::FromZeros;
use zerocopy::byteorder::LE;
use zsend_records::drr::{Begin, MAGIC, ReplayRecord, Write as Block};
use zsend_records::writer::StreamWriter;
use zsend_stream::parity::{make, repair};
use zsend_stream::split::{JoinOrder, MANIFEST, Manifest, join, part_name, split_file};
use zsend_testkit::memory::{self, Allocator};

#[global_allocator]
static ALLOCATOR: Allocator = memory::allocator();

/// Bytes that may be taken.
const MOST: usize = 64 << 20;
const BLOCK: usize = 1 << 20;
const BLOCKS: u64 = 96;

#[test]
fn all_verbs_take_less_than_64_mib() {
    let dir = TempDir::new().unwrap();
    let parts = dir.path().join("parts");
    let stream = dir.path().join("stream");
    let mut writer = StreamWriter::new(fs::File::create(&stream).unwrap());
    let mut begin = Begin::<LE>::new_zeroed();
    (begin.magic, begin.versioninfo) = (MAGIC.into(), 1.into());
    writer.record(ReplayRecord::new(&begin), &[]).unwrap();
    let mut payload = vec![0; BLOCK];
    for number in 0..BLOCKS {
        let mut block = Block::<LE>::new_zeroed();
        (block.object, block.logical_size) = (1.into(), (BLOCK as u64).into());
        payload[..8].copy_from_slice(&number.to_le_bytes());
        writer.body(&block, &payload).unwrap();
    }
    writer.end(0).unwrap();
    writer.into_inner().unwrap();
    drop(payload);
    memory::within(&ALLOCATOR, MOST, || {
        let file = fs::File::open(&stream).unwrap();
        split_file(file, &parts, 5 << 20).unwrap();
        make(&parts, 100).unwrap();
        let list = Manifest::of_folder(&parts).unwrap();
        for number in 1..=list.parts.len() as u64 {
            fs::remove_file(parts.join(part_name(number))).unwrap();
        }
        fs::remove_file(parts.join(MANIFEST)).unwrap();
        assert_eq!(repair(&parts).unwrap().parts.len(), list.parts.len());
        for order in [JoinOrder::Before, JoinOrder::Meanwhile] {
            let joined = join(&parts, &list, io::sink(), order).unwrap();
            assert_eq!(joined.bytes, fs::metadata(&stream).unwrap().len());
        }
    });
}
