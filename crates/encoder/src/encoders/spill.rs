//! SPILL: an object's attributes that its dnode has no room for.

use super::RecordEncoder;
use crate::emit::Emit;
use crate::event;
use std::io;
use zerocopy::byteorder::{U32, U64};
use zsend_records::drr::Spill;
use zsend_records::flags::{Features, RecordFlags};
use zsend_records::writer::{Measured, OutHeader};

pub(super) struct SpillEncoder;

impl<P: Measured> RecordEncoder<event::Spill<P>, P> for SpillEncoder {
    /// Follows `dump_spill()`, illumos `dmu_send.c` and OpenZFS `module/zfs/dmu_send.c`, zfs-2.3.2.
    fn encode(&self, s: &event::Spill<P>, out: &mut dyn Emit<P>) -> io::Result<()> {
        let params = *out.params();
        let raw = params.features.contains(Features::RAW);
        let crypt = if raw { s.block.crypt } else { Default::default() };
        let mut flags = RecordFlags::empty();
        flags.set(RecordFlags::SPILL_UNMODIFIED, s.unmodified);
        flags.set(RecordFlags::RAW_BYTESWAP, raw && crypt.byteswap);
        let body = Spill {
            object: U64::new(s.object),
            length: U64::new(s.block.lsize),
            toguid: U64::new(params.toguid),
            flags: flags.bits(),
            compressiontype: if raw { s.block.compress.0 } else { 0 },
            pad: [0; 6],
            compressed_size: U64::new(if raw { s.payload.size() } else { 0 }),
            salt: crypt.salt,
            iv: crypt.iv,
            mac: crypt.mac,
            // The struct has the field, and no sender of any lineage sets it.
            object_type: U32::new(0),
        };
        out.emit(OutHeader::of(&body), &s.payload)
    }
}
