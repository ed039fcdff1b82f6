//! The records of an input, each whole and with its payload, in batches that memory has room for.

use super::error::ChangeError;
use super::packet::{Origin, Packet};
use crate::input::Input;
use crate::limits::LIMITS;
use crate::read_ahead::ReadAhead;
use rayon::prelude::*;
use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;
use zsend_records::Order;
use zsend_records::chain::Chain;
use zsend_records::drr::{End, RECORD_SIZE, RecordType};
use zsend_records::fletcher::Fletcher4;
use zsend_records::payload::RecordError;
use zsend_records::reader::{Header, Place, Record, Role, StreamErrorKind};
use zsend_records::zerocopy::byteorder::LE;

/// Bytes of payloads, and of what they decompress to, that are changed together.
const BATCH_BYTES: u64 = 4 << 20;
/// Records that are changed together.
const BATCH_RECORDS: usize = 256;

/// An input: a stream, or a package of streams, or several, one behind the other.
#[derive(Debug)]
pub struct Source {
    file: Arc<str>,
    input: Input,
    byte: u64,
    record: u64,
    order: Option<Order>,
    place: Place,
    chain: Chain,
    /// The last record that was read, whose payload is not known to be right yet.
    held: Option<Packet>,
    /// Fault behind the records of the last batch, or the end.
    end: Option<Ending>,
}

/// End of an input.
#[derive(Debug)]
enum Ending {
    Whole,
    Fault(ChangeError),
}

/// Records that are changed together.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) packets: Vec<Packet>,
    /// Reason that there are no more, if it is not the end of a whole stream.
    pub(super) fault: Option<ChangeError>,
    /// True if nothing is behind it.
    pub(super) is_last: bool,
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
        Self {
            file: name.into(),
            input: Input::new(source),
            byte: 0,
            record: 0,
            order: None,
            place: Place::START,
            chain: Chain::new(),
            held: None,
            end: None,
        }
    }

    fn origin(&self) -> Origin {
        Origin { file: Arc::clone(&self.file), record: self.record, byte: self.byte }
    }

    fn damaged(&self, kind: StreamErrorKind) -> ChangeError {
        ChangeError::Damaged { origin: self.origin(), kind }
    }

    fn failed(&self, source: io::Error) -> ChangeError {
        ChangeError::Read { file: Arc::clone(&self.file), byte: self.byte, source }
    }

    /// Reads the next records, and checks their sums. A payload is summed up in the header behind it, so the last record
    /// is held until that was read; only in a stream that is cut behind it, nothing tells of it.
    pub(super) fn next_batch(&mut self) -> Batch {
        let mut packets: Vec<Packet> = self.held.take().into_iter().collect();
        let checked = packets.len();
        let mut cost = 0;
        while self.end.is_none() && packets.len() < BATCH_RECORDS && cost < BATCH_BYTES {
            match self.packet() {
                Ok(Some(packet)) => {
                    cost += self::cost(&packet);
                    packets.push(packet);
                }
                Ok(None) => self.end = Some(Ending::Whole),
                Err(error) => self.end = Some(Ending::Fault(error)),
            }
        }
        let new = &mut packets[checked..];
        let sums: Vec<Fletcher4> = new.par_iter_mut().map(Packet::sum).collect();
        let wrong = new.iter().zip(&sums).position(|(packet, &sum)| {
            let checked = self.check(packet, sum);
            checked.map_err(|error| self.end = Some(Ending::Fault(error))).is_err()
        });
        if let Some(wrong) = wrong {
            packets.truncate((checked + wrong).saturating_sub(1));
        }
        let is_last = self.end.is_some();
        let fault = match self.end.take() {
            Some(Ending::Fault(error)) => Some(error),
            Some(Ending::Whole) | None => None,
        };
        if is_last {
            self.end = Some(Ending::Whole);
        } else {
            self.held = packets.pop();
        }
        Batch { packets, fault, is_last }
    }

    /// The next record; `None` at the end of a whole stream.
    fn packet(&mut self) -> Result<Option<Packet>, ChangeError> {
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
            return Err(self.damaged(StreamErrorKind::Truncated {
                what: "record header",
                have,
                need,
            }));
        }
        let origin = self.origin();
        let (Header { header, order, .. }, role, len) = self
            .header(&raw)
            .map_err(|kind| ChangeError::Damaged { origin: origin.clone(), kind })?;
        self.byte += RECORD_SIZE as u64;
        let payload = self.input.bytes(len).map_err(|e| self.failed(e))?;
        let have = payload.len() as u64;
        if have < len {
            let kind = StreamErrorKind::Truncated { what: "payload", have, need: len };
            return Err(ChangeError::Damaged { origin, kind });
        }
        self.byte += len;
        self.record += 1;
        Ok(Some(Packet::new(origin, order, role, header, payload)))
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

    /// Checks the sums in a header. `sum` is that of its payload.
    fn check(&mut self, packet: &Packet, sum: Fletcher4) -> Result<(), ChangeError> {
        let fault = |kind| ChangeError::Damaged { origin: packet.origin.clone(), kind };
        let before = self.chain;
        let fields = packet.record_type().description().map_or(&[][..], |d| d.fields);
        let checked = self.chain.check_turned(&packet.header, packet.order, fields);
        checked.map_err(|mismatch| fault(StreamErrorKind::Checksum(mismatch)))?;
        if let Some(end) = packet.header.body_as::<End<LE>>() {
            let checked = before.check_end(end);
            checked.map_err(|mismatch| fault(StreamErrorKind::EndChecksum(mismatch)))?;
        }
        self.chain.payload_sum(sum, packet.payload().len() as u64);
        if packet.record_type() == RecordType::END {
            // Every stream sums up from its BEGIN, and the last END of a package from nothing.
            self.chain = Chain::in_order(packet.order);
        }
        Ok(())
    }
}

/// Bytes of memory that a change of a record takes: its payload, and the block that it holds or stands for.
fn cost(packet: &Packet) -> u64 {
    let logical = match packet.record() {
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
    RECORD_SIZE as u64 + packet.payload().len() as u64 + logical.min(LIMITS.block)
}
