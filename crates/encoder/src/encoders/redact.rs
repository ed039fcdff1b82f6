//! REDACT: ranges whose contents were withheld.

use super::RecordEncoder;
use crate::emit::Emit;
use crate::event;
use std::io;
use zerocopy::byteorder::U64;
use zsend_records::drr::Redact;
use zsend_records::writer::{Measured, OutHeader};

pub(super) struct RedactEncoder;

impl<P: Measured> RecordEncoder<event::Redact, P> for RedactEncoder {
    fn encode(&self, range: &event::Redact, out: &mut dyn Emit<P>) -> io::Result<()> {
        out.redact(range.object, range.offset, range.length)
    }
}

/// The REDACT of a range that is complete.
pub(crate) fn redact_header(object: u64, offset: u64, length: u64, toguid: u64) -> OutHeader {
    let [object, offset, length, toguid] = [object, offset, length, toguid].map(U64::new);
    OutHeader::of(&Redact { object, offset, length, toguid })
}
