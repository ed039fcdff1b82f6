//! END: the sum of everything before it.

use crate::encoder::Emit;
use crate::event::Payload;
use std::io;
use zerocopy::byteorder::U64;
use zsend_records::drr::{End, ReplayRecord};

/// Emits END. The pending record must have been sent, since END holds the sum after it.
pub(crate) fn end(out: &mut dyn Emit) -> io::Result<()> {
    let record = ReplayRecord::new(&End {
        end_checksum: out.chain().sum().words().map(U64::new),
        toguid: U64::new(out.params().toguid),
    });
    out.emit(record, &Payload::NONE)
}
