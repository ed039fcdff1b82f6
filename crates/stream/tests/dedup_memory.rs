//! Memory of `dedup` and `redup`, however many blocks there are, measured with the memory of all threads.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::io::{self, pipe};
use std::thread;
use zerocopy::byteorder::LE;
use zerocopy::{FromZeros, IntoBytes};
use zsend_records::drr::{Begin, Free, MAGIC, OBJECT_END, Object, ReplayRecord, Write};
use zsend_records::flags::{Features, HeaderType, VersionInfo};
use zsend_records::types::Checksum;
use zsend_records::writer::{RecordSink, StreamWriter};
use zsend_stream::change::{ChangeInput, Given, Verb, change};
use zsend_testkit::memory::{self, Allocator, within};

#[global_allocator]
static ALLOCATOR: Allocator = memory::allocator();

/// Different blocks: what is kept of their places is more than what each step may take.
const BLOCKS: u64 = 150_000;
/// Bytes that the two steps may take, 8 MiB each, and what reads and writes beside them.
const MOST: usize = 48 << 20;
const SIZE: usize = 512;

/// Writes a stream of one file. Every fourth block comes a second time right behind itself.
fn write(to: impl io::Write) {
    let mut writer = StreamWriter::new(to);
    let mut begin = Begin::<LE>::new_zeroed();
    (begin.magic, begin.objset_type, begin.toguid) = (MAGIC.into(), 2.into(), 42.into());
    begin.versioninfo = VersionInfo::new(HeaderType::SUBSTREAM, Features::empty()).0.into();
    writer.record(ReplayRecord::new(&begin), &[]).unwrap();
    let mut object = Object::<LE>::new_zeroed();
    (object.object, object.toguid, object.object_type) = (1.into(), 42.into(), 19.into());
    object.blksz = u32::try_from(SIZE).unwrap().into();
    writer.record(ReplayRecord::new(&object), &[]).unwrap();
    let mut free = Free::<LE>::new_zeroed();
    (free.object, free.toguid) = (1.into(), 42.into());
    (free.offset, free.length) = ((BLOCKS * 2 * SIZE as u64).into(), OBJECT_END.into());
    writer.record(ReplayRecord::new(&free), &[]).unwrap();
    let mut record = Write::<LE>::new_zeroed();
    (record.object, record.toguid, record.object_type) = (1.into(), 42.into(), 19.into());
    (record.logical_size, record.checksumtype) = ((SIZE as u64).into(), Checksum::OFF.0);
    let mut offset = 0;
    for block in 0..BLOCKS {
        let mut payload = [0; SIZE];
        payload[..8].copy_from_slice(block.as_bytes());
        for _ in 0..if block % 4 == 0 { 2 } else { 1 } {
            record.offset = offset.into();
            writer.record(ReplayRecord::new(&record), &payload).unwrap();
            offset += SIZE as u64;
        }
    }
    writer.end(42).unwrap();
    writer.flush().unwrap();
}

#[test]
fn memory_is_what_was_given_however_many_blocks_there_are() {
    let step = |name: &str| {
        let options = vec![("memory".to_owned(), "8M".to_owned())];
        (Verb::named(name).unwrap().make)(&Given { options, ..Given::default() }).unwrap()
    };
    let counts = within(&ALLOCATOR, MOST, || {
        let (reader, writer) = pipe().unwrap();
        let made = thread::spawn(move || write(writer));
        let source = ChangeInput::of_reader("in", reader);
        let steps = vec![step("dedup"), step("redup")];
        let counts = change(vec![source], steps, io::sink(), |_| {}).unwrap();
        made.join().unwrap();
        counts
    });
    let blocks = BLOCKS + BLOCKS.div_ceil(4);
    assert_eq!(counts.records, blocks + 4);
    assert_eq!(counts.bytes, (blocks + 4) * 312 + blocks * SIZE as u64);
}
