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
        let etype = w.block.embedded.ok_or_else(|| {
            let (object, offset) = (w.object, w.offset);
            io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("object {object}, offset {offset}: the block is not embedded, expected a type of embedded block"),
            )
        })?;
        let body = WriteEmbedded {
            object: U64::new(w.object),
            offset: U64::new(w.offset),
            length: U64::new(w.blksz),
            toguid: U64::new(out.params().toguid),
            compression: w.block.compress.0,
            etype,
            pad: [0; 6],
            lsize: U32::new(small(w.block.lsize)?),
            psize: U32::new(small(w.block.psize)?),
        };
        out.emit(OutHeader::of(&body), &w.payload)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::Dialect;
    use crate::emit::StreamParams;
    use crate::encoder::Encoder;
    use crate::event::{BlockInfo, Event};
    use zsend_records::writer::{Payload, StreamWriter};

    #[test]
    fn a_block_that_is_not_embedded_is_refused_as_one() {
        let block = BlockInfo { lsize: 512, psize: 8, ..BlockInfo::default() };
        let write = |block| event::WriteEmbedded {
            object: 7,
            offset: 1024,
            blksz: 512,
            block,
            payload: Payload::new(vec![0; 8]),
        };
        let params = StreamParams::new(Dialect::OpenZfs, 42);
        let mut encoder = Encoder::new(params, StreamWriter::new(Vec::new()));
        let error = encoder.event(&Event::WriteEmbedded(write(block))).unwrap_err().to_string();
        let expected =
            "object 7, offset 1024: the block is not embedded, expected a type of embedded block";
        assert_eq!(error, expected);
        assert_eq!(encoder.summary().records(), 0);
        let embedded = write(BlockInfo { embedded: Some(0), ..block });
        encoder.event(&Event::WriteEmbedded(embedded)).unwrap();
        assert_eq!(encoder.summary().records(), 1);
    }
}
