//! Memory of the steps that make more of a record than it holds, measured with the memory of all threads: the largest
//! blocks that there are, packed into a sector or a few.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::fs::{self, File};
use std::io;
use tempfile::NamedTempFile;
use zerocopy::FromZeros;
use zerocopy::byteorder::LE;
use zsend_codec::{Compression, Compressor};
use zsend_records::drr::{Begin, Free, MAGIC, OBJECT_END, Object, ReplayRecord, Write};
use zsend_records::flags::{Features, HeaderType, VersionInfo};
use zsend_records::types::{Checksum, Compress};
use zsend_records::writer::{RecordSink, StreamWriter};
use zsend_stream::change::{ChangeInput, Given, Transform, Verb, change};
use zsend_testkit::memory::{self, Allocator, within};

#[global_allocator]
static ALLOCATOR: Allocator = memory::allocator();

/// Bytes that a change may take.
const MOST: usize = 64 << 20;
/// Bytes of a block, the largest that there is.
const BLOCK: usize = 16 << 20;
const BLOCKS: u64 = 10;
const GUID: u64 = 42;
/// `DMU_OT_UINT64_OTHER`, every word of which is turned.
const WORDS: u32 = 26;

/// Writes a stream of one object, whose blocks are lz4 of zeros and a word.
fn write_packed(to: impl io::Write) {
    let mut block = vec![0; BLOCK];
    block[4096] = 7;
    let mut packed = vec![0; BLOCK];
    let mut codec = Compressor::new(Compression::LZ4).unwrap();
    let len = codec.compress(&block, &mut packed).unwrap().unwrap().next_multiple_of(512);
    write(to, (0, GUID), BLOCKS, Compress::LZ4, &packed[..len]);
}

/// Writes a stream of one object with so many blocks, each stored in these bytes.
fn write(to: impl io::Write, guids: (u64, u64), blocks: u64, codec: Compress, stored: &[u8]) {
    let (from, guid) = guids;
    let mut writer = StreamWriter::new(to);
    let mut begin = Begin::<LE>::new_zeroed();
    (begin.magic, begin.objset_type, begin.toguid) = (MAGIC.into(), 2.into(), guid.into());
    begin.fromguid = from.into();
    let features = Features::LZ4 | Features::COMPRESSED | Features::LARGE_BLOCKS;
    begin.versioninfo = VersionInfo::new(HeaderType::SUBSTREAM, features).0.into();
    writer.record(ReplayRecord::new(&begin), &[]).unwrap();
    let mut object = Object::<LE>::new_zeroed();
    (object.object, object.toguid, object.object_type) = (1.into(), guid.into(), WORDS.into());
    (object.blksz, object.dn_slots) = (u32::try_from(BLOCK).unwrap().into(), 1);
    writer.record(ReplayRecord::new(&object), &[]).unwrap();
    let mut free = Free::<LE>::new_zeroed();
    (free.object, free.toguid) = (1.into(), guid.into());
    (free.offset, free.length) = ((blocks * BLOCK as u64).into(), OBJECT_END.into());
    writer.record(ReplayRecord::new(&free), &[]).unwrap();
    let mut record = Write::<LE>::new_zeroed();
    (record.object, record.toguid, record.object_type) = (1.into(), guid.into(), WORDS.into());
    (record.logical_size, record.checksumtype) = ((BLOCK as u64).into(), Checksum::OFF.0);
    if codec != Compress::OFF {
        (record.compressed_size, record.compressiontype) = ((stored.len() as u64).into(), codec.0);
    }
    for number in 0..blocks {
        record.offset = (number * BLOCK as u64).into();
        writer.record(ReplayRecord::new(&record), stored).unwrap();
    }
    writer.end(guid).unwrap();
    writer.flush().unwrap();
}

/// One test has all, since memory is measured that all threads have allocated.
#[test]
fn no_step_takes_more_than_64_mib() {
    blocks_that_are_packed_small();
    large_blocks_of_many_streams();
}

fn large_blocks_of_many_streams() {
    let block = vec![7; BLOCK];
    let files: Vec<NamedTempFile> = (0..6)
        .map(|from| {
            let file = NamedTempFile::new().unwrap();
            let guids = if from == 0 { (0, 1) } else { (from, from + 1) };
            write(file.as_file(), guids, 2, Compress::OFF, &block);
            file
        })
        .collect();
    drop(block);
    let sources =
        files.iter().map(|file| ChangeInput::of_file("in", File::open(file.path()).unwrap()));
    let sources = sources.collect();
    let done =
        within(&ALLOCATOR, MOST, || change(sources, vec![step("squash")], io::sink(), |_| {}));
    let (bytes, blocks) = (done.unwrap().bytes, 2 * BLOCK as u64);
    assert!((blocks..blocks + (4 << 10)).contains(&bytes), "{bytes}");
}

fn blocks_that_are_packed_small() {
    let file = NamedTempFile::new().unwrap();
    write_packed(io::BufWriter::new(file.as_file()));
    assert!(fs::metadata(file.path()).unwrap().len() < 2 << 20);
    let whole = BLOCKS * BLOCK as u64;
    // Steps, the words of each; and bytes that come of them at least.
    for (steps, least) in [
        ("decompress", whole),
        ("recompress gzip-1", 0),
        ("recompress lz4", 0),
        ("recompress zstd-3", 0),
        ("rechunk 128K", 0),
        ("rechunk 4K", 0),
        ("convert --byteorder=big", whole),
        ("downgrade --to=openzfs-0.6.5", whole),
        ("decompress | rechunk 128K | convert --byteorder=big | recompress lz4", 0),
    ] {
        let steps = steps.split(" | ").map(step).collect();
        let source = File::open(file.path()).unwrap();
        let done = within(&ALLOCATOR, MOST, || {
            change(vec![ChangeInput::of_file("in", source)], steps, io::sink(), |_| {})
        });
        assert!(done.unwrap().bytes >= least);
    }
}

fn step(words: &str) -> Box<dyn Transform> {
    let mut words = words.split(' ');
    let verb = Verb::named(words.next().unwrap()).unwrap();
    let mut given = Given::default();
    for word in words {
        match word.strip_prefix("--").and_then(|option| option.split_once('=')) {
            Some((name, value)) => given.options.push((name.to_owned(), value.to_owned())),
            None => given.operands.push(word.to_owned()),
        }
    }
    (verb.make)(&given).unwrap()
}
