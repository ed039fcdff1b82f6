//! Datasets: heads and snapshots, and how they descend from one another.

use super::bookmark::DsBookmark;
use super::dir::Dir;
use crate::blkptr::BlkPtr;
use crate::dmu::objset::Objset;
use crate::zap;
use crate::zbookmark::Zbookmark;
use crate::{PoolError, Result, feature};
use std::collections::HashSet;
use std::sync::Arc;
use zerocopy::FromBytes;
use zsend_ondisk::dsl::{DatasetPhys, FLAG_CI_DATASET, FLAG_INCONSISTENT};
use zsend_ondisk::names::dataset::IVSET_GUID;
use zsend_records::types::DmuType;

/// A head or a snapshot.
#[derive(Clone, Debug)]
pub struct Dataset {
    /// Its object number in the MOS.
    pub object: u64,
    /// The directory that it belongs to.
    pub dir: u64,
    /// The snapshot before it, or zero.
    pub prev_snap: u64,
    /// Txg of the snapshot before it.
    pub prev_snap_txg: u64,
    /// The snapshot after it, or the head.
    pub next_snap: u64,
    /// ZAP of snapshot names (heads).
    pub snapnames: u64,
    /// True if it is a snapshot.
    pub is_snapshot: bool,
    /// Seconds since 1970.
    pub creation_time: u64,
    /// Txg that it was taken in.
    pub creation_txg: u64,
    /// Blocks that died between the previous snapshot and this dataset.
    pub deadlist: u64,
    /// Bytes that it refers to.
    pub referenced_bytes: u64,
    /// The same without copies and parity.
    pub compressed_bytes: u64,
    /// The same before compression.
    pub uncompressed_bytes: u64,
    /// Bytes that nothing else refers to.
    pub unique_bytes: u64,
    /// Identifier by which streams know it: `toguid` and `fromguid`.
    pub guid: u64,
    /// The object set.
    pub bp: BlkPtr,
    /// ZAP of a snapshot's own properties, or zero.
    pub props: u64,
    /// ZAP of a snapshot's holds, or zero.
    pub holds: u64,
    /// True if names are compared without case.
    pub is_case_insensitive: bool,
    /// True if it is a receive that has not ended.
    pub is_inconsistent: bool,
    /// Names of the fields and per-dataset features that its object's ZAP has.
    fields: Vec<zap::ZapEntry>,
    /// Reason why some of them cannot be read.
    fields_lost: Option<Arc<PoolError>>,
}

/// A snapshot that an incremental stream may start from, as far as it decides what descends from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Earlier {
    /// Object of the snapshot in the MOS; `None` if a bookmark is all that is left of it.
    object: Option<u64>,
    /// Object of the directory that it belongs to.
    dir: u64,
    /// Txg that it was taken in.
    creation_txg: u64,
}

impl Earlier {
    /// A snapshot.
    pub const fn snapshot(snapshot: &Dataset) -> Self {
        let Dataset { object, dir, creation_txg, .. } = snapshot;
        Self { object: Some(*object), dir: *dir, creation_txg: *creation_txg }
    }

    /// The snapshot that a bookmark of `head` was made of, and which may be gone.
    pub const fn bookmark(head: &Dataset, bookmark: &DsBookmark) -> Self {
        Self { object: None, dir: head.dir, creation_txg: bookmark.creation_txg }
    }
}

impl Dataset {
    /// Reads dataset `object` of the MOS.
    ///
    /// # Errors
    /// [`PoolError::Corrupt`] if the object is no dataset.
    pub fn open(mos: &Objset, object: u64) -> Result<Self> {
        let dnode = mos.dnode(object)?;
        let at = Zbookmark::new(mos.id(), object, 0, 0);
        let bonus = dnode.bonus();
        let phys = match DatasetPhys::ref_from_prefix(&bonus) {
            Ok((phys, _)) if dnode.bonustype == DmuType::DSL_DATASET => phys,
            _ => {
                let found = format!("type {}, {} bytes", dnode.bonustype, bonus.len());
                return Err(PoolError::corrupt(at, "bonus", found, "a DSL dataset"));
            }
        };
        // An object that is still of the old type has no fields; one that was "zapified" has.
        let (fields, fields_lost) = if dnode.object_type == DmuType::DSL_DATASET {
            (Vec::new(), None)
        } else {
            // What the bonus says is there without them.
            match zap::readable_of(mos, object, &dnode) {
                Ok(readable) => (readable.entries, readable.lost.into_iter().next()),
                Err(PoolError::Cancelled) => return Err(PoolError::Cancelled),
                Err(e) => (Vec::new(), Some(e)),
            }
        };
        let flags = phys.flags.get();
        Ok(Self {
            object,
            dir: phys.dir_obj.get(),
            prev_snap: phys.prev_snap_obj.get(),
            prev_snap_txg: phys.prev_snap_txg.get(),
            next_snap: phys.next_snap_obj.get(),
            snapnames: phys.snapnames_zapobj.get(),
            is_snapshot: phys.num_children.get() != 0,
            creation_time: phys.creation_time.get(),
            creation_txg: phys.creation_txg.get(),
            deadlist: phys.deadlist_obj.get(),
            referenced_bytes: phys.referenced_bytes.get(),
            compressed_bytes: phys.compressed_bytes.get(),
            uncompressed_bytes: phys.uncompressed_bytes.get(),
            unique_bytes: phys.unique_bytes.get(),
            guid: phys.guid.get(),
            bp: BlkPtr::parse(&phys.bp),
            props: phys.props_obj.get(),
            holds: phys.userrefs_obj.get(),
            is_case_insensitive: flags & FLAG_CI_DATASET != 0,
            is_inconsistent: flags & FLAG_INCONSISTENT != 0,
            fields,
            fields_lost: fields_lost.map(Arc::new),
        })
    }

    /// Comparison of the names of a head's snapshots and bookmarks.
    ///
    /// Follows `dsl_dataset_snap_lookup()`, OpenZFS `module/zfs/dsl_dataset.c`, zfs-2.3.2.
    pub const fn matching(&self) -> zap::Matching {
        if self.is_case_insensitive { zap::Matching::Normalized } else { zap::Matching::Exact }
    }

    /// A field of the dataset's ZAP, such as a per-dataset feature in use, by its name.
    ///
    /// # Errors
    /// It is not among those that can be read.
    pub fn field(&self, name: &str) -> Result<Option<&zap::ZapEntry>> {
        match (self.fields.iter().find(|e| e.name == name.as_bytes()), &self.fields_lost) {
            (Some(entry), _) => Ok(Some(entry)),
            (None, None) => Ok(None),
            (None, Some(lost)) => Err(PoolError::Known(Arc::clone(lost))),
        }
    }

    /// Guids of the snapshots that the dataset was redacted for; `None` if it was not redacted.
    ///
    /// Follows `dsl_dataset_get_uint64_array_feature()`, OpenZFS `module/zfs/dsl_dataset.c`,
    /// zfs-2.3.2.
    ///
    /// # Errors
    /// [`PoolError::Corrupt`] if the list is not of 64-bit integers.
    pub fn redacted_for(&self) -> Result<Option<Vec<u64>>> {
        let Some(entry) = self.field(feature::REDACTED_DATASETS)? else { return Ok(None) };
        if entry.int_size != 8 {
            let at = Zbookmark::new(0, self.object, 0, 0);
            let found = format!("integers of {} bytes", entry.int_size);
            return Err(PoolError::corrupt(at, feature::REDACTED_DATASETS, found, 8));
        }
        Ok(Some(entry.ints()))
    }

    /// The number that a field of the dataset's ZAP holds, or `None` if it is not there.
    ///
    /// # Errors
    /// [`PoolError::Corrupt`] if it is no number.
    pub fn number(&self, name: &str) -> Result<Option<u64>> {
        let at = Zbookmark::new(0, self.object, 0, 0);
        self.field(name)?.map(|entry| entry.number(at)).transpose()
    }

    /// Guid of an encrypted snapshot's set of IVs: `DS_FIELD_IVSET_GUID`, OpenZFS `include/sys/dsl_dataset.h`. Zero
    /// where it has none: snapshots from before there were any have such.
    ///
    /// # Errors
    /// As [`Self::number`].
    pub fn ivset_guid(&self) -> Result<u64> {
        Ok(self.number(IVSET_GUID)?.unwrap_or_default())
    }

    /// Returns true if a per-dataset feature is in use, by its guid.
    ///
    /// # Errors
    /// As [`Self::field`].
    pub fn uses(&self, feature: &str) -> Result<bool> {
        self.field(feature).map(|field| field.is_some())
    }

    /// Returns true if `earlier` is an ancestor that an incremental stream to `self` may start from: an
    /// older snapshot of the same filesystem, or of one that it was cloned from.
    ///
    /// Follows `dsl_dataset_is_before()`, OpenZFS `module/zfs/dsl_dataset.c`, zfs-2.3.2.
    ///
    /// # Errors
    /// Those of reading the directories and origins on the way.
    pub fn descends_from(&self, mos: &Objset, earlier: Earlier) -> Result<bool> {
        let mut later = self.clone();
        let mut later_txg = self.is_snapshot.then_some(self.creation_txg);
        let mut seen = HashSet::new();
        while seen.insert(later.object) {
            if later_txg.is_some_and(|txg| earlier.creation_txg >= txg) {
                return Ok(false);
            }
            if later.dir == earlier.dir {
                return Ok(true);
            }
            let dir = Dir::open(mos, later.dir)?;
            if dir.origin == 0 {
                return Ok(false);
            }
            if earlier.object == Some(dir.origin) {
                return Ok(true);
            }
            let origin = Self::open(mos, dir.origin)?;
            if origin.dir == earlier.dir && origin.creation_txg < earlier.creation_txg {
                return Ok(false);
            }
            later_txg = Some(origin.creation_txg);
            later = origin;
        }
        let at = Zbookmark::new(mos.id(), self.object, 0, 0);
        Err(PoolError::corrupt(at, "chain of origins", "a loop", "an end"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dmu::made::{self, DnodeFields};
    use proptest::prelude::*;

    proptest! {
        /// Flags are read as `dsl_dataset_phys_t` has them: at byte 120, bit 0 for a receive that has
        /// not ended, bit 16 for names without case.
        #[test]
        fn each_flag_is_its_own_bit(flags in any::<u64>()) {
            let mut bonus = vec![0; 320];
            bonus[120..128].copy_from_slice(&flags.to_le_bytes());
            let object = DnodeFields {
                kind: 16,
                bonustype: 16,
                levels: 1,
                sectors: 1,
                pointers: vec![BlkPtr::default()],
                // A dnode of one slot has room for this much beside its pointer.
                bonus,
                ..DnodeFields::default()
            };
            let dataset = Dataset::open(&made::objset(&[object], &[], &[]), 1).unwrap();
            prop_assert_eq!(dataset.is_inconsistent, flags & 1 != 0);
            prop_assert_eq!(dataset.is_case_insensitive, flags & 1 << 16 != 0);
        }
    }

    /// A dataset that is no clone, in a pool of before there was an origin of all datasets: its directory has
    /// none, which is not the snapshot that is gone.
    #[test]
    fn what_was_cloned_from_nothing_does_not_descend_from_a_bookmark() {
        let object = |kind: u8, bonus: Vec<u8>| DnodeFields {
            kind,
            bonustype: kind,
            levels: 1,
            sectors: 1,
            pointers: vec![BlkPtr::default()],
            bonus,
            ..DnodeFields::default()
        };
        // Object 1 is a dataset whose directory, its first word, is object 2; that is all zero.
        let mut bonus = vec![0; 320];
        bonus[0] = 2;
        let objset = made::objset(&[object(16, bonus), object(12, vec![0; 256])], &[], &[]);
        let dataset = Dataset::open(&objset, 1).unwrap();
        let earlier = |object, dir| Earlier { object, dir, creation_txg: 5 };
        for (object, dir, descends) in
            [(None, 9, false), (Some(7), 9, false), (None, 2, true), (Some(7), 2, true)]
        {
            let found = dataset.descends_from(&objset, earlier(object, dir)).unwrap();
            assert_eq!(found, descends, "{object:?} of directory {dir}");
        }
    }
}
