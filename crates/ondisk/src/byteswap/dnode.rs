//! The byte order of dnodes and of object sets, which are made of dnodes.

use super::{Way, turn, u64s};
use crate::dnode::{CORE_SIZE, DNODE_SIZE, DnodePhys, MAX_BLKPTRS};
use crate::objset::{ACCOUNTING, ObjsetPhys};
use zerocopy::FromBytes;
use zsend_records::types::{ByteswapKind, DmuType};

/// Turns a block of dnodes, stepping over the inner slots of large ones.
///
/// Follows `dnode_buf_byteswap()`, OpenZFS `module/zfs/dnode.c`, zfs-2.3.2.
pub(super) fn block(data: &mut [u8], way: Way) {
    let mut rest = data;
    while rest.len() >= DNODE_SIZE {
        let Ok((core, _)) = DnodePhys::ref_from_prefix(rest) else { return };
        let size = if core.is_free() { DNODE_SIZE } else { core.size() };
        let size = size.min(rest.len() / DNODE_SIZE * DNODE_SIZE);
        let (one, more) = rest.split_at_mut(size);
        dnode(one, way);
        rest = more;
    }
}

/// Turns one dnode with all its slots.
fn dnode(data: &mut [u8], way: Way) {
    let size = data.len();
    let Ok((core, _)) = DnodePhys::mut_from_prefix(data) else { return };
    if core.is_free() {
        // A free slot means nothing but that it is free. The reference clears it, so that whatever
        // is left in it cannot be taken for the slot count of a large dnode.
        data.fill(0);
        return;
    }
    let sound = DnodePhys { nblkptr: core.nblkptr.min(MAX_BLKPTRS), ..*core };
    let (bonus, end) = (sound.bonus_start(), sound.bonus_end(size));
    let (bonustype, has_bonus) = (DmuType(core.bonustype), core.bonuslen.get() != 0);
    core.swap();
    // With three block pointers and a spill pointer, a dnode of one slot has no room for a bonus,
    // and the last of its own pointers ends in the spill pointer.
    u64s(&mut data[CORE_SIZE..bonus.min(end)]);
    if has_bonus && let Some(bonus) = data.get_mut(bonus..end) {
        turn_bonus(bonustype, bonus, way);
    }
    u64s(&mut data[end..]);
}

/// Turns the whole of a bonus's room by the bonus's type: what lies past its length is zero.
fn turn_bonus(bonustype: DmuType, bonus: &mut [u8], way: Way) {
    match bonustype.byteswap() {
        // Nothing has dnodes in a bonus; following them would let a block nest without end.
        None | Some(ByteswapKind::Dnode | ByteswapKind::Objset) => {}
        Some(kind) => turn(kind, bonus, way),
    }
}

/// Turns an object set's own block of any of the three sizes.
pub(super) fn objset(data: &mut [u8], way: Way) {
    if let Some(meta) = data.get_mut(..DNODE_SIZE) {
        dnode(meta, way);
    }
    if let Some(words) = data.get_mut(ObjsetPhys::WORDS) {
        u64s(words);
    }
    for place in ACCOUNTING {
        if let Some(one) = data.get_mut(place) {
            dnode(one, way);
        }
    }
}
