//! Rules of END. Its sums are checked with the stream's.

use super::Rule;
use crate::verify::fault::so;
use zsend_records::drr::End;
use zsend_records::reader::Role;
use zsend_records::zerocopy::byteorder::LE;

pub(super) static RULES: &[Rule<End<LE>>] = &[Rule::new(
    "end.saved",
    "What an interrupted receive left, whose records have another guid than BEGIN, has no END.",
    "dmu_send.c dmu_send_impl",
    |at, _| {
        let guid = at.state.guid.unwrap_or(at.frame.context.toguid());
        let is_whole = at.role != Role::Stream || guid == at.frame.context.toguid();
        so(is_whole, "guid of the records", format!("{guid:#x}"), "that of BEGIN")
    },
)];
