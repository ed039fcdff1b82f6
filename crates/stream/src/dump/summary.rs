//! Records and bytes of a stream, by type.

use zsend_records::describe::Description;
use zsend_records::drr::{RECORD_SIZE, RecordType};
use zsend_records::reader::Frame;

/// Records of one type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TypeCount {
    /// Number of records.
    pub records: u64,
    /// Payload bytes that follow them.
    pub bytes: u64,
}

/// Totals of the records and bytes that were dumped.
#[derive(Clone, Debug, Default)]
pub struct DumpSummary {
    /// By type, in the order of the type numbers.
    pub types: [TypeCount; RecordType::COUNT],
    /// Those of types that another crate described, in the order in which they were met.
    pub described: Vec<(&'static Description, TypeCount)>,
    /// True if the input ends with an END. If not, it was saved by an interrupted receive, or cut
    /// between two records.
    pub complete: bool,
    /// Length of the payload within which the stream ends, if it does: counted with its record, and
    /// not all there.
    pub cut_payload: u64,
}

impl DumpSummary {
    /// The records of that type, of whichever crate.
    pub fn of(&self, kind: RecordType) -> TypeCount {
        let described = self.described.iter().find(|(d, _)| d.record_type == kind);
        let known = self.types.get(kind.0 as usize);
        known.or(described.map(|(_, count)| count)).copied().unwrap_or_default()
    }

    fn counts(&self) -> impl Iterator<Item = &TypeCount> {
        self.types.iter().chain(self.described.iter().map(|(_, count)| count))
    }

    /// All records.
    pub fn records(&self) -> u64 {
        self.counts().map(|count| count.records).sum()
    }

    /// All payload bytes.
    pub fn payload_bytes(&self) -> u64 {
        self.counts().map(|count| count.bytes).sum()
    }

    /// All bytes of headers.
    pub fn header_bytes(&self) -> u64 {
        self.records() * RECORD_SIZE as u64
    }

    pub(super) fn add(&mut self, frame: &Frame) {
        let kind = frame.record_type();
        let count = if let Some(known) = self.types.get_mut(kind.0 as usize) {
            known
        } else {
            let at = self.described.iter().position(|(d, _)| d.record_type == kind);
            let at = at.unwrap_or(self.described.len());
            if at == self.described.len() {
                self.described.push((frame.description, TypeCount::default()));
            }
            &mut self.described[at].1
        };
        count.records += 1;
        count.bytes = count.bytes.saturating_add(frame.payload_len);
    }

    pub(super) fn add_end(&mut self) {
        self.types[RecordType::END.0 as usize].records += 1;
    }
}
