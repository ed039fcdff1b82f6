//! OBJECT: a dnode with its bonus, and the FREE of everything past its end.

use super::RecordEncoder;
use crate::emit::Emit;
use crate::event;
use crate::policy::OLD_MAX_BLOCK_SIZE;
use std::io;
use zerocopy::byteorder::{U32, U64};
use zsend_records::drr::{OBJECT_END, Object};
use zsend_records::flags::{Features, RecordFlags};
use zsend_records::writer::{Measured, OutHeader};

pub(super) struct ObjectEncoder;

impl<P: Measured> RecordEncoder<event::Object<P>, P> for ObjectEncoder {
    /// Follows `dump_dnode()`, illumos `dmu_send.c` and OpenZFS `module/zfs/dmu_send.c`, zfs-2.3.2.
    fn encode(&self, o: &event::Object<P>, out: &mut dyn Emit<P>) -> io::Result<()> {
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
                body.raw_bonuslen =
                    U32::new(u32::try_from(o.bonus.size()).map_err(io::Error::other)?);
            }
        }
        body.flags = flags.bits();
        out.emit(OutHeader::of(&body), &o.bonus)?;
        let end = o.maxblkid.wrapping_add(1).wrapping_mul(o.blksz);
        out.free(o.object, end, OBJECT_END)
    }
}
