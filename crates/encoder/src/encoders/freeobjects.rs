//! FREEOBJECTS: free dnode slots, and holes in the meta-dnode.

use super::RecordEncoder;
use super::free::{blocks, span};
use crate::emit::Emit;
use crate::event::{FreeSlot, Hole};
use std::io;
use zerocopy::byteorder::U64;
use zsend_records::drr::FreeObjects;
use zsend_records::sizes::{DNODE_SIZE, DNODES_PER_BLOCK};
use zsend_records::writer::{Measured, OutHeader};

/// log2 of a dnode slot's bytes.
const DNODE_SHIFT: u32 = DNODE_SIZE.trailing_zeros();

pub(super) struct FreeObjectsEncoder;

impl<P: Measured> RecordEncoder<FreeSlot, P> for FreeObjectsEncoder {
    fn encode(&self, slot: &FreeSlot, out: &mut dyn Emit<P>) -> io::Result<()> {
        add(slot.object, 1, out)
    }
}

impl<P: Measured> RecordEncoder<Hole, P> for FreeObjectsEncoder {
    fn encode(&self, hole: &Hole, out: &mut dyn Emit<P>) -> io::Result<()> {
        if out.params().dialect.is_illumos() {
            let span = span(hole);
            return add(hole.blkid.wrapping_mul(span) >> DNODE_SHIFT, span >> DNODE_SHIFT, out);
        }
        let Some((first, count)) = blocks(hole) else { return Ok(()) };
        add(first.wrapping_mul(DNODES_PER_BLOCK), count.wrapping_mul(DNODES_PER_BLOCK), out)
    }
}

fn add<P>(first: u64, count: u64, out: &mut dyn Emit<P>) -> io::Result<()> {
    let params = *out.params();
    if params.dialect.is_illumos() {
        return out.free_objects(first, count);
    }
    // OpenZFS tells only of numbers that the meta-dnode has blocks for: receivers walked
    // every number of a huge range.
    if params.object_limit <= first {
        return Ok(());
    }
    out.free_objects(first, count.min(params.object_limit - first))
}

/// The FREEOBJECTS of a range that is complete.
pub(crate) fn freeobjects_header(first: u64, count: u64, toguid: u64) -> OutHeader {
    OutHeader::of(&FreeObjects {
        firstobj: U64::new(first),
        numobjs: U64::new(count),
        toguid: U64::new(toguid),
    })
}
