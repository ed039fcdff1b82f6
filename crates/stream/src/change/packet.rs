//! A record on its way from the stream that it was read of to the one that it is written to.

use super::error::ChangeError;
use crate::begin_list::{BeginList, begin_list};
use crate::limits::LIMITS;
use std::fmt;
use std::sync::Arc;
use zsend_records::bytes::Bytes;
use zsend_records::drr::{Body, RecordType, ReplayRecord};
use zsend_records::fletcher::Fletcher4;
use zsend_records::reader::{Record, Role};
use zsend_records::writer::Payload;
use zsend_records::zerocopy::byteorder::LE;
use zsend_records::{Order, RecordError};

/// Place of a record in an input.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct RecordOrigin {
    /// Name of the input, as its caller gave it.
    pub file: Arc<str>,
    /// Records before it in the input.
    pub record: u64,
    /// Bytes before it in the input.
    pub byte: u64,
}

impl fmt::Display for RecordOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: byte {}, record {}", self.file, self.byte, self.record)
    }
}

/// A record with its payload. Checksums in its header are of no account: the writer sets them.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Packet {
    /// Place of the record in the input, or of the one that it was made of.
    pub origin: RecordOrigin,
    /// Byte order of the stream: that of the payload, and of the header where it is written.
    pub order: Order,
    /// Part that the record plays in the shape of the stream.
    pub role: Role,
    /// The header, in little-endian order.
    pub header: ReplayRecord<LE>,
    payload: Bytes,
    /// Fletcher-4 of the payload over words of an order, once it is known.
    sum: Option<(Order, Fletcher4)>,
    note: Option<Box<str>>,
}

impl Packet {
    /// A record of a stream's or a package's input.
    pub(super) const fn new(
        origin: RecordOrigin,
        order: Order,
        role: Role,
        header: ReplayRecord<LE>,
        payload: Bytes,
    ) -> Self {
        Self { origin, order, role, header, payload, sum: None, note: None }
    }

    /// A record with this body and payload, made of this one: with its place, and its order.
    #[must_use]
    pub fn with<B: Body<LE>>(&self, body: &B, payload: Bytes) -> Self {
        self.with_header(ReplayRecord::new(body), payload)
    }

    /// A record with this header and payload, likewise.
    pub(super) fn with_header(&self, header: ReplayRecord<LE>, payload: Bytes) -> Self {
        Self::new(self.origin.clone(), self.order, Role::Stream, header, payload)
    }

    /// The record's type.
    pub fn record_type(&self) -> RecordType {
        self.header.record_type()
    }

    /// The record's fields.
    pub fn record(&self) -> Record<'_> {
        Record::of(&self.header)
    }

    /// The fields, to be changed, if the record is of that type.
    pub fn body_mut<B: Body<LE>>(&mut self) -> Option<&mut B> {
        self.header.body_as_mut()
    }

    /// The payload, in the byte order of the stream.
    pub const fn payload(&self) -> &Bytes {
        &self.payload
    }

    /// Puts another payload in its place. The header must say its length, in the way of the record's type.
    pub fn set_payload(&mut self, payload: impl Into<Bytes>) {
        self.payload = payload.into();
        self.sum = None;
    }

    /// Takes the payload out, to be changed and put back. What lies in the buffer that it was read into is copied.
    pub(super) fn take_payload(&mut self) -> Vec<u8> {
        self.sum = None;
        std::mem::take(&mut self.payload).into()
    }

    /// Puts a packed list behind a BEGIN, in place of what is there.
    pub(super) fn set_list(&mut self, packed: Vec<u8>) -> Result<(), ChangeError> {
        let len = u32::try_from(packed.len());
        let len = len.map_err(|_| ChangeError::refused(&self.origin, "its list is too long"))?;
        self.header.payloadlen = len.into();
        self.set_payload(packed);
        Ok(())
    }

    /// The list behind a BEGIN, if there is one.
    ///
    /// # Errors
    /// [`ChangeError::Contents`] if it is longer than is looked at, or cannot be read.
    pub(super) fn begin_list(&self) -> Result<Option<BeginList>, ChangeError> {
        begin_list(self.payload())
            .map_err(|e| ChangeError::contents(&self.origin, "list behind BEGIN", e.to_string()))
    }

    /// Notes something of the record that whoever runs the change should see.
    pub fn note(&mut self, note: impl Into<Box<str>>) {
        self.note = Some(note.into());
    }

    pub(super) fn take_note(&mut self) -> Option<Box<str>> {
        self.note.take()
    }

    /// The payload's sum, over words of the stream's order, if it is known.
    pub(super) fn known_sum(&self) -> Option<Fletcher4> {
        self.sum.filter(|&(order, _)| order == self.order).map(|(_, sum)| sum)
    }

    /// Sums the payload up, over words of the stream's order. The sum is kept for the writer.
    pub(super) fn sum(&mut self) -> Fletcher4 {
        let sum =
            self.known_sum().unwrap_or_else(|| Fletcher4::in_order(self.order, &self.payload));
        self.sum = Some((self.order, sum));
        sum
    }

    /// The header and the payload as a writer takes them.
    pub(super) fn to_written(
        &self,
    ) -> Result<(zsend_records::writer::OutHeader, Payload), RecordError> {
        let sum =
            self.known_sum().unwrap_or_else(|| Fletcher4::in_order(self.order, &self.payload));
        let payload = Payload::with_sum_in(self.order, self.payload.clone(), sum);
        Ok((zsend_records::writer::OutHeader::new(self.header)?, payload))
    }
}

/// Bytes of the block that a record holds or stands for, as its header says, at most those that a block may have.
pub(super) fn logical(header: &ReplayRecord<LE>) -> u64 {
    let logical = match Record::of(header) {
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
    logical.min(LIMITS.block)
}
