//! WRITE_EMBEDDED: a block that lay in its block pointer, as it lay there.

use super::RecordEncoder;
use crate::emit::Emit;
use crate::event;
use std::io;
use zerocopy::byteorder::{U32, U64};
use zsend_records::drr::WriteEmbedded;
use zsend_records::writer::{Measured, OutHeader};

pub(super) struct WriteEmbeddedEncoder;

impl<P: Measured> RecordEncoder<event::WriteEmbedded<P>, P> for WriteEmbeddedEncoder {
    fn encode(&self, w: &event::WriteEmbedded<P>, out: &mut dyn Emit<P>) -> io::Result<()> {
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
        out.emit(OutHeader::of(&body), &w.payload)
    }
}
