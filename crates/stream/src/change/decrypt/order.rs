//! Places of the records of a raw stream: what no MAC is over must stand where a sender puts it.

use crate::change::error::ChangeError;
use crate::change::packet::Packet;
use std::collections::BTreeMap;
use zsend_records::drr::OBJECT_END;
use zsend_records::reader::Record;

/// An object of the block of dnodes that is under way.
#[derive(Clone, Copy, Debug)]
struct OpenObject {
    blksz: u64,
    maxblkid: u64,
    has_spill: bool,
}

/// The records that came, as far as the next ones are judged by them.
#[derive(Debug, Default)]
pub(super) struct RecordOrder {
    /// Objects of the block of dnodes that is under way.
    objects: BTreeMap<u64, OpenObject>,
    /// The object behind the last OBJECT.
    next_object: u64,
    /// The object of the last data, and the offset behind it.
    reached: (u64, u64),
}

impl RecordOrder {
    /// Takes a record in; an error if it stands where no sender puts it.
    pub(super) fn check(&mut self, packet: &Packet) -> Result<(), ChangeError> {
        let wrong = |object: u64, why: String| {
            Err(ChangeError::contents(&packet.origin, format!("object {object}"), why))
        };
        match packet.record() {
            Record::ObjectRange(_) => self.objects.clear(),
            Record::Object(object) => {
                let (number, slots) = (object.object.get(), u64::from(object.dn_slots).max(1));
                if number < self.next_object {
                    let why =
                        format!("it comes behind object {}", self.next_object.saturating_sub(1));
                    return wrong(number, why);
                }
                self.next_object = number.saturating_add(slots);
                let (blksz, maxblkid) = (u64::from(object.blksz.get()), object.maxblkid.get());
                self.objects.insert(number, OpenObject { blksz, maxblkid, has_spill: false });
            }
            Record::Write(write) => {
                let (number, offset) = (write.object.get(), write.offset.get());
                let Some(object) = self.objects.get(&number) else {
                    return wrong(number, "a block of it comes without its OBJECT".into());
                };
                if (number, offset) < self.reached {
                    let (object, end) = self.reached;
                    return wrong(
                        number,
                        format!("offset {offset} comes behind <{object}, {end}>"),
                    );
                }
                let blksz = object.blksz.max(1);
                if offset % blksz != 0 || offset / blksz > object.maxblkid {
                    let last = object.maxblkid;
                    return wrong(
                        number,
                        format!("offset {offset} is of no block of {blksz} up to {last}"),
                    );
                }
                self.reached = (number, offset.saturating_add(write.logical_size.get()));
            }
            Record::Spill(spill) => {
                let number = spill.object.get();
                match self.objects.get_mut(&number) {
                    Some(object) if !object.has_spill => object.has_spill = true,
                    Some(_) => return wrong(number, "it has two spill blocks".into()),
                    None => {
                        return wrong(
                            number,
                            "a spill block of it comes without its OBJECT".into(),
                        );
                    }
                }
            }
            Record::Free(free) => {
                let (number, offset) = (free.object.get(), free.offset.get());
                if !self.objects.contains_key(&number) {
                    return wrong(number, "a part of it is freed without its OBJECT".into());
                }
                if (number, offset) < self.reached {
                    let (object, end) = self.reached;
                    return wrong(
                        number,
                        format!("it is freed from {offset} on, behind <{object}, {end}>"),
                    );
                }
                let length = free.length.get();
                if length != OBJECT_END && offset.checked_add(length).is_none() {
                    return wrong(number, format!("{length} bytes from {offset} on are freed"));
                }
            }
            Record::FreeObjects(free) => {
                let first = free.firstobj.get();
                // A sender of illumos ends with one of no objects.
                if first < self.next_object && free.numobjs.get() > 0 {
                    let last = self.next_object.saturating_sub(1);
                    return wrong(first, format!("it is freed behind object {last}"));
                }
            }
            Record::Begin(_)
            | Record::End(_)
            | Record::WriteByref(_)
            | Record::WriteEmbedded(_)
            | Record::Redact(_)
            | Record::Unknown(_) => {}
        }
        Ok(())
    }
}
