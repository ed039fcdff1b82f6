//! Streams taken through steps, and what comes of them.

use super::{streams, verified};
use std::collections::BTreeMap;
use std::io::Cursor;
use zsend_records::drr::{Begin, Free, FreeObjects, MAGIC, Object, Write};
use zsend_records::flags::Features;
use zsend_records::reader::{Record, SliceReader};
use zsend_records::types::Compress;
use zsend_records::writer::StreamWriter;
use zsend_records::zerocopy::FromZeros;
use zsend_records::zerocopy::byteorder::LE;
use zsend_stream::change::{ChangeError, ChangeInput, Given, Transform, Verb, change};
use zsend_stream::verify::{Verdict, VerifyOptions};

/// A step by its name, with these words.
pub fn step(name: &str, operands: &[&str], options: &[(&str, &str)]) -> Box<dyn Transform> {
    let operands = operands.iter().map(|&word| word.to_owned()).collect();
    let options =
        options.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
    let given = Given { operands, options, ..Given::default() };
    (Verb::named(name).unwrap().make)(&given).unwrap()
}

/// Takes a stream through steps.
pub fn through(stream: &[u8], steps: Vec<Box<dyn Transform>>) -> Result<Vec<u8>, ChangeError> {
    let source = ChangeInput::of_reader("in", Cursor::new(stream.to_vec()));
    let mut out = Vec::new();
    change(vec![source], steps, &mut out, |_| {}).map(|_| out)
}

/// Takes a stream through steps, each a name and its operands.
pub fn changed(stream: &[u8], steps: &[&[&str]]) -> Result<Vec<u8>, ChangeError> {
    let steps = steps.iter().map(|words| {
        let (name, operands) = words.split_first().unwrap();
        step(name, operands, &[])
    });
    through(stream, steps.collect())
}

/// Takes a stream through a step with these options.
pub fn with_options(
    stream: &[u8],
    name: &str,
    options: &[(&str, &str)],
) -> Result<Vec<u8>, ChangeError> {
    through(stream, vec![step(name, &[], options)])
}

/// Features of all streams in an input.
pub fn features(stream: &[u8]) -> Features {
    let records = SliceReader::new(stream.to_vec().into()).map(|record| record.unwrap());
    records.fold(Features::empty(), |all, record| match record.record() {
        Record::Begin(begin) => all | Begin::features(begin),
        _ => all,
    })
}

/// Number of WRITE records of each codec.
pub fn codecs(stream: &[u8]) -> Vec<(Compress, usize)> {
    let mut counts = BTreeMap::new();
    for record in SliceReader::new(stream.to_vec().into()) {
        if let Record::Write(write) = record.unwrap().record() {
            *counts.entry(write.compressiontype).or_insert(0) += 1;
        }
    }
    counts.into_iter().map(|(codec, count)| (Compress(codec), count)).collect()
}

/// Streams whose blocks can be looked into.
pub fn plain_streams() -> Vec<(String, Vec<u8>)> {
    let shut = Features::RAW | Features::DEDUP;
    let plain: Vec<_> =
        streams().into_iter().filter(|(_, stream)| !features(stream).intersects(shut)).collect();
    assert!(plain.len() > 2);
    plain
}

/// Fails unless `verify` calls the stream whole.
#[track_caller]
pub fn assert_whole(name: &str, stream: &[u8]) {
    let (outcome, faults) = verified(stream, &VerifyOptions::default());
    assert_eq!(
        outcome.verdict,
        Verdict::Whole,
        "{name}: {:?}",
        faults.first().map(ToString::to_string)
    );
}

/// Contents of the plain files and volumes of a full stream: runs of bytes that are not all zeros.
pub fn contents(stream: &[u8]) -> BTreeMap<(u64, u64), Vec<u8>> {
    let plain = changed(stream, &[&["decompress"]]).unwrap();
    let mut blocks = BTreeMap::new();
    for record in SliceReader::new(plain.into()) {
        let record = record.unwrap();
        if let Record::Write(write) = record.record() {
            for (i, piece) in record.payload.chunks(512).enumerate() {
                if piece.iter().any(|&byte| byte != 0) {
                    let offset = write.offset.get() + 512 * i as u64;
                    blocks.insert((write.object.get(), offset), piece.to_vec());
                }
            }
        }
    }
    blocks
}

/// A full stream of one file with blocks of 4 KiB: holes between them, behind them, and in place of whole larger ones.
pub fn with_holes() -> Vec<u8> {
    let mut writer = StreamWriter::new(Vec::new());
    let mut begin = Begin::<LE>::new_zeroed();
    (begin.magic, begin.versioninfo, begin.toguid) = (MAGIC.into(), 1.into(), 7.into());
    begin.objset_type = 2.into();
    begin.toname[..7].copy_from_slice(b"a/b@c\0\0");
    writer.body(&begin, &[]).unwrap();
    let mut object = Object::<LE>::new_zeroed();
    (object.object, object.object_type, object.toguid) = (1.into(), 19.into(), 7.into());
    (object.blksz, object.dn_slots) = (4096.into(), 1);
    writer.body(&object, &[]).unwrap();
    let mut free = Free::<LE>::new_zeroed();
    (free.object, free.toguid) = (1.into(), 7.into());
    (free.offset, free.length) = ((302 * 4096).into(), u64::MAX.into());
    writer.body(&free, &[]).unwrap();
    let mut write = Write::<LE>::new_zeroed();
    (write.object, write.object_type, write.toguid) = (1.into(), 19.into(), 7.into());
    (write.logical_size, write.checksumtype) = (4096.into(), 2);
    for block in [0_u64, 2, 3, 4, 40, 301] {
        write.offset = (4096 * block).into();
        writer.body(&write, &[u8::try_from(block % 250).unwrap() + 1; 4096]).unwrap();
        let hole = match block {
            0 => 1,
            4 => 35,
            40 => 260,
            _ => continue,
        };
        (free.offset, free.length) = ((4096 * (block + 1)).into(), (4096 * hole).into());
        writer.body(&free, &[]).unwrap();
    }
    let mut rest = FreeObjects::<LE>::new_zeroed();
    (rest.firstobj, rest.numobjs, rest.toguid) = (2.into(), 30.into(), 7.into());
    writer.body(&rest, &[]).unwrap();
    writer.end(7).unwrap();
    writer.into_inner().unwrap()
}
