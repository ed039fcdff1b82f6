//! One of the streams that are merged: what it says of objects, and their data, each when it is asked for.

use super::super::error::ChangeError;
use super::super::packet::Packet;
use super::super::source::{Batch, ChangeInput};
use super::aside::Aside;
use crate::dnode::slots;
use std::collections::VecDeque;
use zsend_records::drr::{Free, OBJECT_END, Object, Spill};
use zsend_records::flags::RecordFlags;
use zsend_records::reader::Record;
use zsend_records::sizes::DNODES_PER_BLOCK;
use zsend_records::zerocopy::byteorder::LE;

/// Word of a stream on the number of an object, or on several.
#[derive(Debug)]
pub(super) enum Told {
    /// Nothing is there, from the first to before the last.
    Freed(u64, u64),
    /// An object.
    Object(Box<Allocated>),
}

/// An object as one stream has it.
#[derive(Debug)]
pub(super) struct Allocated {
    /// The record.
    pub(super) packet: Packet,
    /// Its fields.
    pub(super) object: Object<LE>,
    /// Offset from which on it has nothing, of the FREE behind it.
    pub(super) end: Option<u64>,
    /// Its spill block, if the stream says that it has not changed.
    pub(super) spill: Option<Packet>,
}

/// Next piece of an object's data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DataSpan {
    /// A block, from here to there.
    Block(u64, u64),
    /// A hole, from here to there; to [`OBJECT_END`] is to the end.
    Hole(u64, u64),
    /// The spill block.
    Spill,
}

impl DataSpan {
    /// Offset behind it.
    pub(super) const fn end(self) -> u64 {
        match self {
            Self::Block(_, end) | Self::Hole(_, end) => end,
            Self::Spill => u64::MAX,
        }
    }
}

/// A stream that is read as its records are asked for.
#[derive(Debug)]
pub(super) struct Side {
    source: ChangeInput,
    /// Records that were read.
    packets: VecDeque<Packet>,
    /// The payload of one of them, if it is large.
    aside: Aside,
    batch: Batch,
    /// Words on objects that were read and are not taken yet: of one block of dnodes, if it is more than one.
    told: VecDeque<Told>,
    /// Least number that the next object may have.
    next_number: u64,
    /// Object whose data came last, and the offset behind them.
    last: (u64, u64),
}

impl Side {
    pub(super) fn new(source: ChangeInput, aside: Aside) -> Self {
        Self {
            source,
            packets: VecDeque::new(),
            aside,
            batch: Batch::default(),
            told: VecDeque::new(),
            next_number: 0,
            last: (0, 0),
        }
    }

    /// The next record, which stays where it is; its payload may wait elsewhere.
    pub(super) fn peek(&mut self) -> Result<Option<&Packet>, ChangeError> {
        while self.packets.is_empty() {
            if let Some(fault) = self.batch.fault.take() {
                return Err(fault);
            }
            if self.batch.is_last {
                return Ok(None);
            }
            self.batch = self.source.next_batch();
            for mut packet in std::mem::take(&mut self.batch.packets) {
                self.aside.put(&mut packet)?;
                self.packets.push_back(packet);
            }
        }
        Ok(self.packets.front())
    }

    /// Takes the next record.
    pub(super) fn pop(&mut self) -> Result<Option<Packet>, ChangeError> {
        self.peek()?;
        self.take()
    }

    /// Takes the record that [`Self::peek`] gave, with its payload.
    fn take(&mut self) -> Result<Option<Packet>, ChangeError> {
        let mut packet = self.packets.pop_front();
        if let Some(packet) = &mut packet {
            self.aside.give_back(packet)?;
        }
        Ok(packet)
    }

    /// Next word of the stream on objects, if it says anything more. The data of those before were taken.
    pub(super) fn told(&mut self) -> Result<Option<&Told>, ChangeError> {
        while self.told.is_empty() {
            if self.read_told(None)? {
                continue;
            }
            let Some(packet) = self.peek()? else { break };
            match packet.record() {
                Record::End(_) => break,
                Record::Write(_)
                | Record::WriteEmbedded(_)
                | Record::Free(_)
                | Record::Spill(_) => {
                    return Err(out_of_order(packet));
                }
                Record::Begin(_)
                | Record::Object(_)
                | Record::FreeObjects(_)
                | Record::WriteByref(_)
                | Record::ObjectRange(_)
                | Record::Redact(_)
                | Record::Unknown(_) => return Err(strange(packet)),
            }
        }
        Ok(self.told.front())
    }

    /// Takes what [`Self::told`] gave.
    pub(super) fn take_told(&mut self) -> Option<Told> {
        self.told.pop_front()
    }

    /// Reads what comes next if it is an OBJECT or a FREEOBJECTS, of one block of dnodes if that is asked for; says if
    /// it was.
    fn read_told(&mut self, block: Option<u64>) -> Result<bool, ChangeError> {
        let least = self.next_number;
        let Some(packet) = self.peek()? else { return Ok(false) };
        let (first, number) = match packet.record() {
            Record::Object(object) => (object.object.get(), slots(object)),
            Record::FreeObjects(free) => (free.firstobj.get(), free.numobjs.get()),
            Record::Begin(_)
            | Record::Write(_)
            | Record::Free(_)
            | Record::End(_)
            | Record::WriteByref(_)
            | Record::Spill(_)
            | Record::WriteEmbedded(_)
            | Record::ObjectRange(_)
            | Record::Redact(_)
            | Record::Unknown(_) => return Ok(false),
        };
        // Runs of none may stand anywhere: senders of before OpenZFS 2.0 write them.
        if number > 0 && block.is_some_and(|block| first / DNODES_PER_BLOCK != block) {
            return Ok(false);
        }
        let is_object = packet.header.body_as::<Object<LE>>().is_some();
        let end = first.checked_add(number);
        let end = end.filter(|_| {
            !is_object || (first > 0 && first % DNODES_PER_BLOCK + number <= DNODES_PER_BLOCK)
        });
        let Some(end) = end.filter(|&end| number == 0 || (first >= least && end > first)) else {
            let why = format!(
                "objects {first} and up, {number} of them, came where objects from {least} on may, and an object lies \
                 in one block of dnodes"
            );
            return Err(ChangeError::contents(&packet.origin, "order of objects", why));
        };
        let Some(packet) = self.take()? else { return Ok(false) };
        if number == 0 {
            return Ok(true);
        }
        self.next_number = end;
        let told = match packet.header.body_as::<Object<LE>>().copied() {
            None => Told::Freed(first, end),
            Some(object) => {
                let end = self.end_of(first)?;
                let spill = self.unmodified_spill(first)?;
                Told::Object(Box::new(Allocated { packet, object, end, spill }))
            }
        };
        self.told.push_back(told);
        Ok(true)
    }

    /// Takes the FREE that comes right behind an OBJECT, and says what is the end of the object.
    fn end_of(&mut self, object: u64) -> Result<Option<u64>, ChangeError> {
        let Some(packet) = self.peek()? else { return Ok(None) };
        let free = packet.header.body_as::<Free<LE>>().copied();
        let free = free.filter(|f| f.object.get() == object && f.length.get() == OBJECT_END);
        if free.is_some() {
            self.packets.pop_front();
        }
        Ok(free.map(|free| free.offset.get()))
    }

    fn unmodified_spill(&mut self, object: u64) -> Result<Option<Packet>, ChangeError> {
        let Some(packet) = self.peek()? else { return Ok(None) };
        let spill = packet.header.body_as::<Spill<LE>>();
        let is_that = spill.is_some_and(|spill| {
            spill.object.get() == object && spill.flags().contains(RecordFlags::SPILL_UNMODIFIED)
        });
        if is_that { self.take() } else { Ok(None) }
    }

    /// Next piece of the data of an object whose OBJECT was taken.
    pub(super) fn data(&mut self, object: u64) -> Result<Option<DataSpan>, ChangeError> {
        // Of a block of dnodes, some senders tell all objects before the data of the first.
        while self.read_told(Some(object / DNODES_PER_BLOCK))? {}
        let (last_object, last_end) = self.last;
        let Some(packet) = self.peek()? else { return Ok(None) };
        let (number, data) = match packet.record() {
            Record::Write(w) => (w.object, block(w.offset.get(), w.logical_size.get())),
            Record::WriteEmbedded(w) => (w.object, block(w.offset.get(), w.length.get())),
            Record::Free(f) => (f.object, hole(f.offset.get(), f.length.get())),
            Record::Spill(spill) => (spill.object, Some(DataSpan::Spill)),
            Record::Object(_) | Record::FreeObjects(_) | Record::End(_) => return Ok(None),
            Record::Begin(_)
            | Record::WriteByref(_)
            | Record::ObjectRange(_)
            | Record::Redact(_)
            | Record::Unknown(_) => return Err(strange(packet)),
        };
        let number = number.get();
        if number != object {
            let packet = packet.clone();
            let is_told = self.told.iter().any(|told| match told {
                Told::Object(told) => told.object.object.get() == number,
                Told::Freed(..) => false,
            });
            return if is_told { Ok(None) } else { Err(out_of_order(&packet)) };
        }
        let Some(data) = data else {
            let why = "its length is 0, or passes 2^64";
            return Err(ChangeError::contents(&packet.origin, format!("object {number}"), why));
        };
        let start = match data {
            DataSpan::Block(start, _) | DataSpan::Hole(start, _) => start,
            DataSpan::Spill => u64::MAX - 1,
        };
        if last_object == number && start < last_end {
            return Err(out_of_order(packet));
        }
        Ok(Some(data))
    }

    /// Takes what [`Self::data`] gave.
    ///
    /// # Errors
    /// Those of a temporary file.
    pub(super) fn take_data(
        &mut self,
        object: u64,
        data: DataSpan,
    ) -> Result<Option<Packet>, ChangeError> {
        self.pass(object, data);
        self.take()
    }

    fn pass(&mut self, object: u64, data: DataSpan) {
        // A spill block comes behind all else, once.
        let end = if data == DataSpan::Spill { u64::MAX } else { data.end().min(u64::MAX - 1) };
        self.last = (object, end);
    }

    /// Passes over what [`Self::data`] gave.
    pub(super) fn drop_data(&mut self, object: u64, data: DataSpan) {
        self.pass(object, data);
        if let Some(packet) = self.packets.pop_front() {
            self.aside.forget(&packet);
        }
    }

    /// Passes over the data of an object.
    pub(super) fn skip(&mut self, object: u64) -> Result<(), ChangeError> {
        while let Some(data) = self.data(object)? {
            self.drop_data(object, data);
        }
        Ok(())
    }
}

fn block(offset: u64, length: u64) -> Option<DataSpan> {
    let end = offset.checked_add(length).filter(|&end| end > offset)?;
    Some(DataSpan::Block(offset, end))
}

fn hole(offset: u64, length: u64) -> Option<DataSpan> {
    let to_end = length == OBJECT_END && offset < OBJECT_END;
    let end = if to_end { Some(OBJECT_END) } else { offset.checked_add(length) };
    Some(DataSpan::Hole(offset, end.filter(|&end| end > offset)?))
}

fn out_of_order(packet: &Packet) -> ChangeError {
    let place = match packet.record() {
        Record::Write(w) => (w.object.get(), w.offset.get()),
        Record::WriteEmbedded(w) => (w.object.get(), w.offset.get()),
        Record::Free(f) => (f.object.get(), f.offset.get()),
        Record::Spill(spill) => (spill.object.get(), u64::MAX),
        Record::Begin(_)
        | Record::Object(_)
        | Record::FreeObjects(_)
        | Record::End(_)
        | Record::WriteByref(_)
        | Record::ObjectRange(_)
        | Record::Redact(_)
        | Record::Unknown(_) => (0, 0),
    };
    let why = "its OBJECT did not come before, or what lies behind it did";
    ChangeError::contents(&packet.origin, format!("object {}, offset {}", place.0, place.1), why)
}

/// A record that no stream has that can be merged.
pub(super) fn strange(packet: &Packet) -> ChangeError {
    let kind = packet.record_type();
    ChangeError::refused(&packet.origin, format!("streams with {kind} here are not merged"))
}
