//! Memory of `verify` and `dump`, whatever comes: less than 64 MiB, measured with the memory of all threads.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::collections::VecDeque;
use std::io::{self, Read};
use zerocopy::byteorder::{LE, U64};
use zerocopy::{FromZeros, IntoBytes};
use zsend_records::bytes::Bytes;
use zsend_records::chain::Chain;
use zsend_records::drr::{Begin, Free, MAGIC, OBJECT_END, Object, ReplayRecord, Write};
use zsend_records::flags::{BeginFlags, Features, HeaderType, VersionInfo};
use zsend_records::fletcher::Fletcher4;
use zsend_records::nvlist::{Encoding, NvList, NvValue};
use zsend_stream::dump::{DumpOptions, Format, dump};
use zsend_stream::verify::{Fault, Verdict, VerifyError, VerifyOptions, verify};
use zsend_testkit::memory::{self, Allocator};

#[global_allocator]
static ALLOCATOR: Allocator = memory::allocator();

/// Bytes that a verification may take.
const MOST: usize = 64 << 20;
const GUID: u64 = 42;

fn begin(kind: HeaderType, features: Features, payload: u32) -> ReplayRecord<LE> {
    let mut begin = Begin::<LE>::new_zeroed();
    begin.magic = MAGIC.into();
    begin.versioninfo = VersionInfo::new(kind, features).0.into();
    begin.toname[..6].copy_from_slice(b"tank@a");
    if kind == HeaderType::SUBSTREAM {
        (begin.objset_type, begin.toguid) = (2.into(), GUID.into());
        begin.flags = (BeginFlags::FREERECORDS | BeginFlags::SPILL_BLOCK).bits().into();
    }
    let mut record = ReplayRecord::new(&begin);
    record.payloadlen = payload.into();
    record
}

/// A stream that is made while it is read, some parts at a time; what a part holds is not copied.
struct Made<F> {
    next: F,
    parts: VecDeque<Bytes>,
}

impl<F: FnMut() -> Vec<Bytes>> Read for Made<F> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.parts.is_empty() {
            self.parts.extend((self.next)());
        }
        let Some(part) = self.parts.front_mut() else { return Ok(0) };
        let len = part.len().min(buf.len());
        buf[..len].copy_from_slice(&part.split_to(len));
        if part.is_empty() {
            self.parts.pop_front();
        }
        Ok(len)
    }
}

fn made(next: impl FnMut() -> Vec<Bytes> + Send + 'static) -> impl Read + Send + 'static {
    Made { next, parts: VecDeque::new() }
}

fn bytes_of(record: &ReplayRecord<LE>) -> Bytes {
    Bytes::copy_from_slice(record.as_bytes())
}

fn within_most<R>(work: impl FnOnce() -> R) -> R {
    memory::within(&ALLOCATOR, MOST, work)
}

fn result(
    source: impl Read + Send + 'static,
    quick: bool,
) -> (Result<Verdict, VerifyError>, Vec<Fault>) {
    let mut faults = Vec::new();
    let options = VerifyOptions::default().with_quick(quick);
    let outcome = within_most(|| verify("in", source, &options, &mut faults));
    (outcome.map(|outcome| outcome.verdict), faults)
}

fn within(source: impl Read + Send + 'static, quick: bool) -> (Verdict, Vec<Fault>) {
    let (verdict, faults) = result(source, quick);
    (verdict.unwrap(), faults)
}

/// Blocks of 16 MiB, compressed to next to nothing, and not compressed at all.
fn large_blocks(compressed: bool) -> impl Read + Send + 'static {
    const BLOCK: usize = 16 << 20;
    const BLOCKS: u64 = 12;
    let features = Features::LARGE_BLOCKS | Features::COMPRESSED | Features::LZ4;
    let mut chain = Chain::new();
    let data = vec![7u8; BLOCK];
    let payload = if compressed {
        let packed = lz4_flex::block::compress(&data);
        let mut stored = u32::try_from(packed.len()).unwrap().to_be_bytes().to_vec();
        stored.extend_from_slice(&packed);
        stored.resize(stored.len().next_multiple_of(512), 0);
        stored
    } else {
        data
    };
    let sum = Fletcher4::of(&payload);
    let payload = Bytes::from(payload);
    let mut at = 0;
    made(move || {
        at += 1;
        let (mut record, payload) = match at {
            1 => (begin(HeaderType::SUBSTREAM, features, 0), None),
            2 => {
                let mut object = Object::<LE>::new_zeroed();
                (object.object, object.toguid) = (1.into(), GUID.into());
                (object.object_type, object.dn_slots) = (19.into(), 1);
                object.blksz = u32::try_from(BLOCK).unwrap().into();
                (ReplayRecord::new(&object), None)
            }
            3 => {
                let mut free = Free::<LE>::new_zeroed();
                (free.object, free.toguid) = (1.into(), GUID.into());
                (free.offset, free.length) = ((BLOCKS << 24).into(), OBJECT_END.into());
                (ReplayRecord::new(&free), None)
            }
            _ if at < 4 + BLOCKS => {
                let mut write = Write::<LE>::new_zeroed();
                (write.object, write.toguid) = (1.into(), GUID.into());
                (write.object_type, write.checksumtype) = (19.into(), 2);
                (write.offset, write.logical_size) = (((at - 4) << 24).into(), (1 << 24).into());
                if compressed {
                    write.compressiontype = 15;
                    write.compressed_size = U64::new(payload.len() as u64);
                }
                (ReplayRecord::new(&write), Some(&payload))
            }
            _ => return Vec::new(),
        };
        chain.stamp(&mut record);
        let mut parts = vec![bytes_of(&record)];
        if let Some(payload) = payload {
            parts.push(payload.clone());
            chain.payload_sum(sum, payload.len() as u64);
        }
        parts
    })
}

/// A header that announces as much as it can, and has bytes that claim to be a list.
fn large_list() -> impl Read + Send + 'static {
    let len = 64 << 20;
    let mut chain = Chain::new();
    let mut record = begin(HeaderType::COMPOUND, Features::empty(), len);
    chain.stamp(&mut record);
    let mut parts = vec![bytes_of(&record), Bytes::from_static(&[1, 1, 0, 0])];
    let rest = u64::from(len) - 4;
    made(move || std::mem::take(&mut parts)).chain(io::repeat(0).take(rest))
}

/// A package of datasets with snapshots, of which no stream is there.
fn many_snapshots(datasets: u64, snapshots: u64) -> impl Read + Send + 'static {
    let mut fss = NvList::new();
    for i in 0..datasets {
        let (mut snaps, mut props) = (NvList::new(), NvList::new());
        for j in 0..snapshots {
            snaps.insert(format!("s{j}"), NvValue::Uint64(i * snapshots + j + 1));
            props.insert(format!("s{j}"), NvValue::List(NvList::new()));
        }
        let mut dataset = NvList::new();
        dataset.insert("name", NvValue::String(format!("tank/{i}").as_str().into()));
        dataset.insert("parentfromsnap", NvValue::Uint64(0));
        dataset.insert("snaps", NvValue::List(snaps));
        dataset.insert("snapprops", NvValue::List(props));
        fss.insert(format!("{i:#x}"), NvValue::List(dataset));
    }
    let mut list = NvList::new();
    list.insert("tosnap", NvValue::String("s0".into()));
    list.insert("fss", NvValue::List(fss));
    let payload = Bytes::from(list.encode(Encoding::Xdr).unwrap());
    let mut chain = Chain::new();
    let len = u32::try_from(payload.len()).unwrap();
    let mut record = begin(HeaderType::COMPOUND, Features::empty(), len);
    chain.stamp(&mut record);
    let mut parts = vec![bytes_of(&record), payload.clone()];
    chain.payload_sum(Fletcher4::of(&payload), payload.len() as u64);
    let mut end = chain.end::<LE>(0);
    end.checksum = [U64::ZERO; 4];
    parts.push(bytes_of(&end));
    made(move || std::mem::take(&mut parts))
}

/// Streams without end in a package without end: each has another guid.
fn many_streams(number: u64) -> impl Read + Send + 'static {
    let mut chain = Chain::new();
    let mut at = 0;
    made(move || {
        let mut parts = Vec::new();
        if at == 0 {
            let mut record = begin(HeaderType::COMPOUND, Features::empty(), 0);
            chain.stamp(&mut record);
            let mut end = chain.end::<LE>(0);
            end.checksum = [U64::ZERO; 4];
            parts.extend([bytes_of(&record), bytes_of(&end)]);
        }
        at += 1;
        if at > number {
            return Vec::new();
        }
        let mut record = begin(HeaderType::SUBSTREAM, Features::empty(), 0);
        let body = record.body_as_mut::<Begin<LE>>().unwrap();
        body.toguid = at.into();
        let name = format!("tank/{at}@a");
        body.toname[..name.len()].copy_from_slice(name.as_bytes());
        chain.stamp(&mut record);
        parts.extend([bytes_of(&record), bytes_of(&chain.end::<LE>(at))]);
        parts
    })
}

#[test]
fn memory_is_bounded() {
    // Once, so that what threads keep is there.
    let _ = within(large_blocks(true), false);
    for quick in [false, true] {
        for compressed in [false, true] {
            let (verdict, faults) = within(large_blocks(compressed), quick);
            assert!(matches!(verdict, Verdict::Cut(_)), "{faults:?}");
        }
        let (refused, _) = result(large_list(), quick);
        assert!(matches!(refused, Err(VerifyError::TooLarge { bytes: 0x400_0000 })), "{refused:?}");
        // Lists that real packages have, and one that is as long as is looked at.
        for (datasets, snapshots) in [(10_000, 1), (100, 300), (100, 900), (1, 100_000)] {
            let (verdict, faults) = result(many_snapshots(datasets, snapshots), quick);
            let is_read = matches!(verdict, Ok(Verdict::Cut(_)));
            assert!(is_read, "{datasets} of {snapshots}: {verdict:?} {faults:?}");
        }
        for format in [Format::Text, Format::Json] {
            let options = DumpOptions::default().with_format(format).with_verify(!quick);
            for source in
                [Box::new(large_list()) as Box<dyn Read>, Box::new(many_snapshots(100, 900))]
            {
                let dumped = within_most(|| dump(source, &mut io::sink(), &options));
                assert!(dumped.is_ok(), "{dumped:?}");
            }
        }
        let (verdict, faults) = within(many_streams(200_000), quick);
        assert!(matches!(verdict, Verdict::Cut(_)), "{faults:?}");
    }
}
