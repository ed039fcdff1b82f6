//! WRITE_EMBEDDED: a block that lay in its block pointer, as it lay there.

use super::RecordEncoder;
use crate::encoder::Emit;
use crate::event::Event;
use std::io;
use zerocopy::byteorder::{U32, U64};
use zsend_records::drr::{ReplayRecord, WriteEmbedded};

pub(super) struct WriteEmbeddedEncoder;

impl RecordEncoder for WriteEmbeddedEncoder {
    fn takes(&self, event: &Event) -> bool {
        matches!(event, Event::WriteEmbedded(_))
    }

    fn encode(&self, event: &Event, out: &mut dyn Emit) -> io::Result<()> {
        let Event::WriteEmbedded(w) = event else { return Ok(()) };
        let small = |n: u64| u32::try_from(n).map_err(io::Error::other);
        let body = WriteEmbedded {
            object: U64::new(w.object),
            offset: U64::new(w.offset),
            length: U64::new(w.blksz),
            toguid: U64::new(out.params().toguid),
            compression: w.block.compress.0,
            etype: w.block.embedded.unwrap_or(0),
            pad: [0; 6],
            lsize: U32::new(small(w.block.lsize)?),
            psize: U32::new(small(w.block.psize)?),
        };
        out.emit(ReplayRecord::new(&body), &w.payload)
    }
}
