//! OBJECT_RANGE: the encryption parameters of a block of dnodes.

use super::RecordEncoder;
use crate::emit::Emit;
use crate::event;
use std::io;
use zerocopy::byteorder::U64;
use zsend_records::drr::ObjectRange;
use zsend_records::flags::{Features, RecordFlags};
use zsend_records::writer::{Measured, OutHeader};

pub(super) struct ObjectRangeEncoder;

impl<P: Measured> RecordEncoder<event::ObjectRange, P> for ObjectRangeEncoder {
    fn encode(&self, range: &event::ObjectRange, out: &mut dyn Emit<P>) -> io::Result<()> {
        let crypt = &range.crypt;
        let params = *out.params();
        if !params.features.contains(Features::RAW) {
            return Ok(());
        }
        let mut flags = RecordFlags::empty();
        flags.set(RecordFlags::RAW_BYTESWAP, crypt.byteswap);
        let body = ObjectRange {
            firstobj: U64::new(range.firstobj),
            numslots: U64::new(range.numslots),
            toguid: U64::new(params.toguid),
            salt: crypt.salt,
            iv: crypt.iv,
            mac: crypt.mac,
            flags: flags.bits(),
            pad: [0; 3],
        };
        out.emit(OutHeader::of(&body), &P::NONE)
    }
}
