//! END: the sum of everything before it, which the writer of the stream knows.

use super::RecordEncoder;
use crate::emit::Emit;
use crate::event;
use std::io;
use zerocopy::byteorder::U64;
use zsend_records::drr::End;
use zsend_records::writer::{Measured, OutHeader};

pub(super) struct EndEncoder;

impl<P: Measured> RecordEncoder<event::End, P> for EndEncoder {
    fn encode(&self, _: &event::End, out: &mut dyn Emit<P>) -> io::Result<()> {
        let toguid = U64::new(out.params().toguid);
        out.emit(OutHeader::of(&End { end_checksum: [U64::ZERO; 4], toguid }), &P::NONE)
    }
}
