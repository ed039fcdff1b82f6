//! Chains of streams with random contents, and a plain receiver of them: a map of objects, each a map of blocks.

use super::random::Random;
use super::records;
use std::collections::BTreeMap;
use zsend_records::drr::{
    Begin, Free, FreeObjects, MAGIC, OBJECT_END, Object, ReplayRecord, Spill, Write,
};
use zsend_records::flags::{BeginFlags, Features, HeaderType, RecordFlags, VersionInfo};
use zsend_records::reader::Record;
use zsend_records::types::Checksum;
use zsend_records::writer::StreamWriter;
use zsend_records::zerocopy::FromZeros;
use zsend_records::zerocopy::byteorder::LE;

/// Numbers of objects that the streams of these tests tell of: four blocks of dnodes.
const NUMBERS: u64 = 128;

/// Object as a receiver has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    pub blksz: u32,
    pub slots: u8,
    pub bonus: Vec<u8>,
    pub blocks: BTreeMap<u64, Vec<u8>>,
    pub spill: Option<Vec<u8>>,
}

/// Objects of a receiver, by their numbers.
pub type State = BTreeMap<u64, File>;

/// Receives a stream. Source: OpenZFS `module/zfs/dmu_recv.c`, zfs-2.3.2.
pub fn receive(state: &mut State, stream: &[u8]) {
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
pub fn chain(seed: u64, increments: u64) -> Vec<(Vec<u8>, State)> {
    let mut state = State::new();
    (0..=increments)
        .map(|at| {
            let stream = Sender::stream(seed * 16 + at + 1, at, at + 1, &state);
            receive(&mut state, &stream);
            (stream, state.clone())
        })
        .collect()
}
