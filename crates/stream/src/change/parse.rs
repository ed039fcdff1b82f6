//! Records out of the pieces of an input, and the check of every sum along it.

use super::error::ChangeError;
use super::packet::{Packet, RecordOrigin, logical};
use super::source::{BATCH_BYTES, BATCH_RECORDS, Batch};
use crate::input::Gathered;
use crate::limits::LIMITS;
use std::io;
use std::mem::take;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender};
use zsend_records::Order;
use zsend_records::bytes::{Buf, Bytes};
use zsend_records::chain::Chain;
use zsend_records::drr::{End, RECORD_SIZE, RecordType, ReplayRecord};
use zsend_records::payload::RecordError;
use zsend_records::reader::{Header, Place, Role, StreamErrorKind};
use zsend_records::zerocopy::byteorder::LE;

/// An input on its way into batches of records.
pub(super) struct Parse {
    file: Arc<str>,
    /// Bytes before the next header, or before the payload that is under way.
    byte: u64,
    /// Records whose headers came.
    record: u64,
    order: Option<Order>,
    place: Place,
    chain: Chain,
    /// Beginning of a header, or of a payload.
    gathered: Gathered,
    /// The record whose payload is under way.
    next: Option<AwaitingPayload>,
    /// The record before. Its payload is summed up in the header behind it.
    last: Option<Packet>,
    packets: Vec<Packet>,
    /// Bytes of payloads, and of what they decompress to, in the batch that is under way.
    total: u64,
    /// Most of them.
    most: u64,
    /// Each batch is done with before the next is begun.
    is_alone: bool,
    to: SyncSender<Batch>,
    /// A word for each batch that is done with, if it is alone or large.
    may_go_on: Receiver<()>,
    /// Nobody wants more, or nothing can come.
    is_over: bool,
}

/// A record whose payload follows.
struct AwaitingPayload {
    origin: RecordOrigin,
    order: Order,
    header: ReplayRecord<LE>,
    role: Role,
    payload_len: u64,
}

impl Parse {
    /// The beginning of an input, whose batches go to `to`: of at most `most` bytes each, unless a record has more.
    pub(super) fn new(
        file: Arc<str>,
        (most, is_alone): (u64, bool),
        to: SyncSender<Batch>,
        may_go_on: Receiver<()>,
    ) -> Self {
        Self {
            file,
            byte: 0,
            record: 0,
            order: None,
            place: Place::START,
            chain: Chain::new(),
            gathered: Gathered::default(),
            next: None,
            last: None,
            packets: Vec::new(),
            total: 0,
            most,
            is_alone,
            to,
            may_go_on,
            is_over: false,
        }
    }

    /// Takes the next piece; returns false if no more is wanted.
    pub(super) fn piece(&mut self, piece: Bytes) -> bool {
        if let Err(fault) = self.records(piece) {
            self.send(Some(fault), true);
        }
        !self.is_over
    }

    /// The end of the input, or the error behind the last piece. Only of the last record of a stream that is cut, nothing
    /// tells if its payload is right.
    pub(super) fn end(mut self, read: io::Result<()>) {
        if self.is_over {
            return;
        }
        let have = self.gathered.0.len() as u64;
        let damaged = |origin, kind| Some(ChangeError::Damaged { origin, kind });
        let fault = match (read, self.next.take()) {
            (Err(source), _) => {
                Some(ChangeError::Read { file: Arc::clone(&self.file), byte: self.byte, source })
            }
            (Ok(()), Some(AwaitingPayload { origin, payload_len: need, .. })) => {
                damaged(origin, StreamErrorKind::Truncated { what: "payload", have, need })
            }
            (Ok(()), None) if have > 0 => {
                let (what, need) = ("record header", RECORD_SIZE as u64);
                damaged(self.origin(), StreamErrorKind::Truncated { what, have, need })
            }
            (Ok(()), None) if self.place.is_done() => None,
            (Ok(()), None) => damaged(self.origin(), StreamErrorKind::NoEnd),
        };
        self.packets.extend(self.last.take());
        self.send(fault, true);
    }

    fn origin(&self) -> RecordOrigin {
        RecordOrigin { file: Arc::clone(&self.file), record: self.record, byte: self.byte }
    }

    /// Takes all records of a piece, and what begins at its end.
    fn records(&mut self, mut piece: Bytes) -> Result<(), ChangeError> {
        while !self.is_over {
            let next = match self.next.take() {
                Some(next) => next,
                None => {
                    let Some(raw) = self.raw(&mut piece) else { break };
                    self.announced(&raw)?
                }
            };
            let Some(payload) = self.gathered.take(next.payload_len, &mut piece) else {
                self.next = Some(next);
                break;
            };
            self.byte += next.payload_len;
            let AwaitingPayload { origin, order, header, role, .. } = next;
            let mut packet = Packet::new(origin, order, role, header, payload);
            let sum = packet.sum();
            self.chain.payload_sum(sum, packet.payload().len() as u64);
            if packet.record_type() == RecordType::END {
                // Every stream sums up from its BEGIN, and the last END of a package from nothing.
                self.chain = Chain::in_order(packet.order);
            }
            self.last = Some(packet);
        }
        Ok(())
    }

    /// The next header. Nearly always it lies in one piece.
    fn raw(&mut self, piece: &mut Bytes) -> Option<[u8; RECORD_SIZE]> {
        if self.gathered.0.is_empty()
            && let Some(&raw) = piece.first_chunk()
        {
            piece.advance(RECORD_SIZE);
            return Some(raw);
        }
        self.gathered.take(RECORD_SIZE as u64, piece)?.first_chunk().copied()
    }

    /// Takes in a header. With it the record before is known to be right, and is given if the batch is full.
    fn announced(&mut self, raw: &[u8; RECORD_SIZE]) -> Result<AwaitingPayload, ChangeError> {
        let origin = self.origin();
        // The fault may be in what the record before holds.
        let last = self.last.take();
        let damaged = |kind| ChangeError::Damaged { origin: origin.clone(), kind };
        let known = self.order.filter(|_| !self.place.is_before_stream());
        let read = Header::read(raw, known, &[]).map_err(damaged)?;
        let mut room = None;
        let header = read.record(&mut room);
        let (role, payload_len) = self.role(&read, header).map_err(damaged)?;
        self.check(&read, header).map_err(damaged)?;
        self.packets.extend(last);
        self.byte += RECORD_SIZE as u64;
        self.record += 1;
        let next =
            AwaitingPayload { origin, order: read.order, header: *header, role, payload_len };
        let cost = cost(&next);
        let is_full = self.packets.len() == BATCH_RECORDS || self.total + cost > self.most;
        if is_full && !self.packets.is_empty() {
            self.send(None, false);
        }
        self.total += cost;
        Ok(next)
    }

    /// Gives the batch that is under way.
    fn send(&mut self, fault: Option<ChangeError>, is_last: bool) {
        let is_large = take(&mut self.total) > BATCH_BYTES;
        let batch = Batch { packets: take(&mut self.packets), fault, is_last, is_large };
        // Nobody may want it: behind a fault of a step, or where nothing can be written.
        let is_gone = self.to.send(batch).is_err();
        let waits = self.is_alone || is_large;
        self.is_over |= is_last || is_gone || (waits && self.may_go_on.recv().is_err());
    }

    /// The part in the stream of a record that may stand here, and the length of its payload.
    fn role(
        &mut self,
        read: &Header<'_>,
        header: &ReplayRecord<LE>,
    ) -> Result<(Role, u64), StreamErrorKind> {
        let found = header.record_type().0;
        let description = read.description.ok_or(RecordError::UnknownType { found })?;
        let (place, role) = self.place.next(header)?;
        let len = LIMITS.check_described(header, description)?;
        (self.order, self.place) = (Some(read.order), place);
        Ok((role, len))
    }

    /// Checks the sums in a header.
    fn check(
        &mut self,
        read: &Header<'_>,
        header: &ReplayRecord<LE>,
    ) -> Result<(), StreamErrorKind> {
        let before = self.chain;
        read.check(&mut self.chain).map_err(StreamErrorKind::Checksum)?;
        if let Some(end) = header.body_as::<End<LE>>() {
            before.check_end(end).map_err(StreamErrorKind::EndChecksum)?;
        }
        Ok(())
    }
}

/// Bytes of memory that a change of a record takes: its payload, and the block that it holds or stands for.
fn cost(announced: &AwaitingPayload) -> u64 {
    RECORD_SIZE as u64 + announced.payload_len + logical(&announced.header)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{channel, sync_channel};
    use zsend_records::drr::{Begin, MAGIC, Write};
    use zsend_records::writer::StreamWriter;
    use zsend_records::zerocopy::FromZeros;

    /// A stream of blocks, the first of which is empty.
    fn stream() -> Vec<u8> {
        let mut begin = Begin::<LE>::new_zeroed();
        begin.magic = MAGIC.into();
        begin.versioninfo = 1.into();
        begin.toguid = 42.into();
        let mut writer = StreamWriter::new(Vec::new());
        writer.body(&begin, &[]).unwrap();
        for (number, len) in [0_u16, 512, 8, 1024].into_iter().enumerate() {
            let mut write = Write::<LE>::new_zeroed();
            write.object = (number as u64).into();
            write.logical_size = u64::from(len).into();
            writer.body(&write, &vec![u8::try_from(number).unwrap(); len.into()]).unwrap();
        }
        writer.end(42).unwrap();
        writer.into_inner().unwrap()
    }

    /// Records of a stream that comes in pieces of this length, and the words of the fault.
    fn parsed(stream: &[u8], len: usize) -> (Vec<(u64, Bytes)>, Option<String>) {
        let (to, batches) = sync_channel(1000);
        let (_go_on, may_go_on) = channel();
        let mut parse = Parse::new("in".into(), (600, false), to, may_go_on);
        let mut pieces = stream.chunks(len).map(Bytes::copy_from_slice);
        while pieces.next().is_some_and(|piece| parse.piece(piece)) {}
        parse.end(Ok(()));
        let batches: Vec<Batch> = batches.iter().collect();
        let (last, others) = batches.split_last().expect("a last batch");
        assert!(last.is_last && others.iter().all(|b| !b.is_last && b.fault.is_none()));
        let packets = batches.iter().flat_map(|batch| &batch.packets);
        let packets = packets.map(|packet| (packet.origin.record, packet.payload().clone()));
        (packets.collect(), last.fault.as_ref().map(ToString::to_string))
    }

    #[test]
    fn pieces_of_any_length_give_the_same_records() {
        let stream = stream();
        let (records, fault) = parsed(&stream, stream.len());
        assert_eq!((records.len(), fault), (6, None));
        assert_eq!(records[4].1, vec![3; 1024]);
        for len in [1, 7, 311, 312, 313, 1000] {
            assert_eq!(parsed(&stream, len), (records.clone(), None), "pieces of {len}");
        }
    }

    #[test]
    fn a_cut_is_told_behind_all_that_was_whole() {
        let stream = stream();
        for cut in 0..stream.len() {
            let (records, fault) = parsed(&stream[..cut], stream.len());
            let fault = fault.expect("it is cut");
            assert!(fault.contains("truncated") || fault.contains("END"), "{cut}: {fault}");
            assert_eq!(parsed(&stream[..cut], 100), (records, Some(fault)), "cut at {cut}");
        }
    }

    #[test]
    fn a_record_whose_bytes_are_wrong_is_not_given() {
        let whole = parsed(&stream(), 1 << 20).0;
        for at in 0..stream().len() {
            let mut stream = stream();
            stream[at] ^= 4;
            let (records, fault) = parsed(&stream, 1 << 20);
            assert!(fault.is_some(), "byte {at}");
            assert_eq!(records[..], whole[..records.len()], "byte {at}");
            assert_eq!(parsed(&stream, 64), (records, fault), "byte {at}");
        }
    }
}
