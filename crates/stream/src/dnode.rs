//! Facts of dnodes that OBJECT records tell.

use zsend_ondisk::blkptr::BLKPTR_SIZE;
use zsend_ondisk::dnode::CORE_SIZE;
use zsend_records::drr::Object;
use zsend_records::sizes::{DNODE_SIZE, DNODES_PER_BLOCK};
use zsend_records::types::DmuType;
use zsend_records::zerocopy::byteorder::LE;

/// Dnode slots of an object; records of before large dnodes have zero there.
pub(crate) fn slots(object: &Object<LE>) -> u64 {
    u64::from(object.dn_slots).max(1)
}

/// `DN_SLOTS_TO_BONUSLEN`: the room for a bonus behind one block pointer.
pub(crate) fn bonus_room(o: &Object<LE>) -> u64 {
    (slots(o).min(DNODES_PER_BLOCK) - 1) * DNODE_SIZE as u64 + OLD_MAX_BONUSLEN
}

/// Block pointers that a receiver takes a dnode to have, as far as the record tells: `deduce_nblkptr()`, OpenZFS
/// `module/zfs/dmu_recv.c`, zfs-2.3.2. It counts with the bonus of a dnode of one slot, however many there are.
pub(crate) fn deduced_nblkptr(object: &Object<LE>) -> u64 {
    if object.bonustype.get() == u32::from(DmuType::SA.0) {
        return 1;
    }
    1 + (OLD_MAX_BONUSLEN.saturating_sub(object.bonuslen.get().into()) / BLKPTR_SIZE as u64)
}

/// The room for a bonus behind one block pointer in one slot: `DN_OLD_MAX_BONUSLEN`.
const OLD_MAX_BONUSLEN: u64 = (DNODE_SIZE - CORE_SIZE - BLKPTR_SIZE) as u64;
