//! OBJECT_RANGE: the encryption parameters of a block of dnodes.

use super::RecordEncoder;
use crate::encoder::Emit;
use crate::event::{Event, Payload};
use std::io;
use zerocopy::byteorder::U64;
use zsend_records::drr::{ObjectRange, ReplayRecord};
use zsend_records::flags::{Features, RecordFlags};

pub(super) struct ObjectRangeEncoder;

impl RecordEncoder for ObjectRangeEncoder {
    fn takes(&self, event: &Event) -> bool {
        matches!(event, Event::ObjectRange { .. })
    }

    fn encode(&self, event: &Event, out: &mut dyn Emit) -> io::Result<()> {
        let Event::ObjectRange { firstobj, numslots, crypt } = event else { return Ok(()) };
        let params = *out.params();
        if !params.features.contains(Features::RAW) {
            return Ok(());
        }
        let mut flags = RecordFlags::empty();
        flags.set(RecordFlags::RAW_BYTESWAP, crypt.byteswap);
        let body = ObjectRange {
            firstobj: U64::new(*firstobj),
            numslots: U64::new(*numslots),
            toguid: U64::new(params.toguid),
            salt: crypt.salt,
            iv: crypt.iv,
            mac: crypt.mac,
            flags: flags.bits(),
            pad: [0; 3],
        };
        out.emit(ReplayRecord::new(&body), &Payload::NONE)
    }
}
