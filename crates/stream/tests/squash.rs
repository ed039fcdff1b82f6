//! Streams that follow one another, as one: a receiver has the same of it.
//!
//! The receiver of these tests is a plain one, which knows nothing of `squash`: a map of objects, each a map of blocks.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod support;

use std::collections::BTreeMap;
use std::io::Cursor;
use support::random::Random;
use support::{records, right, streams, verified};
use zsend_records::Order;
use zsend_records::drr::{
    Begin, Free, FreeObjects, MAGIC, OBJECT_END, Object, RecordType, ReplayRecord, Spill, Write,
};
use zsend_records::flags::{BeginFlags, Features, HeaderType, RecordFlags, VersionInfo};
use zsend_records::reader::Record;
use zsend_records::types::Checksum;
use zsend_records::writer::StreamWriter;
use zsend_records::zerocopy::FromZeros;
use zsend_records::zerocopy::byteorder::LE;
use zsend_stream::change::{ChangeError, Given, Source, Verb, change};
use zsend_stream::verify::{Verdict, VerifyOptions};

/// Numbers of objects that the streams of these tests tell of: four blocks of dnodes.
const NUMBERS: u64 = 128;

#[derive(Clone, Debug, PartialEq, Eq)]
struct File {
    blksz: u32,
    slots: u8,
    bonus: Vec<u8>,
    blocks: BTreeMap<u64, Vec<u8>>,
    spill: Option<Vec<u8>>,
}

type State = BTreeMap<u64, File>;

/// Receives a stream. Source: OpenZFS `module/zfs/dmu_recv.c`, zfs-2.3.2.
fn receive(state: &mut State, stream: &[u8]) {
    for record in records(stream) {
        match record.record() {
            Record::Object(o) => {
                let number = o.object.get();
                for slot in 1..u64::from(o.dn_slots) {
                    state.remove(&(number + slot));
                }
                let has_spill = o.flags().contains(RecordFlags::OBJECT_SPILL);
                let was = state.remove(&number);
                let was = was.filter(|was| was.slots == o.dn_slots);
                let (blocks, spill) = match was {
                    Some(was) if was.blksz == o.blksz.get() => (was.blocks, was.spill),
                    // The blocks are freed, and the spill block is kept.
                    Some(was) => (BTreeMap::new(), was.spill),
                    None => Default::default(),
                };
                let file = File {
                    blksz: o.blksz.get(),
                    slots: o.dn_slots,
                    bonus: record.payload.to_vec(),
                    blocks,
                    spill: spill.filter(|_| has_spill),
                };
                state.insert(number, file);
            }
            Record::FreeObjects(f) => {
                let (first, end) = (f.firstobj.get(), f.firstobj.get() + f.numobjs.get());
                state.retain(|&number, _| !(first..end).contains(&number));
            }
            Record::Free(f) => {
                let end = f.offset.get().saturating_add(f.length.get());
                let file = state.get_mut(&f.object.get()).unwrap();
                file.blocks.retain(|&offset, _| !(f.offset.get()..end).contains(&offset));
            }
            Record::Write(w) => {
                let file = state.get_mut(&w.object.get()).unwrap();
                file.blocks.insert(w.offset.get(), record.payload.to_vec());
            }
            Record::Spill(s) => {
                let file = state.get_mut(&s.object.get()).unwrap();
                if !s.flags().contains(RecordFlags::SPILL_UNMODIFIED) {
                    file.spill = Some(record.payload.to_vec());
                }
                assert!(file.spill.is_some());
            }
            Record::Begin(_) | Record::End(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

/// Makes the next stream of a chain, from what its receiver has.
struct Sender {
    random: Random,
    writer: StreamWriter<Vec<u8>>,
    toguid: u64,
    is_full: bool,
    /// Objects of a block of dnodes are told of before the data of the first, as illumos sends.
    ahead: bool,
    later: Vec<(ReplayRecord<LE>, Vec<u8>)>,
}

impl Sender {
    fn stream(seed: u64, from: u64, to: u64, state: &State) -> Vec<u8> {
        let mut begin = Begin::<LE>::new_zeroed();
        (begin.magic, begin.objset_type) = (MAGIC.into(), 2.into());
        (begin.fromguid, begin.toguid) = (from.into(), to.into());
        let features = Features::LARGE_DNODE | Features::SA_SPILL;
        begin.versioninfo = VersionInfo::new(HeaderType::SUBSTREAM, features).0.into();
        begin.flags = (BeginFlags::FREERECORDS | BeginFlags::SPILL_BLOCK).bits().into();
        begin.toname[..6].copy_from_slice(b"tank@a");
        let mut writer = StreamWriter::new(Vec::new());
        writer.record(ReplayRecord::new(&begin), &[]).unwrap();
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let ahead = random.below(2) == 0;
        let is_full = from == 0;
        let mut sender = Self { random, writer, toguid: to, is_full, ahead, later: Vec::new() };
        for block in 0..NUMBERS / 32 {
            if is_full || sender.random.below(3) > 0 {
                sender.block(block * 32, state);
            }
        }
        sender.writer.end(to).unwrap();
        sender.writer.into_inner().unwrap()
    }

    /// Tells of every object of a block of dnodes.
    fn block(&mut self, first: u64, state: &State) {
        let mut number = first.max(1);
        while number < first + 32 {
            match self.random.below(4) {
                // No sender leaves one out of a block of dnodes that has changed, but some record may be dropped.
                3 if !self.is_full => {
                    number += state.get(&number).map_or(1, |file| file.slots.into());
                }
                0 => {
                    let most = usize::try_from(first + 32 - number).unwrap();
                    let count = 1 + self.random.below(most.min(6)) as u64;
                    let mut free = FreeObjects::<LE>::new_zeroed();
                    (free.firstobj, free.numobjs) = (number.into(), count.into());
                    free.toguid = self.toguid.into();
                    self.now(ReplayRecord::new(&free), &[]);
                    number += count;
                }
                _ => number += self.object(number, first + 32 - number, state.get(&number)),
            }
        }
        for (header, payload) in std::mem::take(&mut self.later) {
            self.now(header, &payload);
        }
    }

    fn now(&mut self, header: ReplayRecord<LE>, payload: &[u8]) {
        self.writer.record(header, payload).unwrap();
    }

    fn later(&mut self, header: ReplayRecord<LE>, payload: Vec<u8>) {
        if self.ahead {
            self.later.push((header, payload));
        } else {
            self.now(header, &payload);
        }
    }

    /// Tells of an object; gives its slots.
    fn object(&mut self, number: u64, room: u64, had: Option<&File>) -> u64 {
        let had = had.filter(|_| self.random.below(4) > 0);
        let (blksz, slots) = match had {
            Some(had) if self.random.below(4) == 0 => (had.blksz ^ 1536, had.slots),
            Some(had) => (had.blksz, had.slots),
            None => (512 << self.random.below(2), 1 + u8::from(self.random.below(4) == 0)),
        };
        let slots = if u64::from(slots) > room { 1 } else { slots };
        let kept = had.filter(|had| had.slots == slots);
        let mut object = Object::<LE>::new_zeroed();
        (object.object, object.toguid) = (number.into(), self.toguid.into());
        (object.object_type, object.bonustype) = (19.into(), 44.into());
        (object.blksz, object.bonuslen, object.dn_slots) = (blksz.into(), 168.into(), slots);
        // The spill block: none, another one, or the one that there was.
        let spill = self.random.below(4);
        let same = kept.and_then(|had| had.spill.clone()).filter(|_| !self.is_full && spill > 1);
        if spill == 1 || same.is_some() {
            object.flags = RecordFlags::OBJECT_SPILL.bits();
        }
        let bonus = self.bytes(168);
        self.now(ReplayRecord::new(&object), &bonus);
        let blocks = self.random.below(6) as u64;
        let end = blocks * u64::from(blksz);
        self.free(number, end, OBJECT_END, true);
        if let Some(same) = &same {
            self.spill(number, same.clone(), RecordFlags::SPILL_UNMODIFIED, true);
        }
        for at in 0..blocks {
            let offset = at * u64::from(blksz);
            match self.random.below(3) {
                0 => self.free(number, offset, blksz.into(), false),
                // An increment does not tell of what has not changed.
                1 if !self.is_full => {}
                _ => self.write(number, offset, blksz),
            }
        }
        if object.flags != 0 && same.is_none() {
            let bytes = self.bytes(512);
            self.spill(number, bytes, RecordFlags::empty(), false);
        }
        slots.into()
    }

    fn bytes(&mut self, len: usize) -> Vec<u8> {
        vec![u8::try_from(self.random.below(256)).unwrap(); len]
    }

    fn free(&mut self, object: u64, offset: u64, length: u64, is_end: bool) {
        let mut free = Free::<LE>::new_zeroed();
        (free.object, free.toguid) = (object.into(), self.toguid.into());
        (free.offset, free.length) = (offset.into(), length.into());
        let header = ReplayRecord::new(&free);
        if is_end { self.now(header, &[]) } else { self.later(header, Vec::new()) }
    }

    fn write(&mut self, object: u64, offset: u64, blksz: u32) {
        let mut write = Write::<LE>::new_zeroed();
        (write.object, write.toguid) = (object.into(), self.toguid.into());
        (write.offset, write.logical_size) = (offset.into(), u64::from(blksz).into());
        (write.object_type, write.checksumtype) = (19.into(), Checksum::OFF.0);
        let bytes = self.bytes(usize::try_from(blksz).unwrap());
        self.later(ReplayRecord::new(&write), bytes);
    }

    fn spill(&mut self, object: u64, bytes: Vec<u8>, flags: RecordFlags, at_once: bool) {
        let mut spill = Spill::<LE>::new_zeroed();
        (spill.object, spill.toguid) = (object.into(), self.toguid.into());
        (spill.length, spill.flags) = ((bytes.len() as u64).into(), flags.bits());
        let header = ReplayRecord::new(&spill);
        if at_once { self.now(header, &bytes) } else { self.later(header, bytes) }
    }
}

/// A full stream and increments, each with what a receiver has behind it.
fn chain(seed: u64, increments: u64) -> Vec<(Vec<u8>, State)> {
    let mut state = State::new();
    (0..=increments)
        .map(|at| {
            let stream = Sender::stream(seed * 16 + at + 1, at, at + 1, &state);
            receive(&mut state, &stream);
            (stream, state.clone())
        })
        .collect()
}

fn squashed(streams: &[&[u8]]) -> (Vec<u8>, Result<(), ChangeError>) {
    let sources = streams.iter().enumerate().map(|(at, stream)| {
        Source::of_reader(&format!("stream {at}"), Cursor::new(stream.to_vec())).unwrap()
    });
    let step = (Verb::named("squash").unwrap().make)(&Given::default()).unwrap();
    let mut out = Vec::new();
    let done = change(sources.collect(), vec![step], &mut out, |_| {});
    (out, done.map(drop))
}

fn refused(streams: &[&[u8]]) -> ChangeError {
    squashed(streams).1.unwrap_err()
}

fn whole(streams: &[&[u8]], name: &str) -> Vec<u8> {
    let (out, done) = squashed(streams);
    assert!(done.is_ok(), "{name}: {}", done.unwrap_err());
    let (outcome, faults) = verified(&out, &VerifyOptions::default());
    let fault = faults.first().map(ToString::to_string);
    assert_eq!(outcome.verdict, Verdict::Whole, "{name}: {fault:?}");
    out
}

#[test]
fn a_receiver_has_the_same_of_the_one_as_of_the_many() {
    let (mut files, mut blocks, mut spills) = (0, 0, 0);
    for seed in 0..150 {
        let increments = 1 + seed % 4;
        let chain = chain(seed, increments);
        for (stream, _) in &chain {
            let (outcome, faults) = verified(stream, &VerifyOptions::default());
            assert_eq!(outcome.verdict, Verdict::Whole, "{seed}: {:?}", faults.first());
        }
        let streams: Vec<&[u8]> = chain.iter().map(|(stream, _)| &stream[..]).collect();
        let (_, last) = chain.last().unwrap();
        let full = whole(&streams, &format!("seed {seed}"));
        let mut state = State::new();
        receive(&mut state, &full);
        assert_eq!(&state, last, "seed {seed}, full");
        // Of increments alone, on what the first stream left.
        let increment = whole(&streams[1..], &format!("seed {seed}, increments"));
        let mut state = chain[0].1.clone();
        receive(&mut state, &increment);
        assert_eq!(&state, last, "seed {seed}, increments");
        // And both of these.
        let both = whole(&[streams[0], &increment], &format!("seed {seed}, twice"));
        assert!(both == full, "seed {seed}: by way of one increment");
        files += last.len();
        blocks += last.values().map(|file| file.blocks.len()).sum::<usize>();
        spills += last.values().filter(|file| file.spill.is_some()).count();
    }
    assert!(files > 1000 && blocks > 1000 && spills > 100, "{files} {blocks} {spills}");
}

#[test]
fn one_stream_alone_tells_the_same() {
    for (name, stream) in streams() {
        let (out, done) = squashed(&[&stream]);
        if let Err(error) = done {
            assert!(matches!(error, ChangeError::Refused { .. }), "{name}: {error}");
            continue;
        }
        let data = |stream: &[u8]| {
            let all = records(stream).into_iter();
            let frees = [RecordType::FREE, RecordType::FREEOBJECTS, RecordType::END];
            let rest = all.filter(|r| !frees.contains(&r.header.record_type()));
            rest.map(|record| (record.header.body, record.payload)).collect::<Vec<_>>()
        };
        assert!(data(&out) == data(&stream), "{name}");
    }
}

#[test]
fn the_head_is_that_of_the_last_from_where_the_first_starts() {
    let chain = chain(3, 3);
    let all: Vec<&[u8]> = chain.iter().map(|(stream, _)| &stream[..]).collect();
    let guids = |stream: &[u8]| match records(stream)[0].record() {
        Record::Begin(begin) => (begin.fromguid.get(), begin.toguid.get()),
        _ => panic!(),
    };
    assert_eq!(guids(&whole(&all, "full")), (0, 4));
    assert_eq!(guids(&whole(&all[1..], "increments")), (1, 4));
    assert_eq!(guids(&whole(&all[2..3], "one")), (2, 3));
}

#[test]
fn what_does_not_follow_is_refused_by_name() {
    let chain = chain(5, 2);
    let [full, first, second] = [0, 1, 2].map(|at| &chain[at].0[..]);
    let gap = refused(&[full, second]);
    assert!(matches!(gap, ChangeError::Base { from: 2, have: Some(1), .. }), "{gap}");
    assert!(gap.to_string().contains("stream 1"), "{gap}");
    assert!(refused(&[first, full]).to_string().contains("full stream"));
    assert!(refused(&[full, first, first]).to_string().contains("starts from guid 1"));
    let two = [full, first].concat();
    assert!(refused(&[&two]).to_string().contains("another stream"));
    let dedup = right(Order::Little);
    assert!(refused(&[&dedup]).to_string().contains("zsend redup"));
    let mut raw = 0;
    for (name, stream) in streams().iter().filter(|(name, _)| name.contains("raw")) {
        assert!(refused(&[stream]).to_string().contains("raw"), "{name}");
        raw += 1;
    }
    assert!(raw > 0);
    // Behind another step the streams come one after the other.
    let make = |name: &str| (Verb::named(name).unwrap().make)(&Given::default()).unwrap();
    let source = Source::of_reader("in", Cursor::new(full.to_vec())).unwrap();
    let steps = vec![make("decompress"), make("squash")];
    let error = change(vec![source], steps, Vec::new(), |_| {}).unwrap_err();
    assert!(error.to_string().contains("first step"), "{error}");
}

/// A stream of objects without data: number and slots of each.
fn of_objects(from: u64, objects: &[(u64, u8)]) -> Vec<u8> {
    let mut begin = Begin::<LE>::new_zeroed();
    (begin.magic, begin.objset_type) = (MAGIC.into(), 2.into());
    (begin.fromguid, begin.toguid) = (from.into(), (from + 1).into());
    begin.versioninfo = VersionInfo::new(HeaderType::SUBSTREAM, Features::LARGE_DNODE).0.into();
    let mut writer = StreamWriter::new(Vec::new());
    writer.record(ReplayRecord::new(&begin), &[]).unwrap();
    for &(number, slots) in objects {
        let mut object = Object::<LE>::new_zeroed();
        (object.object, object.object_type) = (number.into(), 19.into());
        (object.blksz, object.dn_slots) = (512.into(), slots);
        writer.record(ReplayRecord::new(&object), &[]).unwrap();
    }
    writer.end(from + 1).unwrap();
    writer.into_inner().unwrap()
}

#[test]
fn slots_are_of_one_object() {
    let full = of_objects(0, &[(1, 2), (3, 1)]);
    // An object of two slots takes that of another, and the slot of that is free.
    let out = squashed(&[&full, &of_objects(1, &[(2, 2)])]);
    assert!(out.1.unwrap_err().to_string().contains("object 2"));
    let out = squashed(&[&of_objects(0, &[(2, 2)]), &of_objects(1, &[(1, 2)])]);
    assert!(out.1.is_ok());
    let said: Vec<_> = records(&out.0)
        .iter()
        .filter_map(|record| match record.record() {
            Record::Object(o) => Some((o.object.get(), u64::from(o.dn_slots))),
            Record::FreeObjects(f) => Some((f.firstobj.get(), f.numobjs.get())),
            _ => None,
        })
        .collect();
    assert_eq!(said, [(1, 2), (3, 29)]);
}

#[test]
fn of_a_cut_stream_the_beginning_is_written() {
    let chain = chain(7, 2);
    let all: Vec<&[u8]> = chain.iter().map(|(stream, _)| &stream[..]).collect();
    let full = whole(&all, "full");
    for at in 0..all.len() {
        let mut cut = all.clone();
        cut[at] = &all[at][..all[at].len() / 2];
        let (out, done) = squashed(&cut);
        let error = done.unwrap_err();
        assert!(matches!(error, ChangeError::Damaged { .. }), "{error}");
        assert!(error.to_string().contains(&format!("stream {at}")), "{error}");
        assert!(!out.is_empty() && full.starts_with(&out), "stream {at} cut");
    }
}
