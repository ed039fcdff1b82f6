//! How many records and bytes a stream has, by type.

use zsend_records::drr::{RECORD_SIZE, RecordType};
use zsend_records::reader::Frame;

/// Records of one type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TypeCount {
    /// How many there are.
    pub records: u64,
    /// Payload bytes that follow them.
    pub bytes: u64,
}

/// How many records and bytes were dumped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DumpSummary {
    /// By type, in the order of the type numbers.
    pub types: [TypeCount; RecordType::COUNT],
    /// Whether the input ends with an END. If not, it was saved by an interrupted receive, or cut
    /// between two records.
    pub complete: bool,
}

impl DumpSummary {
    /// The records of that type; none of an unknown type.
    pub fn of(&self, kind: RecordType) -> TypeCount {
        self.types.get(kind.0 as usize).copied().unwrap_or_default()
    }

    /// All records.
    pub fn records(&self) -> u64 {
        self.types.iter().map(|count| count.records).sum()
    }

    /// All payload bytes.
    pub fn payload_bytes(&self) -> u64 {
        self.types.iter().map(|count| count.bytes).sum()
    }

    /// All bytes of headers.
    pub fn header_bytes(&self) -> u64 {
        self.records() * RECORD_SIZE as u64
    }

    pub(super) fn add(&mut self, frame: &Frame) {
        if let Some(count) = self.types.get_mut(frame.record_type().0 as usize) {
            count.records += 1;
            count.bytes = count.bytes.saturating_add(frame.payload_len);
        }
    }

    pub(super) fn add_end(&mut self) {
        self.types[RecordType::END.0 as usize].records += 1;
    }
}
