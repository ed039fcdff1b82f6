//! The byte order of dnodes and of object sets, which are made of dnodes.

use super::{Way, fields, turn, u64s};
use crate::blkptr::BLKPTR_SIZE;
use crate::dmu::dnode::{CORE_SIZE, DNODE_SIZE};
use zsend_records::types::{ByteswapKind, DmuType};

/// Most block pointers that a dnode has room for.
const MAX_BLKPTRS: usize = 3;
/// Offsets in a dnode's core: `dn_nblkptr`, `dn_bonustype`, `dn_flags`, `dn_bonuslen`,
/// `dn_extra_slots`.
const NBLKPTR: usize = 3;
const BONUSTYPE: usize = 4;
const FLAGS: usize = 7;
const BONUSLEN: usize = 10;
const EXTRA_SLOTS: usize = 12;
/// The dnode's last 128 bytes are a block pointer: `DNODE_FLAG_SPILL_BLKPTR`.
const FLAG_SPILL: u8 = 4;

/// Offsets in `objset_phys_t`: the intent log's header, then type and flags; the MACs after them
/// are bytes. Then the accounting dnodes, as many as the block has room for.
const ZIL_HEADER: usize = 512;
const MACS: usize = 720;
const ACCOUNTING: usize = 1024;
const MAX_ACCOUNTING: usize = 3;

/// Turns a block of dnodes, stepping over the inner slots of large ones.
///
/// Follows `dnode_buf_byteswap()`, OpenZFS `module/zfs/dnode.c`, zfs-2.3.2.
pub(super) fn block(data: &mut [u8], way: Way) {
    let mut rest = data;
    while rest.len() >= DNODE_SIZE {
        let slots = if rest[0] == DmuType::NONE.0 { 1 } else { usize::from(rest[EXTRA_SLOTS]) + 1 };
        let size = (slots * DNODE_SIZE).min(rest.len() / DNODE_SIZE * DNODE_SIZE);
        let (one, more) = rest.split_at_mut(size);
        dnode(one, way);
        rest = more;
    }
}

/// Turns one dnode with all its slots.
fn dnode(data: &mut [u8], way: Way) {
    if data[0] == DmuType::NONE.0 {
        // A free slot means nothing but that it is free. The reference clears it, so that whatever
        // is left in it cannot be taken for the slot count of a large dnode.
        data.fill(0);
        return;
    }
    let nblkptr = usize::from(data[NBLKPTR]).min(MAX_BLKPTRS);
    let bonustype = DmuType(data[BONUSTYPE]);
    let has_spill = data[FLAGS] & FLAG_SPILL != 0;
    let has_bonus = data[BONUSLEN..BONUSLEN + 2] != [0, 0];
    // Eight single bytes, datablkszsec, bonuslen, extra_slots and padding, maxblkid, used.
    fields(data, &[1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 1, 1, 1, 1, 8, 8]);
    let bonus = CORE_SIZE + nblkptr * BLKPTR_SIZE;
    let end = if has_spill { data.len() - BLKPTR_SIZE } else { data.len() };
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
///
/// Source: OpenZFS `include/sys/dmu_objset.h`, `objset_phys_t`, zfs-2.3.2.
pub(super) fn objset(data: &mut [u8], way: Way) {
    if let Some(meta) = data.get_mut(..DNODE_SIZE) {
        dnode(meta, way);
    }
    if let Some(words) = data.get_mut(ZIL_HEADER..MACS) {
        u64s(words);
    }
    let accounting = data.get_mut(ACCOUNTING..).unwrap_or_default();
    for one in accounting.chunks_exact_mut(DNODE_SIZE).take(MAX_ACCOUNTING) {
        dnode(one, way);
    }
}
