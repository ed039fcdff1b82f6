//! Parts on their way out, record by record: what nothing vouches for yet waits.
//!
//! The sum in a header is that of all records from the BEGIN of its stream on. Nothing but the hashes of the parts is there for
//! an END without a sum, as that behind the header of a package is; for what no Fletcher-4 sees, which takes whole words; and for a
//! stream that has no sums at all.

use super::cutter::reading;
use super::manifest::Part;
use crate::input::Gathered;
use std::collections::VecDeque;
use zsend_records::bytes::{Buf, Bytes};
use zsend_records::drr::{RECORD_SIZE, RecordType};
use zsend_records::reader::{Parser, ReaderEvent};

/// Bytes that may wait for a sum: more than the longest record.
const MOST: u64 = 20 << 20;

/// Records that wait until something vouches for them.
#[derive(Debug)]
pub(super) struct Vouched {
    parser: Parser,
    /// Beginning of a header.
    begun: Gathered,
    /// No sum covers some of what came since the last that did.
    is_bare: bool,
    /// Bytes of the whole: the last record waits for its hash.
    length: u64,
    /// Bytes that wait, from `from` on; nothing if all is passed on at once, and only looked at.
    held: Option<VecDeque<Bytes>>,
    from: u64,
}

/// Reason that nothing more is passed on.
#[derive(Debug)]
pub(super) enum StopReason<E> {
    /// A header does not fit.
    Damaged,
    /// A part has other bytes.
    Part(E),
}

impl Vouched {
    /// The beginning of a whole of this length, which is passed on before it is vouched for unless it `waits`.
    pub(super) fn new(length: u64, waits: bool) -> Self {
        Self {
            parser: reading(),
            begun: Gathered::default(),
            is_bare: false,
            length,
            held: waits.then(VecDeque::new),
            from: 0,
        }
    }

    /// The first byte that waits, or that nothing vouches for.
    pub(super) const fn from(&self) -> u64 {
        self.from
    }

    /// Says if a part may begin here: between two records, with the sum that the list has.
    pub(super) fn fits(&self, part: &Part) -> bool {
        let parser = &self.parser;
        let is_border = parser.payload_left() == 0 && self.begun.0.is_empty();
        is_border && (parser.offset(), parser.chain()) == (part.offset, part.chain)
    }

    /// Takes the next bytes, and gives `to` those that something vouches for. `parts` looks at the parts from the one of this byte
    /// to the one that is read: it returns the byte up to which they are whole, and why not further.
    pub(super) fn take<E>(
        &mut self,
        piece: Bytes,
        mut to: impl FnMut(Bytes),
        mut parts: impl FnMut(u64) -> (u64, Result<(), E>),
    ) -> Result<(), StopReason<E>> {
        let mut rest = piece.clone();
        match &mut self.held {
            Some(held) => held.push_back(piece),
            None => to(piece),
        }
        let mut right = self.from;
        loop {
            if self.parser.payload_left() > 0 {
                // Of a payload the parser refuses nothing.
                let used = self.parser.parse(&rest).map_or(0, |(used, _)| used);
                if used == 0 {
                    break;
                }
                rest.advance(used);
                continue;
            }
            let Some(raw) = self.begun.take(RECORD_SIZE as u64, &mut rest) else { break };
            let Ok((_, ReaderEvent::Record(frame))) = self.parser.parse(&raw) else {
                self.release(right, to);
                return Err(StopReason::Damaged);
            };
            let behind = frame.offset + RECORD_SIZE as u64;
            let header = self.parser.header();
            let has_sum = frame.record_type() != RecordType::BEGIN
                && header.checksum.iter().any(|word| word.get() != 0);
            let is_end = frame.record_type() == RecordType::END;
            let is_last = is_end && behind == self.length;
            self.is_bare |= is_end && !has_sum;
            if (has_sum || is_end) && !is_last {
                // The sum in a header is of all before it, and of itself.
                right = if is_end { behind } else { frame.offset };
                if std::mem::take(&mut self.is_bare) {
                    self.ask(right, &mut to, &mut parts)?;
                }
            }
            self.is_bare |= !frame.payload_len.is_multiple_of(4);
        }
        self.release(right, &mut to);
        if self.held.iter().flatten().map(|held| held.len() as u64).sum::<u64>() > MOST {
            let under_way = self.parser.frame().filter(|_| self.parser.payload_left() > 0);
            let border = under_way.map_or(self.parser.offset(), |frame| frame.offset);
            self.ask(border, &mut to, &mut parts)?;
        }
        Ok(())
    }

    /// All that waits, for which the hash of the whole vouches. Nothing comes behind it.
    pub(super) fn rest(&mut self) -> Vec<Bytes> {
        self.held.take().into_iter().flatten().collect()
    }

    /// Gives what waits up to the border of a record, as far as the parts are whole.
    fn ask<E>(
        &mut self,
        border: u64,
        to: impl FnMut(Bytes),
        mut parts: impl FnMut(u64) -> (u64, Result<(), E>),
    ) -> Result<(), StopReason<E>> {
        if self.held.is_none() {
            return Ok(());
        }
        let (whole, checked) = parts(self.from);
        self.release(whole.min(border), to);
        checked.map_err(StopReason::Part)
    }

    /// Gives the bytes before this one.
    fn release(&mut self, end: u64, mut to: impl FnMut(Bytes)) {
        let Some(held) = &mut self.held else {
            self.from = self.from.max(end);
            return;
        };
        while let Some(first) = held.front_mut()
            && self.from < end
        {
            let len =
                usize::try_from(end - self.from).map_or(first.len(), |len| len.min(first.len()));
            to(first.split_to(len));
            self.from += len as u64;
            if first.is_empty() {
                held.pop_front();
            }
        }
    }
}
