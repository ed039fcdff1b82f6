//! OBJECT: a dnode with its bonus, and the FREE of everything past its end.

use super::RecordEncoder;
use crate::encoder::Emit;
use crate::event::Event;
use crate::policy::OLD_MAX_BLOCK_SIZE;
use std::io;
use zerocopy::byteorder::{U32, U64};
use zsend_records::drr::{OBJECT_END, Object, ReplayRecord};
use zsend_records::flags::{Features, RecordFlags};

pub(super) struct ObjectEncoder;

impl RecordEncoder for ObjectEncoder {
    fn takes(&self, event: &Event) -> bool {
        matches!(event, Event::Object(_))
    }

    /// Follows `dump_dnode()`, illumos `dmu_send.c` and OpenZFS `module/zfs/dmu_send.c`, zfs-2.3.2.
    fn encode(&self, event: &Event, out: &mut dyn Emit) -> io::Result<()> {
        let Event::Object(o) = event else { return Ok(()) };
        let params = *out.params();
        let large = params.features.contains(Features::LARGE_BLOCKS);
        let blksz = if large { o.blksz } else { o.blksz.min(OLD_MAX_BLOCK_SIZE) };
        let mut flags = RecordFlags::empty();
        flags.set(RecordFlags::OBJECT_SPILL, o.has_spill);
        let mut body = Object {
            object: U64::new(o.object),
            object_type: U32::new(o.object_type.0.into()),
            bonustype: U32::new(o.bonustype.0.into()),
            // A block size has 25 bits and a payload follows a block's.
            blksz: U32::new(u32::try_from(blksz).map_err(io::Error::other)?),
            bonuslen: U32::new(o.bonuslen),
            checksumtype: o.checksum,
            compress: o.compress,
            dn_slots: o.slots.to_le_bytes()[0],
            flags: 0,
            raw_bonuslen: U32::new(0),
            toguid: U64::new(params.toguid),
            indblkshift: 0,
            nlevels: 0,
            nblkptr: 0,
            pad: [0; 5],
            maxblkid: U64::new(0),
        };
        if params.features.contains(Features::RAW) {
            flags.set(RecordFlags::RAW_BYTESWAP, o.byteswap);
            body.maxblkid = U64::new(o.maxblkid);
            body.indblkshift = o.indblkshift;
            body.nlevels = o.nlevels;
            body.nblkptr = o.nblkptr;
            if o.bonuslen != 0 {
                body.raw_bonuslen = U32::new(u32::try_from(o.bonus.len).map_err(io::Error::other)?);
            }
        }
        body.flags = flags.bits();
        out.emit(ReplayRecord::new(&body), &o.bonus)?;
        let end = o.maxblkid.wrapping_add(1).wrapping_mul(o.blksz);
        out.free(o.object, end, OBJECT_END)
    }
}
