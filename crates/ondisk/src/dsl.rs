//! Objects of the DSL in the MOS: directories, datasets, bookmarks, redaction lists.

use crate::blkptr::BLKPTR_SIZE;
use crate::{Bits, LayoutError, words};
use alloc::vec::Vec;
use core::mem::offset_of;
use static_assertions::{assert_eq_size, const_assert_eq};
use zerocopy::byteorder::{LE, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// `dsl_dir_phys_t`, a bonus. Source: OpenZFS `include/sys/dsl_dir.h`, zfs-2.3.2.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct DirPhys {
    /// Seconds since 1970; not used.
    pub creation_time: U64<LE>,
    /// The live dataset.
    pub head_dataset_obj: U64<LE>,
    /// The parent directory, or zero at the top.
    pub parent_obj: U64<LE>,
    /// The snapshot that it was cloned from, or zero.
    pub origin_obj: U64<LE>,
    /// ZAP of child names, or zero.
    pub child_dir_zapobj: U64<LE>,
    /// Bytes used by it and all below.
    pub used_bytes: U64<LE>,
    /// The same without copies and parity.
    pub compressed_bytes: U64<LE>,
    /// The same before compression.
    pub uncompressed_bytes: U64<LE>,
    /// Bytes that it may use, or zero for any.
    pub quota: U64<LE>,
    /// Bytes that are kept for it.
    pub reserved: U64<LE>,
    /// ZAP of properties, or zero.
    pub props_zapobj: U64<LE>,
    /// ZAP of delegated permissions, or zero.
    pub deleg_zapobj: U64<LE>,
    /// [`FLAG_USED_BREAKDOWN`].
    pub flags: U64<LE>,
    /// `used_bytes` by what uses them: `dd_used_t`.
    pub used_breakdown: [U64<LE>; 5],
    /// ZAP of clones, or zero.
    pub clones: U64<LE>,
    /// Not used.
    pub pad: [U64<LE>; 13],
}
assert_eq_size!(DirPhys, [u8; 256]);
const_assert_eq!(offset_of!(DirPhys, clones), 144);

/// `DD_FLAG_USED_BREAKDOWN`: [`DirPhys::used_breakdown`] counts.
pub const FLAG_USED_BREAKDOWN: u64 = 1;

/// `DS_FLAG_INCONSISTENT`: a partial receive.
pub const FLAG_INCONSISTENT: u64 = 1;
/// `DS_FLAG_UNIQUE_ACCURATE`: [`DatasetPhys::unique_bytes`] counts.
pub const FLAG_UNIQUE_ACCURATE: u64 = 1 << 2;
/// `DS_FLAG_DEFER_DESTROY`: a snapshot that goes with its last hold or clone.
pub const FLAG_DEFER_DESTROY: u64 = 1 << 3;
/// `DS_FLAG_CI_DATASET`: names are compared without case.
pub const FLAG_CI_DATASET: u64 = 1 << 16;

/// `dsl_dataset_phys_t`, a bonus. Source: OpenZFS `include/sys/dsl_dataset.h`, zfs-2.3.2.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct DatasetPhys {
    /// The directory that it belongs to.
    pub dir_obj: U64<LE>,
    /// The snapshot before it, or zero.
    pub prev_snap_obj: U64<LE>,
    /// Txg of the snapshot before it.
    pub prev_snap_txg: U64<LE>,
    /// The snapshot after it, or the head.
    pub next_snap_obj: U64<LE>,
    /// ZAP of snapshot names (heads).
    pub snapnames_zapobj: U64<LE>,
    /// Of a snapshot, what descends from it; zero for a head.
    pub num_children: U64<LE>,
    /// Seconds since 1970.
    pub creation_time: U64<LE>,
    /// Txg that it was taken in.
    pub creation_txg: U64<LE>,
    /// Blocks that died between the previous snapshot and this dataset.
    pub deadlist_obj: U64<LE>,
    /// Bytes that it refers to.
    pub referenced_bytes: U64<LE>,
    /// The same without copies and parity.
    pub compressed_bytes: U64<LE>,
    /// The same before compression.
    pub uncompressed_bytes: U64<LE>,
    /// Bytes that nothing else refers to.
    pub unique_bytes: U64<LE>,
    /// Identifier that is unique among the datasets of an imported pool.
    pub fsid_guid: U64<LE>,
    /// Identifier that is unique for ever.
    pub guid: U64<LE>,
    /// [`FLAG_INCONSISTENT`], [`FLAG_CI_DATASET`] and others.
    pub flags: U64<LE>,
    /// The object set.
    pub bp: [u8; BLKPTR_SIZE],
    /// Of a snapshot, the ZAP of clones, or zero.
    pub next_clones_obj: U64<LE>,
    /// Of a snapshot, the ZAP of properties, or zero.
    pub props_obj: U64<LE>,
    /// Of a snapshot, the ZAP of holds, or zero.
    pub userrefs_obj: U64<LE>,
    /// Not used.
    pub pad: [U64<LE>; 5],
}
assert_eq_size!(DatasetPhys, [u8; 320]);
const_assert_eq!(offset_of!(DatasetPhys, bp), 128);
const_assert_eq!(offset_of!(DatasetPhys, props_obj), 264);

/// `ZBM_FLAG_HAS_FBN`: the figures of a bookmark's space count.
pub const FLAG_HAS_FREED_BEFORE_NEXT: u64 = 1;

/// `zfs_bookmark_phys_t`, of which old pools store only the first three words. Source: OpenZFS
/// `include/sys/dsl_bookmark.h`, zfs-2.3.2.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct BookmarkPhys {
    /// Guid of the snapshot that it was made of.
    pub guid: U64<LE>,
    /// Txg of that snapshot.
    pub creation_txg: U64<LE>,
    /// Its creation, seconds since 1970.
    pub creation_time: U64<LE>,
    /// MOS object of the redaction list, or zero.
    pub redaction_obj: U64<LE>,
    /// [`FLAG_HAS_FREED_BEFORE_NEXT`].
    pub flags: U64<LE>,
    /// Bytes that the snapshot referred to: used, compressed, uncompressed.
    pub referenced: [U64<LE>; 3],
    /// Bytes freed before the next snapshot: used, compressed, uncompressed.
    pub freed_before_next: [U64<LE>; 3],
    /// IV set guid of an encrypted snapshot.
    pub ivset_guid: U64<LE>,
}
assert_eq_size!(BookmarkPhys, [u8; 96]);

/// Words of a bookmark in pools before the feature `bookmark_v2`: `BOOKMARK_PHYS_SIZE_V1`.
pub const OLD_BOOKMARK_WORDS: usize = 3;

impl BookmarkPhys {
    /// From words as values. Those that are missing count as zero, those that are too many as
    /// nothing.
    pub fn from_words(words: &[u64]) -> Self {
        words::from_words(words)
    }

    /// Its words as values: the value of its entry in the ZAP of bookmarks, of which old pools have the
    /// first [`OLD_BOOKMARK_WORDS`].
    pub fn to_words(&self) -> Vec<u64> {
        words::to_words(self)
    }
}

/// Value of both words of a redaction list's progress once it is complete.
pub const REDACTION_COMPLETE: u64 = u64::MAX;

/// `redaction_list_phys_t`, before the guids. Source: OpenZFS `include/sys/dsl_bookmark.h`,
/// zfs-2.3.2.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct RedactionListPhys {
    /// Object that the list was made up to, or [`REDACTION_COMPLETE`].
    pub last_object: U64<LE>,
    /// Block that the list was made up to, or [`REDACTION_COMPLETE`].
    pub last_blkid: U64<LE>,
    /// Entries of the list.
    pub num_entries: U64<LE>,
    /// Guids that follow.
    pub num_snaps: U64<LE>,
}
assert_eq_size!(RedactionListPhys, [u8; 32]);

/// Blocks of a redaction entry, less one: of its `size_count`.
pub const REDACTION_COUNT: Bits = Bits::new(0, 48);
/// Size of those blocks in sectors: of the same.
pub const REDACTION_SECTORS: Bits = Bits::new(48, 16);

/// `redact_block_phys_t`. Source: OpenZFS `include/sys/dsl_bookmark.h`, zfs-2.3.2.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct RedactionEntryPhys {
    /// Object number.
    pub object: U64<LE>,
    /// The first block.
    pub blkid: U64<LE>,
    /// [`REDACTION_COUNT`] and [`REDACTION_SECTORS`].
    pub size_count: U64<LE>,
    /// Not used.
    pub pad: U64<LE>,
}
assert_eq_size!(RedactionEntryPhys, [u8; 32]);
const_assert_eq!(offset_of!(RedactionEntryPhys, size_count), 16);

impl RedactionEntryPhys {
    /// The entry of `count` blocks of `sectors` sectors each, from block `blkid` of an object on.
    ///
    /// # Errors
    /// [`LayoutError::Field`] for no blocks, and for more, or larger ones, than an entry has room for.
    pub fn new(object: u64, blkid: u64, count: u64, sectors: u64) -> Result<Self, LayoutError> {
        let what = "blocks of a redaction entry";
        let Some(less_one) = count.checked_sub(1) else {
            return Err(LayoutError::field(what, count, "at least 1"));
        };
        let size_count = REDACTION_COUNT.place(what, less_one)?
            | REDACTION_SECTORS.place("sectors of a redacted block", sectors)?;
        let [object, blkid, size_count] = [object, blkid, size_count].map(Into::into);
        Ok(Self { object, blkid, size_count, pad: 0.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_bookmark_has_three_words() {
        let old = BookmarkPhys::from_words(&[7, 8, 9]);
        assert_eq!([old.guid, old.creation_txg, old.creation_time].map(U64::get), [7, 8, 9]);
        assert_eq!((old.flags.get(), old.ivset_guid.get()), (0, 0));
        let words: Vec<u64> = (1..20).collect();
        let new = BookmarkPhys::from_words(&words);
        assert_eq!((new.redaction_obj.get(), new.ivset_guid.get()), (4, 12));
        assert_eq!(new.freed_before_next.map(U64::get), [9, 10, 11]);
        let back: Vec<u8> = words.iter().take(12).flat_map(|w| w.to_le_bytes()).collect();
        assert_eq!(new.as_bytes(), back);
        assert_eq!(new.to_words(), words[..12]);
        assert_eq!(old.to_words()[..OLD_BOOKMARK_WORDS], [7, 8, 9]);
    }

    #[test]
    fn fields_lie_where_the_format_says() {
        let bytes: Vec<u8> = (0..40u64).flat_map(u64::to_le_bytes).collect();
        let dataset = DatasetPhys::read_from_bytes(&bytes).unwrap();
        let found = [dataset.creation_txg, dataset.guid, dataset.next_clones_obj];
        assert_eq!(found.map(U64::get), [7, 14, 32]);
        assert_eq!(dataset.as_bytes(), bytes);
        let (dir, _) = DirPhys::read_from_prefix(&bytes).unwrap();
        let found = [dir.origin_obj, dir.props_zapobj, dir.clones];
        assert_eq!(found.map(U64::get), [3, 10, 18]);
        let entry = RedactionEntryPhys::new(5, 6, 7, 256).unwrap();
        let words = [5, 6, 256 << 48 | 6, 0].map(u64::to_le_bytes);
        assert_eq!(entry.as_bytes(), words.as_flattened());
        assert!(RedactionEntryPhys::new(5, 6, 0, 1).is_err());
        assert!(RedactionEntryPhys::new(5, 6, 1 << 48, 1).is_ok());
        assert!(RedactionEntryPhys::new(5, 6, 1 + (1 << 48), 1).is_err());
        assert!(RedactionEntryPhys::new(5, 6, 1, 1 << 16).is_err());
        assert_eq!(REDACTION_COUNT.mask() | REDACTION_SECTORS.mask(), u64::MAX);
    }
}
