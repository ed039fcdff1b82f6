//! Any bytes as two streams that are made one, as they are and with every checksum mended; and up to four streams that
//! follow one another, whose records the bytes choose.
//!
//! The output is a stream, the same each time; of that alone comes the same. Where the first two are made one first,
//! and that with the rest, the same comes of it.

use std::io::Cursor;
use zerocopy::FromZeros;
use zerocopy::byteorder::LE;
use zsend_records::drr::{
    Begin, Free, FreeObjects, MAGIC, OBJECT_END, Object, ReplayRecord, Spill, Write, WriteEmbedded,
};
use zsend_records::flags::{BeginFlags, Features, HeaderType, VersionInfo};
use zsend_records::reader::{ReaderOptions, StreamReader};
use zsend_records::writer::StreamWriter;
use zsend_stream::change::{ChangeError, Given, ChangeInput, Verb, change};
use zsend_testkit::damage::reseal;

/// Runs one input.
pub fn check(bytes: &[u8]) {
    let Some((&choice, rest)) = bytes.split_first() else { return };
    if choice % 4 == 0 {
        let Some((&length, rest)) = rest.split_first_chunk::<2>() else { return };
        let at = usize::from(u16::from_le_bytes(length)).min(rest.len());
        let (one, two) = rest.split_at(at);
        judge(&[one, two]);
        let mended = [one, two].map(|stream| reseal(stream).unwrap_or_else(|_| stream.to_vec()));
        judge(&mended.each_ref().map(Vec::as_slice));
        return;
    }
    let streams = streams(choice / 4 % 2 == 0, usize::from(choice % 4) + 1, rest);
    let streams: Vec<&[u8]> = streams.iter().map(Vec::as_slice).collect();
    let Some(whole) = judge(&streams) else { return };
    let [first, second, rest @ ..] = &streams[..] else { return };
    if let (joined, Ok(())) = squash(&[first, second]) {
        let inputs: Vec<&[u8]> = [&joined[..]].into_iter().chain(rest.iter().copied()).collect();
        if let (again, Ok(())) = squash(&inputs) {
            assert!(again == whole, "the same comes of two steps");
        }
    }
}

/// Streams that follow one another, each four bytes a record.
fn streams(is_full: bool, count: usize, bytes: &[u8]) -> Vec<Vec<u8>> {
    let each = (bytes.len() / count).max(4);
    let mut parts = bytes.chunks(each);
    let guids = (0..count as u64).map(|at| if is_full { at } else { at + 1 });
    guids.map(|from| stream(from, parts.next().unwrap_or_default())).collect()
}

fn stream(from: u64, bytes: &[u8]) -> Vec<u8> {
    let mut writer = StreamWriter::new(Vec::new());
    let mut put = |header: ReplayRecord<LE>, payload: &[u8]| {
        writer.record(header, payload).expect("memory does not fail");
    };
    let mut begin = Begin::<LE>::new_zeroed();
    (begin.magic, begin.objset_type) = (MAGIC.into(), 2.into());
    (begin.fromguid, begin.toguid) = (from.into(), (from + 1).into());
    begin.flags = BeginFlags::SPILL_BLOCK.bits().into();
    begin.versioninfo = VersionInfo::new(HeaderType::SUBSTREAM, Features::empty()).0.into();
    put(ReplayRecord::new(&begin), &[]);
    let (mut number, mut current, mut last) = (0, 0, 0);
    for word in bytes.chunks_exact(4) {
        let [kind, a, b, c] = [word[0], word[1], word[2], word[3]];
        // One object back at times, as where objects are told of before the data of the first.
        let object = current - u64::from(c & 0x80 != 0 && current > 0);
        let offset = last + u64::from(a % 4) * 512;
        match kind % 8 {
            0 => {
                let mut free = FreeObjects::<LE>::new_zeroed();
                free.firstobj = (number + u64::from(a % 4)).into();
                free.numobjs = u64::from(b % 40).into();
                number += u64::from(a % 4) + u64::from(b % 40);
                put(ReplayRecord::new(&free), &[]);
            }
            1 | 2 => {
                let mut record = Object::<LE>::new_zeroed();
                current = number + u64::from(a % 3);
                record.object = current.into();
                (record.object_type, record.bonustype) = (19.into(), 44.into());
                record.blksz = (512 << (b % 2)).into();
                record.dn_slots = 1 + u8::from(b & 12 == 0);
                record.flags = c & 4;
                number = current + u64::from(record.dn_slots);
                last = 0;
                put(ReplayRecord::new(&record), &[]);
                if b & 0x40 != 0 {
                    put(free(current, u64::from(c % 8) * 512, OBJECT_END), &[]);
                }
            }
            3 => {
                let length = if c & 0x40 == 0 { u64::from(b % 4) * 512 } else { OBJECT_END };
                put(free(object, offset, length), &[]);
                last = offset + if c & 0x40 == 0 { length } else { 0 };
            }
            4 | 5 => {
                let mut write = Write::<LE>::new_zeroed();
                (write.object, write.offset, write.object_type) =
                    (object.into(), offset.into(), 19.into());
                write.logical_size = (512 << (b % 2)).into();
                last = offset + (512 << (b % 2));
                put(ReplayRecord::new(&write), &vec![c; 512 << (b % 2)]);
            }
            6 => {
                let mut write = WriteEmbedded::<LE>::new_zeroed();
                (write.object, write.offset, write.length) =
                    (object.into(), offset.into(), 512.into());
                (write.lsize, write.psize) = (512.into(), 8.into());
                last = offset + 512;
                put(ReplayRecord::new(&write), &[c; 8]);
            }
            _ => {
                let mut spill = Spill::<LE>::new_zeroed();
                (spill.object, spill.length, spill.flags) = (object.into(), 512.into(), b & 4);
                put(ReplayRecord::new(&spill), &[c; 512]);
            }
        }
    }
    writer.end(from + 1).expect("memory does not fail");
    writer.into_inner().expect("memory does not fail")
}

fn free(object: u64, offset: u64, length: u64) -> ReplayRecord<LE> {
    let mut free = Free::<LE>::new_zeroed();
    (free.object, free.offset, free.length) = (object.into(), offset.into(), length.into());
    ReplayRecord::new(&free)
}

/// Makes one stream of several; gives it if that can be done.
fn judge(streams: &[&[u8]]) -> Option<Vec<u8>> {
    let (out, done) = squash(streams);
    let (again, also) = squash(streams);
    assert!(out == again && done.is_ok() == also.is_ok(), "the same comes of the same");
    let options = ReaderOptions::new().with_missing_end(true);
    if !out.is_empty() {
        for record in StreamReader::with_options(&out[..], options) {
            record.expect("what is written is a stream");
        }
    }
    if let Err(error) = done {
        assert!(!error.to_string().is_empty());
        return None;
    }
    let (same, done) = squash(&[&out]);
    assert!(done.is_ok() && same == out, "what was made one is one");
    Some(out)
}

fn squash(streams: &[&[u8]]) -> (Vec<u8>, Result<(), ChangeError>) {
    let sources = streams.iter().map(|stream| {
        ChangeInput::of_reader("in", Cursor::new(stream.to_vec()))
    });
    let verb = Verb::named("squash").expect("the table has it");
    let step = (verb.make)(&Given::default()).expect("there are no words");
    let mut out = Vec::new();
    let done = change(sources.collect(), vec![step], &mut out, |_| {});
    (out, done.map(drop))
}
