//! FREEOBJECTS: free dnode slots, and holes in the meta-dnode.

use super::RecordEncoder;
use super::free::{blocks, span};
use crate::encoder::Emit;
use crate::event::Event;
use std::io;

/// log2 of a dnode slot's bytes.
const DNODE_SHIFT: u32 = 9;
/// Dnode slots in a block of the meta-dnode.
const DNODES_PER_BLOCK: u64 = 32;

pub(super) struct FreeObjectsEncoder;

impl RecordEncoder for FreeObjectsEncoder {
    fn takes(&self, event: &Event) -> bool {
        match event {
            Event::FreeSlot { .. } => true,
            Event::Hole(hole) => hole.object == 0,
            _ => false,
        }
    }

    fn encode(&self, event: &Event, out: &mut dyn Emit) -> io::Result<()> {
        let params = *out.params();
        let (first, count) = match event {
            Event::FreeSlot { object } => (*object, 1),
            Event::Hole(hole) if params.dialect.is_illumos() => {
                let span = span(hole);
                (hole.blkid.wrapping_mul(span) >> DNODE_SHIFT, span >> DNODE_SHIFT)
            }
            Event::Hole(hole) => match blocks(hole) {
                Some((first, count)) => {
                    (first.wrapping_mul(DNODES_PER_BLOCK), count.wrapping_mul(DNODES_PER_BLOCK))
                }
                None => return Ok(()),
            },
            _ => return Ok(()),
        };
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
}
