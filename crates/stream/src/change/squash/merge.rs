//! Streams side by side, by the numbers of their objects.

use super::super::error::ChangeError;
use super::super::packet::Packet;
use super::super::source::{BATCH_BYTES, BATCH_RECORDS, Batch, Batches};
use super::heads::{self, MergedHead};
use super::object::{self, Layer, MergedObject, Started};
use super::side::{Side, Told, strange};
use crate::dnode::slots;
use zsend_records::bytes::Bytes;
use zsend_records::drr::{
    End, Free, FreeObjects, OBJECT_END, Object, RECORD_SIZE, Spill, Write, WriteEmbedded,
};
use zsend_records::reader::Record;
use zsend_records::sizes::DNODES_PER_BLOCK;
use zsend_records::zerocopy::FromZeros;
use zsend_records::zerocopy::byteorder::LE;

/// One stream of several.
#[derive(Debug)]
pub(super) struct Merge {
    head: MergedHead,
    sides: Vec<Side>,
    /// Numbers that each side has told of at once.
    runs: Vec<NumberRun>,
    /// Number of the next object.
    number: u64,
    object: Option<MergedObject>,
    out: MergedRecords,
    is_over: bool,
}

/// Numbers that one record tells of.
#[derive(Clone, Copy, Debug, Default)]
struct NumberRun {
    /// Number behind the last.
    end: u64,
    is: Is,
}

/// Word of a stream on a number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Is {
    /// Nothing is there.
    #[default]
    Free,
    /// A slot of the object before it.
    Slot,
}

impl Merge {
    /// Reads the BEGINs; `None` if there is no stream.
    pub(super) fn new(given: Vec<Side>) -> Result<Option<Self>, ChangeError> {
        let mut sides = Vec::with_capacity(given.len());
        for mut side in given {
            if side.peek()?.is_some() {
                sides.push(side);
            }
        }
        let Some(head) = heads::take(&mut sides)? else { return Ok(None) };
        let mut out = MergedRecords::new(&head);
        out.packets.push(head.packet.clone());
        let runs = vec![NumberRun::default(); sides.len()];
        Ok(Some(Self { head, sides, runs, number: 0, object: None, out, is_over: false }))
    }

    /// Goes on by one number of an object, by several of which the same is to be said, or within an object.
    fn step(&mut self) -> Result<(), ChangeError> {
        if let Some(object) = &mut self.object {
            if !object.step(&mut self.sides, self.head.marks_spill, &mut self.out)? {
                self.object = None;
            }
            return Ok(());
        }
        // What each side says of this number; where one says something else.
        let number = self.number;
        let mut next = None;
        let mut told_last = None;
        let mut objects = Vec::new();
        for (at, side) in self.sides.iter_mut().enumerate() {
            let Some(run) = self.runs.get_mut(at) else { continue };
            if let Some(&Told::Freed(first, end)) = side.told()?
                && first == number
            {
                side.take_told();
                *run = NumberRun { end, is: Is::Free };
            }
            let coming = match side.told()? {
                Some(Told::Object(told)) => Some(told.object.object.get()),
                Some(Told::Freed(first, _)) => Some(*first),
                None => None,
            };
            if coming == Some(number) {
                if let Some(Told::Object(allocated)) = side.take_told() {
                    let end = number.saturating_add(slots(&allocated.object));
                    *run = NumberRun { end, is: Is::Slot };
                    let large = self.head.large.get(at).copied().unwrap_or_default();
                    objects.push(Layer { side: at, large, allocated });
                }
                continue;
            }
            let running = (run.end > number).then_some(*run);
            told_last = running.map(|run| (at, run.is)).or(told_last);
            let turns = [coming, running.map(|run| run.end)];
            next = turns.into_iter().flatten().chain(next).min();
        }
        self.check_slots(number, &objects, told_last)?;
        if !objects.is_empty() {
            self.number += 1;
            return self.one(number, objects, told_last);
        }
        let Some(next) = next else { return self.end() };
        let base = if self.head.is_full && number > 0 { Some(Is::Free) } else { None };
        if told_last.map(|(_, is)| is).or(base) == Some(Is::Free) {
            self.out.free_objects(number, next);
        } else if self.head.is_full && number == 0 && told_last.is_none() && next > 1 {
            self.out.free_objects(1, next);
        }
        self.number = next;
        Ok(())
    }

    /// Refuses what a later stream says of a slot of an object that is still there: no receiver takes it.
    ///
    /// Source: OpenZFS `module/zfs/dmu_recv.c`, `receive_object()` and `receive_freeobjects()`, EEXIST, zfs-2.3.2.
    fn check_slots(
        &self,
        number: u64,
        objects: &[Layer],
        told: Option<(usize, Is)>,
    ) -> Result<(), ChangeError> {
        let is_slot = |run: &NumberRun| run.is == Is::Slot && run.end > number;
        let here = |side: usize| objects.iter().any(|layer| layer.side == side);
        let mut runs = self.runs.iter().enumerate();
        let Some((owner, _)) = runs.rfind(|(side, run)| is_slot(run) && !here(*side)) else {
            return Ok(());
        };
        let object = objects.iter().find(|layer| layer.side > owner);
        let is_free = told.is_some_and(|(side, is)| is == Is::Free && side > owner);
        let origin = match object {
            Some(layer) => &layer.allocated.packet.origin,
            None if is_free => &self.head.packet.origin,
            None => return Ok(()),
        };
        let why =
            "a stream tells of it, and in one before it is a slot of an object that is still there";
        Err(ChangeError::contents(origin, format!("object {number}"), why))
    }

    /// Takes an object that some sides have, where another may have said later that there is none.
    fn one(
        &mut self,
        number: u64,
        mut objects: Vec<Layer>,
        told: Option<(usize, Is)>,
    ) -> Result<(), ChangeError> {
        let counts = objects
            .iter()
            .position(|layer| told.is_none_or(|(at, _)| at < layer.side))
            .unwrap_or(objects.len());
        // Slots of an object that is no more are free, unless a later stream says something else.
        let last = objects.get(counts..).and_then(<[Layer]>::last).map(|layer| layer.side);
        for layer in objects.iter().filter(|layer| Some(layer.side) != last) {
            if let Some(run) = self.runs.get_mut(layer.side) {
                run.is = Is::Free;
            }
        }
        let dropped: Vec<usize> = objects.drain(..counts).map(|layer| layer.side).collect();
        if objects.is_empty() && told.is_some_and(|(_, is)| is == Is::Free) {
            self.out.free_objects(number, number.saturating_add(1));
        }
        let is_new = self.head.is_full || told.is_some();
        self.skip(number, &dropped)?;
        if let Some(Started { object, dropped }) = object::start(objects, is_new, &mut self.out)? {
            self.skip(number, &dropped)?;
            self.object = Some(object);
        }
        Ok(())
    }

    fn skip(&mut self, number: u64, sides: &[usize]) -> Result<(), ChangeError> {
        for &side in sides {
            if let Some(side) = self.sides.get_mut(side) {
                side.skip(number)?;
            }
        }
        Ok(())
    }

    /// Takes the ENDs.
    fn end(&mut self) -> Result<(), ChangeError> {
        if self.head.is_full {
            // A full stream tells of all slots of the last block of dnodes.
            let end = self.number.checked_next_multiple_of(DNODES_PER_BLOCK).unwrap_or(self.number);
            if end > self.number.max(1) {
                self.out.free_objects(self.number.max(1), end);
            }
        }
        let mut last = None;
        for side in &mut self.sides {
            let Some(packet) = side.pop()? else { continue };
            if packet.header.body_as::<End<LE>>().is_none() {
                return Err(strange(&packet));
            }
            if let Some(behind) = side.peek()? {
                let why = "there is another stream behind it in the file: each has to be a file of its own";
                return Err(ChangeError::refused(&behind.origin, why));
            }
            last = Some(packet);
        }
        self.out.flush_objects();
        if let Some(end) = last {
            self.out.put(end);
        }
        self.is_over = true;
        Ok(())
    }
}

impl Batches for Merge {
    fn next_batch(&mut self) -> Batch {
        let mut fault = None;
        while fault.is_none() && !self.is_over && !self.out.is_full() {
            fault = self.step().err();
        }
        self.is_over |= fault.is_some();
        let bytes = std::mem::take(&mut self.out.bytes);
        let packets = std::mem::take(&mut self.out.packets);
        Batch { packets, fault, is_last: self.is_over, is_large: bytes > BATCH_BYTES }
    }

    fn share(&mut self, _inputs: u64) {
        // Its inputs share already, and their first batches were asked for.
    }
}

/// Records of the merged stream; of what is free, one is held back, as more may come of the same.
#[derive(Debug)]
pub(super) struct MergedRecords {
    packets: Vec<Packet>,
    bytes: u64,
    /// Template of records that no input has.
    template: Packet,
    toguid: u64,
    /// Free objects, from the first to before the last.
    objects: Option<(u64, u64)>,
    /// A hole: object, and from where to where.
    hole: Option<(u64, u64, u64)>,
}

impl MergedRecords {
    fn new(head: &MergedHead) -> Self {
        Self {
            packets: Vec::new(),
            bytes: 0,
            template: head.packet.clone(),
            toguid: head.toguid,
            objects: None,
            hole: None,
        }
    }

    fn is_full(&self) -> bool {
        self.packets.len() >= BATCH_RECORDS || self.bytes >= BATCH_BYTES
    }

    /// Gives a record, as one of the last snapshot.
    pub(super) fn put(&mut self, mut packet: Packet) {
        self.flush_objects();
        self.flush_free();
        let toguid = self.toguid.into();
        match packet.record() {
            Record::Object(_) => packet.body_mut().map(|o: &mut Object<LE>| o.toguid = toguid),
            Record::Write(_) => packet.body_mut().map(|w: &mut Write<LE>| w.toguid = toguid),
            Record::WriteEmbedded(_) => {
                packet.body_mut().map(|w: &mut WriteEmbedded<LE>| w.toguid = toguid)
            }
            Record::Spill(_) => packet.body_mut().map(|s: &mut Spill<LE>| s.toguid = toguid),
            Record::End(_) => packet.body_mut().map(|e: &mut End<LE>| e.toguid = toguid),
            Record::Begin(_)
            | Record::FreeObjects(_)
            | Record::Free(_)
            | Record::WriteByref(_)
            | Record::ObjectRange(_)
            | Record::Redact(_)
            | Record::Unknown(_) => None,
        };
        self.push(packet);
    }

    fn push(&mut self, packet: Packet) {
        let logical = match packet.record() {
            Record::Write(write) => write.logical_size.get().min(BATCH_BYTES),
            _ => 0,
        };
        self.bytes += RECORD_SIZE as u64 + logical.max(packet.payload().len() as u64);
        self.packets.push(packet);
    }

    /// Says that objects are free, from this one to before that.
    fn free_objects(&mut self, first: u64, end: u64) {
        match &mut self.objects {
            Some((_, before)) if *before == first => *before = end,
            _ => {
                self.flush_objects();
                self.objects = Some((first, end));
            }
        }
    }

    fn flush_objects(&mut self) {
        let Some((first, end)) = self.objects.take() else { return };
        let mut free = FreeObjects::new_zeroed();
        free.firstobj = first.into();
        free.numobjs = end.saturating_sub(first).into();
        free.toguid = self.toguid.into();
        self.push(self.template.with(&free, Bytes::new()));
    }

    /// Says that an object has a hole, from here to there.
    pub(super) fn free(&mut self, object: u64, start: u64, until: u64) {
        if start >= until {
            return;
        }
        match &mut self.hole {
            Some((of, _, before)) if *of == object && *before == start => *before = until,
            _ => {
                self.flush_free();
                self.hole = Some((object, start, until));
            }
        }
    }

    /// Gives the hole that is held back.
    pub(super) fn flush_free(&mut self) {
        let Some((object, start, until)) = self.hole.take() else { return };
        let mut free = Free::new_zeroed();
        (free.object, free.offset) = (object.into(), start.into());
        let length = if until == OBJECT_END { OBJECT_END } else { until.saturating_sub(start) };
        (free.length, free.toguid) = (length.into(), self.toguid.into());
        self.push(self.template.with(&free, Bytes::new()));
    }
}
