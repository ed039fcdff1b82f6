//! FREE: holes in objects.

use super::RecordEncoder;
use crate::emit::Emit;
use crate::event::Hole;
use std::io;
use zerocopy::byteorder::U64;
use zsend_records::drr::{Free, OBJECT_END};
use zsend_records::writer::{Measured, OutHeader};

pub(super) struct FreeEncoder;

impl<P: Measured> RecordEncoder<Hole, P> for FreeEncoder {
    fn encode(&self, hole: &Hole, out: &mut dyn Emit<P>) -> io::Result<()> {
        let range = if out.params().dialect.is_illumos() {
            illumos_range(hole)
        } else {
            openzfs_range(hole)
        };
        range.map_or(Ok(()), |(offset, length)| out.free(hole.object, offset, length))
    }
}

/// The FREE of a range that is complete.
pub(crate) fn free_header(object: u64, offset: u64, length: u64, toguid: u64) -> OutHeader {
    let [object, offset, length, toguid] = [object, offset, length, toguid].map(U64::new);
    OutHeader::of(&Free { object, offset, length, toguid })
}

/// `BP_SPAN`: bytes below a pointer. The C shift wraps at 64 bits, and its count on the machines
/// that streams are made on at 64, and so does this.
pub(super) fn span(hole: &Hole) -> u64 {
    let per_level = u32::from(hole.indblkshift).wrapping_sub(7);
    let shift = hole.level.wrapping_mul(per_level).wrapping_add(9);
    u64::from(hole.datablkszsec).wrapping_shl(shift)
}

/// The hole branch of `do_dump()`, illumos `dmu_send.c`: dropped if its start passes 2^64.
fn illumos_range(hole: &Hole) -> Option<(u64, u64)> {
    let span = span(hole);
    (hole.blkid == 0 || span <= OBJECT_END / hole.blkid)
        .then(|| (hole.blkid.wrapping_mul(span), span))
}

/// Blocks below a pointer, and the first of them; `None` if that passes 2^64.
pub(super) fn blocks(hole: &Hole) -> Option<(u64, u64)> {
    let shift = hole.level.saturating_mul(u32::from(hole.indblkshift).saturating_sub(7));
    let count = 1u64.checked_shl(shift)?;
    Some((hole.blkid.checked_mul(count)?, count))
}

/// `send_cb()` and the hole branch of `do_dump()`, OpenZFS `module/zfs/dmu_send.c`, zfs-2.3.2: a
/// hole past the end of the data is dropped, one that reaches 2^64 is cut there.
fn openzfs_range(hole: &Hole) -> Option<(u64, u64)> {
    let (first, count) = blocks(hole)?;
    if !hole.is_metadata && first > hole.maxblkid {
        return None;
    }
    let blksz = u64::from(hole.datablkszsec) << 9;
    let offset = first.checked_mul(blksz)?;
    let end = first.checked_add(count).and_then(|e| e.checked_mul(blksz)).unwrap_or(OBJECT_END);
    Some((offset, end - offset))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn hole(level: u32, blkid: u64, maxblkid: u64) -> Hole {
        Hole {
            object: 1,
            level,
            blkid,
            indblkshift: 17,
            datablkszsec: 256,
            maxblkid,
            is_metadata: false,
        }
    }

    #[test]
    fn both_agree_inside_the_object() {
        for h in [hole(0, 3, 10), hole(1, 1, 5000), hole(2, 0, 1 << 30)] {
            assert_eq!(illumos_range(&h), openzfs_range(&h));
        }
        assert_eq!(illumos_range(&hole(1, 1, 0)), Some((128 << 20, 128 << 20)));
    }

    #[test]
    fn openzfs_drops_what_lies_past_the_end() {
        assert_eq!(openzfs_range(&hole(0, 11, 10)), None);
        assert!(illumos_range(&hole(0, 11, 10)).is_some());
        let metadata = Hole { is_metadata: true, ..hole(0, 11, 10) };
        assert_eq!(openzfs_range(&metadata), illumos_range(&metadata));
    }

    #[test]
    fn starts_past_two_to_the_sixty_four_are_dropped() {
        assert_eq!(illumos_range(&hole(4, 1 << 8, u64::MAX)), None);
        assert_eq!(openzfs_range(&hole(4, 1 << 24, u64::MAX)), None);
    }

    proptest! {
        /// Any hole is a range or none, in either dialect; a hole comes from a disk.
        #[test]
        fn any_hole_ends(
            level in prop_oneof![0u32..9, any::<u32>()],
            blkid in any::<u64>(),
            indblkshift in any::<u8>(),
            datablkszsec in any::<u16>(),
            maxblkid in any::<u64>(),
        ) {
            let h = Hole { indblkshift, datablkszsec, ..hole(level, blkid, maxblkid) };
            let _ = illumos_range(&h);
            if let Some((offset, length)) = openzfs_range(&h) {
                prop_assert!(offset.checked_add(length).is_some());
            }
        }
    }

    #[test]
    fn a_hole_of_the_second_level_may_have_no_shift() {
        let h = Hole { indblkshift: 0, ..hole(2, 0, 0) };
        assert_eq!(illumos_range(&h), Some((0, 256 << 59)));
    }

    #[test]
    fn a_span_of_two_to_the_sixty_four_is_zero() {
        let meta = Hole { object: 0, datablkszsec: 32, ..hole(5, 0, 0) };
        assert_eq!(span(&meta), 0);
    }
}
