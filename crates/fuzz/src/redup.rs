//! Any bytes as a stream with references, as they are and with every checksum mended; and streams of blocks that come
//! again, which the bytes choose, and wrong references in them.
//!
//! The output is a stream without references. Of a stream whose blocks were named again comes the very same stream.

use crate::verify::SplitReads;
use std::io::{Cursor, Read};
use zerocopy::FromZeros;
use zerocopy::byteorder::LE;
use zsend_records::drr::{
    Begin, Free, MAGIC, OBJECT_END, Object, RecordType, ReplayRecord, Write, WriteByref,
};
use zsend_records::flags::{Features, HeaderType, VersionInfo};
use zsend_records::reader::{ReaderOptions, Record, StreamReader, StreamRecord};
use zsend_records::writer::StreamWriter;
use zsend_stream::change::{ChangeError, Given, ChangeInput, Verb, change};
use zsend_testkit::damage::{reseal, stamp};

/// Runs one input.
pub fn check(bytes: &[u8]) {
    let Some((&choice, rest)) = bytes.split_first() else { return };
    if choice % 2 == 0 {
        judge(rest);
        if let Ok(mended) = reseal(rest) {
            judge(&mended);
        }
        return;
    }
    if rest.is_empty() {
        return;
    }
    let stream = blocks(rest);
    let (small, done) = run(Cursor::new(stream.clone()), "dedup");
    done.expect("the stream is right");
    let (again, done) = run(Cursor::new(small.clone()), "redup");
    done.expect("each reference is to a block that came before");
    assert!(again == stream, "the same stream comes of it");
    // References to somewhere.
    let mut records = records(&small);
    let references = records.iter_mut().filter_map(|r| r.header.body_as_mut::<WriteByref<LE>>());
    for (byref, word) in references.zip(rest.chunks_exact(3)) {
        byref.refguid = u64::from(word[0] % 4).into();
        byref.refobject = u64::from(word[1] % 3).into();
        byref.refoffset = (u64::from(word[2] % 32) * 512).into();
    }
    judge(&stamp(&records, false));
}

/// Streams of one file each, in a row, whose blocks are chosen by bytes: a few contents, of two sizes.
fn blocks(bytes: &[u8]) -> Vec<u8> {
    let mut streams = Vec::new();
    for (at, bytes) in bytes.chunks(24).take(3).enumerate() {
        let guid = at as u64 + 1;
        let mut writer = StreamWriter::new(Vec::new());
        let mut begin = Begin::<LE>::new_zeroed();
        (begin.magic, begin.objset_type, begin.toguid) = (MAGIC.into(), 2.into(), guid.into());
        begin.versioninfo = VersionInfo::new(HeaderType::SUBSTREAM, Features::empty()).0.into();
        let mut put = |header: ReplayRecord<LE>, payload: &[u8]| {
            writer.record(header, payload).expect("memory does not fail");
        };
        put(ReplayRecord::new(&begin), &[]);
        let mut object = Object::<LE>::new_zeroed();
        (object.object, object.toguid) = (1.into(), guid.into());
        (object.object_type, object.blksz) = (19.into(), 512.into());
        put(ReplayRecord::new(&object), &[]);
        let mut free = Free::<LE>::new_zeroed();
        (free.object, free.toguid) = (1.into(), guid.into());
        (free.offset, free.length) = ((1 << 20).into(), OBJECT_END.into());
        put(ReplayRecord::new(&free), &[]);
        let mut offset = 0;
        for byte in bytes {
            let size: u16 = if byte & 1 == 0 { 512 } else { 1024 };
            let mut write = Write::<LE>::new_zeroed();
            (write.object, write.toguid, write.offset) = (1.into(), guid.into(), offset.into());
            (write.object_type, write.logical_size) = (19.into(), u64::from(size).into());
            write.checksumtype = [2, 7, 8][usize::from(byte >> 4) % 3];
            write.flags = u8::from(write.checksumtype == 8);
            write.key_cksum[0] = u64::from(byte & 8).into();
            put(ReplayRecord::new(&write), &vec![byte & 6; usize::from(size)]);
            offset += u64::from(size);
        }
        writer.end(guid).expect("memory does not fail");
        streams.extend(writer.into_inner().expect("memory does not fail"));
    }
    streams
}

fn judge(stream: &[u8]) {
    let (out, done) = run(Cursor::new(stream.to_vec()), "redup");
    let (again, also) = run(SplitReads::of(stream), "redup");
    assert!(out == again && done.is_ok() == also.is_ok(), "the same comes of the same");
    for record in records(&out) {
        assert!(record.header.record_type() != RecordType::WRITE_BYREF, "no reference is left");
        if let Record::Begin(begin) = record.record() {
            assert!(!begin.features().intersects(Features::DEDUP | Features::DEDUPPROPS));
        }
    }
    match done {
        Ok(()) => {
            let (same, done) = run(Cursor::new(out.clone()), "redup");
            assert!(done.is_ok() && same == out, "there is nothing more to replace");
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

fn records(stream: &[u8]) -> Vec<StreamRecord> {
    if stream.is_empty() {
        return Vec::new();
    }
    let options = ReaderOptions::new().with_missing_end(true).with_concatenated(true);
    let reader = StreamReader::with_options(stream, options);
    reader.map(|record| record.expect("what is written is a stream")).collect()
}

fn run(source: impl Read + Send + 'static, name: &str) -> (Vec<u8>, Result<(), ChangeError>) {
    let verb = Verb::named(name).expect("the table has it");
    let options = vec![("memory".to_owned(), "8M".to_owned())];
    let step = (verb.make)(&Given { options, ..Given::default() }).expect("the words are right");
    let source = ChangeInput::of_reader("in", source);
    let mut out = Vec::new();
    let done = change(vec![source], vec![step], &mut out, |_| {});
    (out, done.map(drop))
}
