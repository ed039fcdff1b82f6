//! Facts of dnodes that OBJECT records tell.

use zsend_records::drr::Object;
use zsend_records::zerocopy::byteorder::LE;

/// Dnode slots of a block: OBJECT records run ahead of their data by no more.
pub(crate) const SLOTS: u64 = 32;

/// Dnode slots of an object; records of before large dnodes have zero there.
pub(crate) fn slots(object: &Object<LE>) -> u64 {
    u64::from(object.dn_slots).max(1)
}

/// `DN_SLOTS_TO_BONUSLEN`: the room for a bonus behind one block pointer.
pub(crate) fn bonus_room(o: &Object<LE>) -> u64 {
    slots(o).min(SLOTS) * 512 - 64 - 128
}
