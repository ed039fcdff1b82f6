//! State of a stream: all that later records depend on; bounded, whatever comes.

use super::written::Written;
use crate::dnode::slots;
use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use zsend_records::drr::{OBJECT_END, Object};
use zsend_records::flags::{Features, RecordFlags};
use zsend_records::reader::Record;
use zsend_records::sizes::DNODES_PER_BLOCK;
use zsend_records::types::DmuType;
use zsend_records::zerocopy::byteorder::LE;

/// An object whose OBJECT came, and whose data may still come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Announced {
    pub(super) object: u64,
    pub(super) object_type: DmuType,
    pub(super) blksz: u64,
    pub(super) maxblkid: u64,
    pub(super) has_spill: bool,
    /// Its spill block came.
    pub(super) spilled: bool,
    /// Bytes from its start of which every one came, as data or as a hole.
    pub(super) covered: u64,
    /// Offset behind its last block, once a FREE to the end has told it.
    pub(super) end: Option<u64>,
}

/// The last block that came, or was withheld.
#[derive(Clone, Copy, Debug)]
pub(super) struct LastWrite {
    pub(super) object: u64,
    /// Offset behind it.
    pub(super) end: u64,
}

/// State between a stream's BEGIN and its END.
#[derive(Debug, Default)]
pub(super) struct StreamState {
    /// Guid that the records carry: that of BEGIN, but in what an interrupted receive left (`zfs send -S`).
    pub(super) guid: Option<u64>,
    /// True if records are stamped with the running sum, as they are since 2013.
    pub(super) is_stamped: Option<bool>,
    /// The objects of one block of dnodes.
    objects: Vec<Announced>,
    /// Least number that an object, or a run of free ones, may have.
    pub(super) next_object: u64,
    pub(super) last_write: Option<LastWrite>,
    /// The last FREE: object, offset, length.
    pub(super) last_free: Option<(u64, u64, u64)>,
    /// Object whose OBJECT was the last record: a FREE of it comes next.
    pub(super) awaits_free: Option<u64>,
    /// Objects of the last OBJECT_RANGE: the first, and the one behind.
    pub(super) range: Option<(u64, u64)>,
    /// True if that range's dnodes are of the other byte order.
    pub(super) range_is_swapped: bool,
    /// Guids of the snapshots that earlier streams of the package sent.
    pub(super) earlier: EarlierGuids,
    /// Blocks that a WRITE_BYREF may refer to.
    pub(super) written: Written,
}

impl StreamState {
    /// The state of the next stream, which knows which came before.
    pub(super) fn begin(&mut self) {
        let earlier = std::mem::take(&mut self.earlier);
        *self = Self { earlier, ..Self::default() };
    }

    /// The object of this number, if its data may come now.
    pub(super) fn announced(&self, object: u64) -> Option<&Announced> {
        self.objects.iter().find(|announced| announced.object == object)
    }

    /// The objects whose data may come now.
    pub(super) fn objects(&self) -> impl Iterator<Item = &Announced> {
        self.objects.iter()
    }

    /// Takes in that these bytes of an object came.
    fn cover(&mut self, object: u64, offset: u64, length: u64) {
        let Some(known) = self.objects.iter_mut().find(|known| known.object == object) else {
            return;
        };
        if length == OBJECT_END {
            known.end = known.end.or(Some(offset));
        }
        if offset <= known.covered {
            known.covered = known.covered.max(offset.saturating_add(length));
        }
    }

    /// Takes a record in that keeps the rules.
    pub(super) fn take(&mut self, record: &Record<'_>, features: Features) {
        let dedups = features.contains(Features::DEDUP);
        let wrote = |state: &mut Self, object: u64, offset: u64, len: u64| {
            let end = offset.saturating_add(len);
            state.last_write = Some(LastWrite { object, end });
            state.cover(object, offset, len);
            if dedups && !matches!(record, Record::Redact(_)) {
                state.written.add(object, offset, end);
            }
        };
        self.awaits_free = None;
        match record {
            Record::Object(object) => {
                self.announce(object);
                self.awaits_free = Some(object.object.get());
                self.next_object = object.object.get().saturating_add(slots(object));
            }
            Record::FreeObjects(free) => {
                if free.numobjs.get() > 0 {
                    self.next_object = free.firstobj.get().saturating_add(free.numobjs.get());
                }
            }
            Record::Write(w) => wrote(self, w.object.get(), w.offset.get(), w.logical_size.get()),
            Record::WriteEmbedded(w) => {
                wrote(self, w.object.get(), w.offset.get(), w.length.get());
            }
            Record::WriteByref(w) => wrote(self, w.object.get(), w.offset.get(), w.length.get()),
            Record::Spill(spill) => self.spilled(spill.object.get()),
            Record::ObjectRange(range) => {
                let first = range.firstobj.get();
                self.range = Some((first, first.saturating_add(range.numslots.get())));
                self.range_is_swapped = range.flags().contains(RecordFlags::RAW_BYTESWAP);
            }
            Record::Free(f) => {
                let (object, offset, length) = (f.object.get(), f.offset.get(), f.length.get());
                self.last_free = Some((object, offset, length));
                self.cover(object, offset, length);
            }
            Record::Redact(r) => wrote(self, r.object.get(), r.offset.get(), r.length.get()),
            Record::Begin(_) | Record::End(_) | Record::Unknown(_) => {}
        }
    }

    /// Takes a record in that breaks a rule, as far as others would be blamed for it.
    pub(super) fn take_wrong(&mut self, record: &Record<'_>) {
        self.awaits_free = None;
        match record {
            Record::Object(object) => self.announce(object),
            Record::Write(w) => self.cover(w.object.get(), w.offset.get(), w.logical_size.get()),
            Record::WriteEmbedded(w) => self.cover(w.object.get(), w.offset.get(), w.length.get()),
            Record::WriteByref(w) => self.cover(w.object.get(), w.offset.get(), w.length.get()),
            Record::Free(f) => self.cover(f.object.get(), f.offset.get(), f.length.get()),
            Record::Redact(r) => self.cover(r.object.get(), r.offset.get(), r.length.get()),
            Record::Spill(spill) => self.spilled(spill.object.get()),
            Record::FreeObjects(_)
            | Record::ObjectRange(_)
            | Record::Begin(_)
            | Record::End(_)
            | Record::Unknown(_) => {}
        }
    }

    fn spilled(&mut self, object: u64) {
        if let Some(known) = self.objects.iter_mut().find(|known| known.object == object) {
            known.spilled = true;
        }
    }

    fn announce(&mut self, object: &Object<LE>) {
        let number = object.object.get();
        self.objects.retain(|known| {
            known.object / DNODES_PER_BLOCK == number / DNODES_PER_BLOCK && known.object != number
        });
        self.objects.push(Announced {
            object: number,
            object_type: object.object_type().unwrap_or_default(),
            blksz: object.blksz.get().into(),
            maxblkid: object.maxblkid.get(),
            has_spill: object.flags().contains(RecordFlags::OBJECT_SPILL),
            spilled: false,
            covered: 0,
            end: None,
        });
    }
}

/// Guids of the snapshots that earlier streams sent. Of more than are kept, any counts as sent.
#[derive(Clone, Debug, Default)]
pub(super) struct EarlierGuids(BTreeSet<u64>);

/// Hash of a name, which is kept in the place of the name: a name may be long, and there may be many.
pub(super) fn name_hash(name: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    hasher.finish()
}

impl EarlierGuids {
    /// Most guids that are kept.
    const MOST: usize = 128 << 10;

    pub(super) fn add(&mut self, guid: u64) {
        if self.0.len() < Self::MOST {
            self.0.insert(guid);
        }
    }

    /// Returns true if the snapshot was sent for sure.
    pub(super) fn is_known(&self, guid: u64) -> bool {
        self.0.contains(&guid)
    }

    /// Returns true if the snapshot was sent, or may have been.
    pub(super) fn contains(&self, guid: u64) -> bool {
        self.0.len() == Self::MOST || self.0.contains(&guid)
    }
}
