//! Places that faults are told at.

use crate::verify::frame::{PlacedFrame, place};
use zsend_records::drr::RecordType;

/// A record's place in a report.
#[derive(Clone, Copy)]
pub(super) struct Where {
    pub(super) record: u64,
    pub(super) byte: u64,
    pub(super) record_type: Option<RecordType>,
    pub(super) object: Option<u64>,
    pub(super) offset: Option<u64>,
}

impl Where {
    pub(super) fn of(frame: &PlacedFrame) -> Self {
        let (object, offset) = place(&frame.header);
        let record_type = Some(frame.record_type());
        Self { record: frame.record, byte: frame.byte, record_type, object, offset }
    }

    /// A place with nothing that can be read.
    pub(super) const fn of_byte(record: u64, byte: u64) -> Self {
        Self { record, byte, record_type: None, object: None, offset: None }
    }
}
