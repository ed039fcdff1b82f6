//! Parts on their way out, record by record: what nothing vouches for yet waits.
//!
//! The sum in a header is that of all records from the BEGIN of its stream on. Nothing but the hashes of the parts is there for
//! an END without a sum, as that behind the header of a package is; for what no Fletcher-4 sees, which takes whole words; and for a
//! stream that has no sums at all.

use super::check::next;
use super::manifest::Part;
use std::collections::VecDeque;
use zsend_records::Order;
use zsend_records::bytes::{Buf, Bytes};
use zsend_records::chain::Chain;
use zsend_records::drr::{RECORD_SIZE, RecordType};
use zsend_records::fletcher::{Fletcher4, WholeWords};
use zsend_records::reader::Place;

/// Bytes that may wait for a sum: more than the longest record.
const MOST: u64 = 20 << 20;

/// Records that wait until something vouches for them.
#[derive(Debug)]
pub(super) struct Vouched {
    chain: Chain,
    order: Option<Order>,
    place: Option<Place>,
    /// Byte at which the last record began.
    record: u64,
    /// Byte at which the next record begins.
    begin: u64,
    /// Beginning of a header.
    header: Vec<u8>,
    /// Bytes that are yet to come of a payload.
    left: u64,
    words: WholeWords,
    /// No sum covers some of what came since the last that did.
    is_bare: bool,
    /// Bytes of the whole: what is at its end waits for its hash.
    length: u64,
    /// What waits, from byte `from` on; nothing if all is passed on at once, and only looked at.
    held: Option<VecDeque<Bytes>>,
    from: u64,
}

/// Reason that nothing more is passed on.
#[derive(Debug)]
pub(super) enum Stop<E> {
    /// A header does not fit.
    Damaged,
    /// A part has other bytes.
    Part(E),
}

impl Vouched {
    /// The beginning of a whole of this length, which is passed on before it is vouched for unless it `waits`.
    pub(super) fn new(length: u64, waits: bool) -> Self {
        Self {
            chain: Chain::new(),
            order: None,
            place: Some(Place::START),
            record: 0,
            begin: 0,
            header: Vec::with_capacity(RECORD_SIZE),
            left: 0,
            words: WholeWords::default(),
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
        let (here, there) = (self.chain, part.chain);
        // Behind an END there is no sum, nor its order.
        let is_same = here == there || [here.sum(), there.sum()] == [Fletcher4::ZERO; 2];
        self.left == 0 && self.header.is_empty() && self.begin == part.offset && is_same
    }

    /// Takes the next bytes, and gives `to` those that something vouches for. `parts` looks at the parts from the one of this byte
    /// to the one that is read: it returns the byte up to which they are whole, and why not further.
    pub(super) fn take<E>(
        &mut self,
        piece: Bytes,
        mut to: impl FnMut(Bytes),
        mut parts: impl FnMut(u64) -> (u64, Result<(), E>),
    ) -> Result<(), Stop<E>> {
        let mut rest = piece.clone();
        match &mut self.held {
            Some(held) => held.push_back(piece),
            None => to(piece),
        }
        let mut right = self.from;
        while !rest.is_empty() {
            if self.left > 0 {
                let len = usize::try_from(self.left).unwrap_or(usize::MAX).min(rest.len());
                self.words.feed(&rest[..len], |whole| self.chain.payload(whole));
                rest.advance(len);
                self.left -= len as u64;
                continue;
            }
            let len = (RECORD_SIZE - self.header.len()).min(rest.len());
            self.header.extend_from_slice(&rest[..len]);
            rest.advance(len);
            let Some(raw) = self.header.first_chunk() else { break };
            let header = next(raw, &mut self.order, &mut self.chain, self.place.as_mut());
            let Some(header) = header else {
                self.release(right, to);
                return Err(Stop::Damaged);
            };
            self.header.clear();
            self.words.clear();
            let behind = self.begin + RECORD_SIZE as u64;
            let is_end = header.record_type == RecordType::END;
            let is_last = is_end && behind == self.length;
            self.is_bare |= is_end && !header.has_sum;
            if (header.has_sum || is_end) && !is_last {
                // The sum in a header is of all before it, and of itself.
                right = if is_end { behind } else { self.begin };
                if std::mem::take(&mut self.is_bare) {
                    self.ask(right, &mut to, &mut parts)?;
                }
            }
            self.left = header.payload_len;
            self.is_bare |= !header.payload_len.is_multiple_of(4);
            self.record = self.begin;
            self.begin = behind + header.payload_len;
        }
        self.release(right, &mut to);
        if self.held.iter().flatten().map(|held| held.len() as u64).sum::<u64>() > MOST {
            let border = if self.left > 0 { self.record } else { self.begin };
            self.ask(border, &mut to, &mut parts)?;
        }
        Ok(())
    }

    /// All that waits, for which the hash of the whole vouches.
    pub(super) fn into_rest(self) -> impl Iterator<Item = Bytes> {
        self.held.into_iter().flatten()
    }

    /// Gives what waits up to the border of a record, as far as the parts are whole.
    fn ask<E>(
        &mut self,
        border: u64,
        to: impl FnMut(Bytes),
        mut parts: impl FnMut(u64) -> (u64, Result<(), E>),
    ) -> Result<(), Stop<E>> {
        if self.held.is_none() {
            return Ok(());
        }
        let (whole, checked) = parts(self.from);
        self.release(whole.min(border), to);
        checked.map_err(Stop::Part)
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
            let len = usize::try_from(end - self.from).unwrap_or(usize::MAX).min(first.len());
            to(first.split_to(len));
            self.from += len as u64;
            if first.is_empty() {
                held.pop_front();
            }
        }
    }
}
