//! Whole streams for the tests of `verify`: those of `fixtures/streams` that a sender wrote, and one of this
//! file that has a record of every type that streams without encryption have.
#![allow(unreachable_pub, reason = "all tests may use it")]
#![allow(clippy::unwrap_used, reason = "a test may fail")]

pub mod chain;
pub mod kinds;
pub mod random;
pub mod steps;

use std::io::Cursor;
use std::path::Path;
use zerocopy::FromZeros;
use zerocopy::byteorder::{LE, U64};
use zsend_codec::checksum::compute;
use zsend_records::Order;
use zsend_records::drr::{
    Begin, Free, FreeObjects, MAGIC, OBJECT_END, Object, Redact, ReplayRecord, Spill, Write,
    WriteByref, WriteEmbedded,
};
use zsend_records::flags::{BeginFlags, Features, HeaderType, RecordFlags, VersionInfo};
use zsend_records::fletcher::Fletcher4;
use zsend_records::nvlist::{Encoding, NvList, NvValue};
use zsend_records::reader::{SliceReader, StreamRecord};
use zsend_records::types::{Checksum, Compress};
use zsend_records::writer::StreamWriter;
use zsend_stream::verify::{Fault, Outcome, VerifyOptions, verify};

/// Every whole stream, by name.
pub fn streams() -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/streams");
    let mut streams: Vec<(String, Vec<u8>)> = std::fs::read_dir(&folder)
        .unwrap()
        .filter_map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name()?.to_str()?.strip_suffix(".zsend.zst")?.to_owned();
            // Of records with random fields; no sender wrote them.
            if name.starts_with("synthetic") {
                return None;
            }
            Some((name, zstd::decode_all(&std::fs::read(&path).unwrap()[..]).unwrap()))
        })
        .collect();
    streams.sort();
    assert!(streams.len() >= 4, "streams in {}", folder.display());
    streams.push(("right".into(), right(Order::Little)));
    streams.push(("right-big".into(), right(Order::Big)));
    streams
}

/// The records of a stream.
pub fn records(stream: &[u8]) -> Vec<StreamRecord> {
    SliceReader::new(stream.to_vec().into()).map(Result::unwrap).collect()
}

/// The verdict on a stream, and its faults.
pub fn verified(stream: &[u8], options: &VerifyOptions) -> (Outcome, Vec<Fault>) {
    let mut faults = Vec::new();
    let outcome = verify("in", Cursor::new(stream.to_vec()), options, &mut faults).unwrap();
    (outcome, faults)
}

/// Guid of the snapshot that [`right`] sends.
const GUID: u64 = 0x0123_4567_89ab_cdef;
/// Block size of its first object.
const BLOCK: usize = 4096;

/// A full stream with every type of record that a stream without encryption can have.
pub fn right(order: Order) -> Vec<u8> {
    let mut writer = StreamWriter::in_order(Vec::new(), order);
    let mut list = NvList::new();
    list.insert("redact_snaps", NvValue::Uint64Array(vec![7]));
    let encoding = if order == Order::Big { Encoding::NativeBig } else { Encoding::Native };
    let list = list.encode(encoding).unwrap();
    let mut begin = Begin::<LE>::new_zeroed();
    let features = Features::DEDUP
        | Features::SA_SPILL
        | Features::EMBED_DATA
        | Features::LZ4
        | Features::REDACTED
        | Features::COMPRESSED;
    begin.magic = MAGIC.into();
    begin.versioninfo = VersionInfo::new(HeaderType::SUBSTREAM, features).0.into();
    begin.creation_time = 1_700_000_000.into();
    begin.objset_type = 2.into();
    begin.flags = (BeginFlags::FREERECORDS | BeginFlags::SPILL_BLOCK).bits().into();
    begin.toguid = GUID.into();
    begin.toname[..11].copy_from_slice(b"tank/home@a");
    let mut header = ReplayRecord::new(&begin);
    header.payloadlen = u32::try_from(list.len()).unwrap().into();
    writer.record(header, &list).unwrap();

    let mut put = |header: ReplayRecord<LE>, payload: &[u8]| {
        writer.record(header, payload).unwrap();
    };
    let mut object = object(1, 19, BLOCK);
    (object.bonustype, object.bonuslen) = (44.into(), 168.into());
    object.flags = RecordFlags::OBJECT_SPILL.bits();
    put(ReplayRecord::new(&object), &[3; 168]);
    put(free(1, 5 * BLOCK, OBJECT_END), &[]);
    let text: Vec<u8> = b"the quick brown fox ".iter().copied().cycle().take(BLOCK).collect();
    put(write(order, 0, &text, None), &text);
    let packed = lz4(&text, 512);
    put(write(order, BLOCK, &packed, Some(Compress::LZ4)), &packed);
    let mut small = lz4(&[0; BLOCK], 0);
    let mut embedded = WriteEmbedded::<LE>::new_zeroed();
    (embedded.object, embedded.toguid) = (1.into(), GUID.into());
    (embedded.offset, embedded.length) = (offset(2 * BLOCK), offset(BLOCK));
    embedded.compression = Compress::LZ4.0;
    embedded.lsize = u32::try_from(BLOCK).unwrap().into();
    embedded.psize = u32::try_from(small.len()).unwrap().into();
    small.resize(small.len().next_multiple_of(8), 0);
    put(ReplayRecord::new(&embedded), &small);
    let mut byref = WriteByref::<LE>::new_zeroed();
    (byref.object, byref.toguid, byref.refguid) = (1.into(), GUID.into(), GUID.into());
    (byref.offset, byref.length) = (offset(3 * BLOCK), offset(BLOCK));
    (byref.refobject, byref.refoffset) = (1.into(), 0.into());
    (byref.checksumtype, byref.key_prop) = (Checksum::SHA256.0, key_prop(BLOCK, BLOCK, 2));
    byref.flags = RecordFlags::CHECKSUM_DEDUP.bits();
    byref.key_cksum = compute(Checksum::SHA256, &text, false, None).unwrap().map(U64::new);
    put(ReplayRecord::new(&byref), &[]);
    let mut redact = Redact::<LE>::new_zeroed();
    (redact.object, redact.toguid) = (1.into(), GUID.into());
    (redact.offset, redact.length) = (offset(4 * BLOCK), offset(BLOCK));
    put(ReplayRecord::new(&redact), &[]);
    let mut spill = Spill::<LE>::new_zeroed();
    (spill.object, spill.toguid, spill.length) = (1.into(), GUID.into(), 512.into());
    put(ReplayRecord::new(&spill), &[4; 512]);
    put(free_objects(2, 30), &[]);
    put(ReplayRecord::new(&self::object(32, 21, 512)), &[]);
    put(free(32, 512, OBJECT_END), &[]);
    let mut plain = Write::<LE>::new_zeroed();
    (plain.object, plain.toguid, plain.object_type) = (32.into(), GUID.into(), 21.into());
    (plain.logical_size, plain.checksumtype) = (512.into(), Checksum::OFF.0);
    put(ReplayRecord::new(&plain), &[5; 512]);
    put(free_objects(33, 31), &[]);
    writer.end(GUID).unwrap();
    writer.into_inner().unwrap()
}

fn offset(bytes: usize) -> U64<LE> {
    U64::new(bytes as u64)
}

fn object(number: u64, kind: u32, blksz: usize) -> Object<LE> {
    let mut object = Object::<LE>::new_zeroed();
    (object.object, object.toguid) = (number.into(), GUID.into());
    (object.object_type, object.dn_slots) = (kind.into(), 1);
    object.blksz = u32::try_from(blksz).unwrap().into();
    object
}

fn free(object: u64, at: usize, length: u64) -> ReplayRecord<LE> {
    let mut free = Free::<LE>::new_zeroed();
    (free.object, free.toguid) = (object.into(), GUID.into());
    (free.offset, free.length) = (offset(at), length.into());
    ReplayRecord::new(&free)
}

fn free_objects(first: u64, number: u64) -> ReplayRecord<LE> {
    let mut free = FreeObjects::<LE>::new_zeroed();
    (free.firstobj, free.numobjs, free.toguid) = (first.into(), number.into(), GUID.into());
    ReplayRecord::new(&free)
}

/// A block of the first object, with the checksum of what lies on disk in its key.
fn write(order: Order, at: usize, stored: &[u8], codec: Option<Compress>) -> ReplayRecord<LE> {
    let mut write = Write::<LE>::new_zeroed();
    (write.object, write.toguid, write.object_type) = (1.into(), GUID.into(), 19.into());
    (write.offset, write.logical_size) = (offset(at), offset(BLOCK));
    write.checksumtype = Checksum::FLETCHER_4.0;
    write.key_cksum = sum(order, stored);
    write.key_prop = key_prop(BLOCK, stored.len(), codec.map_or(2, |codec| codec.0));
    if let Some(codec) = codec {
        write.compressiontype = codec.0;
        write.compressed_size = offset(stored.len());
    }
    ReplayRecord::new(&write)
}

/// Fletcher-4 in the words of a block pointer of this order.
fn sum(order: Order, stored: &[u8]) -> [U64<LE>; 4] {
    let sum = match order {
        Order::Little => Fletcher4::of(stored),
        Order::Big => Fletcher4::of_byteswapped(stored),
    };
    sum.words().map(U64::new)
}

/// `ddk_prop` of a block.
fn key_prop(lsize: usize, psize: usize, compress: u8) -> U64<LE> {
    let sectors = |bytes: usize| bytes as u64 / 512 - 1;
    U64::new(sectors(lsize) | sectors(psize) << 16 | u64::from(compress) << 32)
}

/// LZ4 as it lies on disk, filled up to whole sectors.
fn lz4(data: &[u8], sector: usize) -> Vec<u8> {
    let packed = lz4_flex::block::compress(data);
    let mut stored = u32::try_from(packed.len()).unwrap().to_be_bytes().to_vec();
    stored.extend_from_slice(&packed);
    if sector > 0 {
        stored.resize(stored.len().next_multiple_of(sector), 0);
    }
    stored
}

/// Name of the field in which a byte of a record's header lies.
pub fn field_at(record: &StreamRecord, byte: usize) -> &'static str {
    let fields = record.frame.description.fields;
    let in_field = |field: &&zsend_records::describe::Field| {
        (field.offset..field.offset + field.width * field.count).contains(&byte)
    };
    match byte {
        0..4 => "drr_type",
        4..8 => "payloadlen",
        _ => fields.iter().find(in_field).map_or("unused", |field| field.name),
    }
}
