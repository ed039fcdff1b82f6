//! Totals of what was written, or counted: records by type, and bytes.

use std::collections::BTreeMap;
use zsend_records::drr::{RECORD_SIZE, RecordType};
use zsend_records::writer::OutHeader;

/// Totals of what was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    records: [u64; RecordType::COUNT],
    /// Types of other crates.
    others: BTreeMap<RecordType, u64>,
    bytes: u64,
}

impl Summary {
    /// Bytes, payloads included.
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Records of all types.
    pub fn records(&self) -> u64 {
        self.records.iter().chain(self.others.values()).sum()
    }

    /// Records of one type, of whichever crate.
    pub fn records_of(&self, kind: RecordType) -> u64 {
        match self.records.get(kind.0 as usize) {
            Some(n) => *n,
            None => self.others.get(&kind).copied().unwrap_or_default(),
        }
    }

    /// Counts a record with its payload.
    pub(crate) fn count(&mut self, header: &OutHeader) {
        self.add_records(header.record_type(), 1);
        let len = header.payload_len().saturating_add(RECORD_SIZE as u64);
        self.bytes = self.bytes.saturating_add(len);
    }

    pub(crate) fn add(&mut self, other: &Self) {
        for (n, more) in self.records.iter_mut().zip(other.records) {
            *n += more;
        }
        other.others.iter().for_each(|(kind, more)| self.add_records(*kind, *more));
        self.bytes = self.bytes.saturating_add(other.bytes);
    }

    fn add_records(&mut self, kind: RecordType, more: u64) {
        match self.records.get_mut(kind.0 as usize) {
            Some(n) => *n += more,
            None => *self.others.entry(kind).or_default() += more,
        }
    }
}
