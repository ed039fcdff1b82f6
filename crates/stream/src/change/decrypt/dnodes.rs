//! Dnodes of a raw stream: their bonuses, which are encrypted together, block by block.

use super::super::error::ChangeError;
use super::super::packet::Packet;
use super::Stream;
use crate::raw::{core_of, turn};
use zsend_crypto::{BlockParams, BonusCipher};
use zsend_ondisk::dnode::{DNODES_PER_BLOCK, MAX_BLKPTRS};
use zsend_records::Order;
use zsend_records::drr::{Object, ObjectRange};
use zsend_records::flags::RecordFlags;
use zsend_records::types::DmuType;
use zsend_records::zerocopy::byteorder::LE;

/// A block of dnodes that is under way.
#[derive(Debug)]
pub(super) struct Dnodes {
    bonuses: BonusCipher,
    /// Least number that the next object may have.
    next: u64,
    /// The object behind the block.
    end: u64,
    /// Byte order of the block.
    order: Order,
    is_swapped: bool,
    /// Number of objects at its beginning whose dnodes the stream has not, as it was resumed behind them.
    absent: u64,
}

impl Dnodes {
    /// The block of an OBJECT_RANGE.
    pub(super) fn begin(
        packet: &Packet,
        range: &ObjectRange<LE>,
        stream: &Stream,
    ) -> Result<Self, ChangeError> {
        let (first, slots) = (range.firstobj.get(), range.numslots.get());
        let what = || format!("objects {first} and on");
        let wrong = |why: String| ChangeError::contents(&packet.origin, what(), why);
        let end = first.checked_add(slots).filter(|_| slots == DNODES_PER_BLOCK);
        let end = end.filter(|_| first.is_multiple_of(DNODES_PER_BLOCK)).ok_or_else(|| {
            wrong(format!(
                "a block of {slots} dnodes, expected {DNODES_PER_BLOCK} from a multiple of it on"
            ))
        })?;
        if stream.dnodes.as_ref().is_some_and(|before| first < before.end) {
            return Err(wrong("this block of dnodes comes behind a later one".to_owned()));
        }
        let params = BlockParams { salt: range.salt, iv: range.iv, mac: range.mac };
        let bonuses = stream.key.bonus_cipher(&params).map_err(|e| wrong(e.to_string()))?;
        let is_swapped = range.flags().contains(RecordFlags::RAW_BYTESWAP);
        // No object has number 0.
        let absent = stream.first_object.min(end).saturating_sub(first.max(1));
        Ok(Self {
            bonuses,
            next: first,
            end,
            order: block_order(packet, is_swapped),
            is_swapped,
            absent,
        })
    }

    /// Checks the numbers of an object's dnode, of which those that follow are made; the type of its bonus.
    pub(super) fn check(
        &mut self,
        packet: &Packet,
        object: &Object<LE>,
    ) -> Result<DmuType, ChangeError> {
        let number = object.object.get();
        let wrong = |why: String| {
            Err(ChangeError::contents(&packet.origin, format!("object {number}"), why))
        };
        let slots = u64::from(object.dn_slots.max(1));
        let next = number.checked_add(slots).filter(|&next| next <= self.end);
        let Some(next) = next.filter(|_| number >= self.next) else {
            return wrong(format!(
                "its {slots} slots are not among those from {} to {}, as its OBJECT_RANGE and the objects before it \
                 have it",
                self.next, self.end
            ));
        };
        if object.flags().contains(RecordFlags::RAW_BYTESWAP) != self.is_swapped {
            return wrong("its byte order is not that of its OBJECT_RANGE".to_owned());
        }
        if !(1..=6).contains(&object.nlevels) || !(12..=17).contains(&object.indblkshift) {
            return wrong(format!(
                "{} levels of indirect blocks of 2^{} bytes, expected 1 to 6 of 2^12 to 2^17",
                object.nlevels, object.indblkshift
            ));
        }
        if !(1..=MAX_BLKPTRS).contains(&object.nblkptr) {
            return wrong(format!(
                "{} block pointers, expected 1 to {MAX_BLKPTRS}",
                object.nblkptr
            ));
        }
        let core = match core_of(object) {
            Ok(core) => core,
            Err(error) => return wrong(error.to_string()),
        };
        let room = core.bonus_room(core.size()).map_or(0, |room| room.len());
        let (len, raw) = (object.bonuslen.get(), object.raw_bonuslen.get());
        let right = if len == 0 { 0 } else { room };
        if raw as usize != right || len as usize > room {
            return wrong(format!(
                "a bonus of {len} bytes, and {raw} with what is behind it, expected {right}"
            ));
        }
        self.next = next;
        Ok(DmuType(core.bonustype))
    }

    /// Decrypts the bonus, of that type, of an object that was checked, and makes of the record that of a plain stream.
    pub(super) fn open(
        &mut self,
        packet: &mut Packet,
        object: &Object<LE>,
        kind: DmuType,
    ) -> Result<(), ChangeError> {
        let mut bonus = packet.payload().to_vec();
        if kind.is_encrypted() && !bonus.is_empty() {
            if self.absent > 0 {
                let why = format!(
                    "the bonus of object {} is encrypted behind those of objects that the stream has not, because it \
                     was resumed behind them",
                    object.object
                );
                return Err(ChangeError::refused(&packet.origin, why));
            }
            // The sender has turned the bonus by its type, though it is encrypted.
            if self.is_swapped {
                turn(kind, self.order, &mut bonus);
            }
            let opened = self.bonuses.apply(&mut bonus);
            let what = || format!("object {}", object.object);
            opened.map_err(|e| ChangeError::contents(&packet.origin, what(), e.to_string()))?;
            if self.is_swapped {
                turn(kind, packet.order, &mut bonus);
            }
        }
        // A plain sender rounds the length up, and leaves the rest of the room away.
        let len = (object.bonuslen.get() as usize).next_multiple_of(8);
        bonus.resize(len, 0);
        packet.set_payload(bonus);
        if let Some(object) = packet.body_mut::<Object<LE>>() {
            object.flags &= RecordFlags::OBJECT_SPILL.bits();
            object.raw_bonuslen = 0.into();
            (object.indblkshift, object.nlevels, object.nblkptr) = (0, 0, 0);
            object.maxblkid = 0.into();
        }
        Ok(())
    }
}

/// Byte order of a block that a record holds.
pub(super) fn block_order(packet: &Packet, is_swapped: bool) -> Order {
    Order::from_big_endian((packet.order == Order::Big) != is_swapped)
}
