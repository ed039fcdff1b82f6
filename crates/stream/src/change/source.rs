//! The records of an input, each whole and with its payload, in batches that memory has room for.

use super::error::ChangeError;
use super::packet::{Origin, Packet};
use crate::input::Input;
use crate::limits::LIMITS;
use crate::read_ahead::ReadAhead;
use rayon::prelude::*;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;
use zsend_records::Order;
use zsend_records::chain::Chain;
use zsend_records::drr::{End, RECORD_SIZE, RecordType, ReplayRecord};
use zsend_records::fletcher::Fletcher4;
use zsend_records::payload::RecordError;
use zsend_records::reader::{Header, Place, Record, Role, StreamErrorKind};
use zsend_records::zerocopy::byteorder::LE;

/// Bytes of payloads, and of what they decompress to, that are changed together.
pub(super) const BATCH_BYTES: u64 = 4 << 20;
/// Records that are changed together.
pub(super) const BATCH_RECORDS: usize = 256;

/// An input: a stream, or a package of streams, or several, one behind the other.
#[derive(Debug)]
pub struct Source(Box<dyn Batches>);

/// Records in batches.
pub(super) trait Batches: fmt::Debug + Send {
    /// The next records, as far as they are right, and the fault behind them.
    fn next_batch(&mut self) -> Batch;

    /// Makes batches smaller, for memory that is shared by so many.
    fn share(&mut self, inputs: u64);
}

/// An input that is read.
#[derive(Debug)]
struct Records {
    file: Arc<str>,
    /// Bytes of payloads, and of what they decompress to, that are given together.
    most: u64,
    input: Input,
    byte: u64,
    record: u64,
    order: Option<Order>,
    place: Place,
    chain: Chain,
    /// The next record, whose payload is not read yet.
    next: Option<Announced>,
    /// Fault behind the records of the last batch, or the end.
    end: Option<Ending>,
}

/// End of an input.
#[derive(Debug)]
enum Ending {
    Whole,
    Fault(ChangeError),
}

/// A record whose payload follows.
#[derive(Debug)]
struct Announced {
    origin: Origin,
    header: Header,
    role: Role,
    payload_len: u64,
}

/// Records that are changed together.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) packets: Vec<Packet>,
    /// Reason that there are no more, if it is not the end of a whole stream.
    pub(super) fault: Option<ChangeError>,
    /// True if nothing is behind it.
    pub(super) is_last: bool,
    /// It takes so much memory that no other is read beside it.
    pub(super) is_large: bool,
}

impl Source {
    /// A file, or whatever else a descriptor has, from where it stands. `name` is for messages.
    ///
    /// # Errors
    /// Those of looking at it, and if no thread can be started.
    pub fn of_file(name: &str, file: File) -> io::Result<Self> {
        Ok(Self::new(name, ReadAhead::of_file(file)?))
    }

    /// Anything that can be read. `name` is for messages.
    ///
    /// # Errors
    /// If no thread can be started.
    pub fn of_reader(name: &str, reader: impl Read + Send + 'static) -> io::Result<Self> {
        Ok(Self::new(name, ReadAhead::new(reader)?))
    }

    fn new(name: &str, source: ReadAhead) -> Self {
        Self::of(Records {
            file: name.into(),
            most: BATCH_BYTES,
            input: Input::new(source),
            byte: 0,
            record: 0,
            order: None,
            place: Place::START,
            chain: Chain::new(),
            next: None,
            end: None,
        })
    }

    /// Records that come from somewhere else.
    pub(super) fn of(batches: impl Batches + 'static) -> Self {
        Self(Box::new(batches))
    }

    /// The next records: see [`Batches::next_batch`].
    pub(super) fn next_batch(&mut self) -> Batch {
        self.0.next_batch()
    }

    /// Makes batches smaller: see [`Batches::share`].
    pub(super) fn share(&mut self, inputs: u64) {
        self.0.share(inputs);
    }
}

impl Batches for Records {
    /// Reads the next records, and checks their sums. A payload is summed up in the header behind it, so that is read too;
    /// only of the last record of a stream that is cut, nothing tells.
    fn next_batch(&mut self) -> Batch {
        let mut packets = Vec::new();
        let mut total = 0;
        loop {
            if self.next.is_none() && self.end.is_none() {
                match self.announced() {
                    Ok(Some(next)) => self.next = Some(next),
                    Ok(None) => self.end = Some(Ending::Whole),
                    Err(error) => self.end = Some(Ending::Fault(error)),
                }
            }
            let Some(next) = self.next.take() else { break };
            let cost = cost(&next);
            let is_full = packets.len() == BATCH_RECORDS || total + cost > self.most;
            if is_full && !packets.is_empty() {
                self.next = Some(next);
                break;
            }
            total += cost;
            match self.payload(next) {
                Ok(packet) => packets.push(packet),
                Err(error) => self.end = Some(Ending::Fault(error)),
            }
        }
        self.check_all(&mut packets);
        let is_last = self.end.is_some();
        let fault = match self.end.take() {
            Some(Ending::Fault(error)) => Some(error),
            Some(Ending::Whole) | None => None,
        };
        if is_last {
            self.end = Some(Ending::Whole);
        }
        Batch { packets, fault, is_last, is_large: total > BATCH_BYTES }
    }

    fn share(&mut self, inputs: u64) {
        self.most = BATCH_BYTES / inputs.max(1);
    }
}

impl Records {
    fn origin(&self) -> Origin {
        Origin { file: Arc::clone(&self.file), record: self.record, byte: self.byte }
    }

    fn damaged(&self, kind: StreamErrorKind) -> ChangeError {
        ChangeError::Damaged { origin: self.origin(), kind }
    }

    fn failed(&self, source: io::Error) -> ChangeError {
        ChangeError::Read { file: Arc::clone(&self.file), byte: self.byte, source }
    }

    /// Checks the sums of records, and takes out those behind which nothing can be trusted.
    fn check_all(&mut self, packets: &mut Vec<Packet>) {
        let sums: Vec<Fletcher4> = packets.par_iter_mut().map(Packet::sum).collect();
        for at in 0..packets.len() {
            let (packet, sum) = (&packets[at], sums[at]);
            let header = (&packet.header, packet.order);
            if let Err(kind) = self.check(header) {
                let origin = packet.origin.clone();
                self.end = Some(Ending::Fault(ChangeError::Damaged { origin, kind }));
                self.next = None;
                // The fault may be in what the last one holds.
                packets.truncate(at.saturating_sub(1));
                return;
            }
            self.chain.payload_sum(sum, packet.payload().len() as u64);
            if packet.record_type() == RecordType::END {
                // Every stream sums up from its BEGIN, and the last END of a package from nothing.
                self.chain = Chain::in_order(packet.order);
            }
        }
        let before = self.chain;
        let wrong = match (&self.next, &self.end) {
            (Some(next), _) => {
                let origin = next.origin.clone();
                let checked = self.check((&next.header.header.clone(), next.header.order));
                checked.err().map(|kind| Some(ChangeError::Damaged { origin, kind }))
            }
            (None, Some(Ending::Fault(ChangeError::Damaged { kind, .. }))) if !is_cut(kind) => {
                Some(None)
            }
            (None, _) => None,
        };
        self.chain = before;
        if let Some(fault) = wrong {
            packets.pop();
            if let Some(fault) = fault {
                self.end = Some(Ending::Fault(fault));
                self.next = None;
            }
        }
    }

    /// The header of the next record; `None` at the end of a whole stream.
    fn announced(&mut self) -> Result<Option<Announced>, ChangeError> {
        let mut raw = [0; RECORD_SIZE];
        let have = self.input.take(&mut raw).map_err(|e| self.failed(e))?;
        if have == 0 {
            if self.place.is_done() {
                return Ok(None);
            }
            return Err(self.damaged(StreamErrorKind::NoEnd));
        }
        if have < RECORD_SIZE {
            let (have, need) = (have as u64, RECORD_SIZE as u64);
            let what = "record header";
            return Err(self.damaged(StreamErrorKind::Truncated { what, have, need }));
        }
        let origin = self.origin();
        let (header, role, payload_len) = self
            .header(&raw)
            .map_err(|kind| ChangeError::Damaged { origin: origin.clone(), kind })?;
        self.byte += RECORD_SIZE as u64;
        self.record += 1;
        Ok(Some(Announced { origin, header, role, payload_len }))
    }

    /// A record with its payload.
    fn payload(&mut self, announced: Announced) -> Result<Packet, ChangeError> {
        let Announced { origin, header, role, payload_len: need } = announced;
        let payload = self.input.bytes(need).map_err(|e| self.failed(e))?;
        let have = payload.len() as u64;
        if have < need {
            let kind = StreamErrorKind::Truncated { what: "payload", have, need };
            return Err(ChangeError::Damaged { origin, kind });
        }
        self.byte += need;
        Ok(Packet::new(origin, header.order, role, header.header, payload))
    }

    /// Reads a header that may stand here: with its part in the stream, and the length of its payload.
    fn header(&mut self, raw: &[u8; RECORD_SIZE]) -> Result<(Header, Role, u64), StreamErrorKind> {
        let known = self.order.filter(|_| !self.place.is_before_stream());
        let read = Header::read(raw, known, &[])?;
        let found = read.header.record_type().0;
        let description = read.description.ok_or(RecordError::UnknownType { found })?;
        let (place, role) = self.place.next(&read.header)?;
        let len = LIMITS.check_described(&read.header, description)?;
        (self.order, self.place) = (Some(read.order), place);
        Ok((read, role, len))
    }

    /// Checks the sums in a header, of this byte order.
    fn check(
        &mut self,
        (header, order): (&ReplayRecord<LE>, Order),
    ) -> Result<(), StreamErrorKind> {
        let before = self.chain;
        let fields = header.record_type().description().map_or(&[][..], |d| d.fields);
        let checked = self.chain.check_turned(header, order, fields);
        checked.map_err(StreamErrorKind::Checksum)?;
        if let Some(end) = header.body_as::<End<LE>>() {
            before.check_end(end).map_err(StreamErrorKind::EndChecksum)?;
        }
        Ok(())
    }
}

/// Returns true if the input ends where the stream does not.
const fn is_cut(kind: &StreamErrorKind) -> bool {
    matches!(kind, StreamErrorKind::NoEnd | StreamErrorKind::Truncated { .. })
}

/// Bytes of memory that a change of a record takes: its payload, and the block that it holds or stands for.
fn cost(announced: &Announced) -> u64 {
    let logical = match Record::of(&announced.header.header) {
        Record::Write(write) => write.logical_size.get(),
        Record::WriteByref(byref) => byref.length.get(),
        Record::Spill(spill) => spill.length.get(),
        Record::WriteEmbedded(embedded) => embedded.lsize.get().into(),
        Record::Begin(_)
        | Record::Object(_)
        | Record::FreeObjects(_)
        | Record::Free(_)
        | Record::End(_)
        | Record::ObjectRange(_)
        | Record::Redact(_)
        | Record::Unknown(_) => 0,
    };
    RECORD_SIZE as u64 + announced.payload_len + logical.min(LIMITS.block)
}
