//! Headers that are to be written.

use super::error::WriteError;
use crate::describe::{Description, Field};
use crate::drr::{Body, RecordType, ReplayRecord};
use crate::payload::{Limits, PayloadBound, RecordError, payload_len};
use zerocopy::byteorder::LE;

/// A record header and how many bytes of payload it announces.
#[derive(Clone, Copy, Debug)]
pub struct OutHeader {
    record: ReplayRecord<LE>,
    name: &'static str,
    fields: &'static [Field],
    payload_len: u64,
    payload: PayloadBound,
}

impl OutHeader {
    /// The header of a record with this body, of any crate. A BEGIN made so has no payload: only its
    /// header says how long that is, which [`Self::new`] takes.
    pub fn of<B: Body<LE>>(body: &B) -> Self {
        let record = ReplayRecord::new(body);
        Self {
            payload_len: body.payload_len(&record),
            name: B::NAME,
            fields: B::FIELDS,
            payload: B::PAYLOAD,
            record,
        }
    }

    /// A header of a type that this crate knows.
    ///
    /// # Errors
    /// If the type is unknown.
    pub fn new(record: ReplayRecord<LE>) -> Result<Self, RecordError> {
        let payload_len = payload_len(&record)?;
        let kind = record.record_type();
        let description = kind.description().ok_or(RecordError::UnknownType { found: kind.0 })?;
        let Description { name, fields, payload, .. } = *description;
        Ok(Self { record, name, fields, payload_len, payload })
    }

    /// The record's type.
    pub fn record_type(&self) -> RecordType {
        self.record.record_type()
    }

    /// Bytes of payload that it announces.
    pub const fn payload_len(&self) -> u64 {
        self.payload_len
    }

    /// The record in little-endian order, not stamped.
    pub const fn record(&self) -> &ReplayRecord<LE> {
        &self.record
    }

    /// The record, in little-endian order, and its body's fields.
    pub(super) const fn into_parts(self) -> (ReplayRecord<LE>, &'static [Field]) {
        (self.record, self.fields)
    }

    pub(super) fn check(&self, found: u64) -> Result<(), WriteError> {
        let (record, expected) = (self.name, self.payload_len);
        if found != expected {
            return Err(WriteError::PayloadLength { record, found, expected });
        }
        let limit = Limits::DEFAULT.of(self.payload);
        if found > limit {
            return Err(WriteError::TooLong { record, found, limit });
        }
        Ok(())
    }
}
