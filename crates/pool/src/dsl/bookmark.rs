//! Bookmarks: what is left of a snapshot that incremental streams can start from.

use super::dataset::Dataset;
use super::listing::Listing;
use crate::dmu::objset::Objset;
use crate::zap;
use crate::zbookmark::Zbookmark;
use crate::{PoolError, Result};
use zerocopy::U64;
use zsend_ondisk::dsl::{BookmarkPhys, FLAG_HAS_FREED_BEFORE_NEXT, OLD_BOOKMARK_WORDS};
use zsend_ondisk::names::dataset::BOOKMARKS;

/// A bookmark, as [`BookmarkPhys`] has it.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct DsBookmark {
    /// Guid of the snapshot that it was made of.
    pub guid: u64,
    /// Txg of that snapshot.
    pub creation_txg: u64,
    /// Its creation, seconds since 1970.
    pub creation_time: u64,
    /// MOS object of the redaction list, or zero.
    pub redaction_obj: u64,
    /// See [`Self::has_freed_before_next`].
    pub flags: u64,
    /// Bytes that the snapshot referred to: used, compressed, uncompressed.
    pub referenced: [u64; 3],
    /// Bytes freed before the next snapshot: used, compressed, uncompressed.
    pub freed_before_next: [u64; 3],
    /// IV set guid of an encrypted snapshot, for raw streams.
    pub ivset_guid: u64,
}

impl DsBookmark {
    /// Reads an entry of the ZAP of bookmarks. Older software wrote fewer words, but not less than
    /// three.
    ///
    /// # Errors
    /// [`PoolError::Corrupt`].
    fn of(entry: &zap::ZapEntry, at: Zbookmark) -> Result<Self> {
        let words = entry.ints();
        if entry.int_size != 8 || words.len() < OLD_BOOKMARK_WORDS {
            let found = format!("{} integers of {} bytes", words.len(), entry.int_size);
            return Err(PoolError::corrupt(at, "bookmark", found, "at least three of 8 bytes"));
        }
        let phys = BookmarkPhys::from_words(&words);
        Ok(Self {
            guid: phys.guid.get(),
            creation_txg: phys.creation_txg.get(),
            creation_time: phys.creation_time.get(),
            redaction_obj: phys.redaction_obj.get(),
            flags: phys.flags.get(),
            referenced: phys.referenced.map(U64::get),
            freed_before_next: phys.freed_before_next.map(U64::get),
            ivset_guid: phys.ivset_guid.get(),
        })
    }

    /// Returns true if the space figures are there: `ZBM_FLAG_HAS_FBN`.
    pub const fn has_freed_before_next(&self) -> bool {
        self.flags & FLAG_HAS_FREED_BEFORE_NEXT != 0
    }
}

/// The bookmarks of a filesystem or volume, oldest first, by name.
///
/// # Errors
/// Those of reading the ZAP, where no entry can be found.
pub fn all(mos: &Objset, head: &Dataset) -> Result<Listing<DsBookmark>> {
    // Zero is no ZAP, as there is none in pools without the feature.
    let object = head.number(BOOKMARKS)?.unwrap_or_default();
    let at = Zbookmark::new(mos.id(), object, 0, 0);
    let mut all = Listing::read(mos, object, |entry| DsBookmark::of(entry, at))?;
    all.items.sort_by_key(|(_, b)| b.as_ref().map_or(u64::MAX, |b| b.creation_txg));
    Ok(all)
}

/// The bookmark of that short name: see [`crate::pool::Pool::bookmark`].
///
/// Follows `dsl_bookmark_lookup_impl()`, OpenZFS `module/zfs/dsl_bookmark.c`, zfs-2.3.2.
///
/// # Errors
/// Those of reading the ZAP.
pub fn find(mos: &Objset, head: &Dataset, short: &str) -> Result<Option<DsBookmark>> {
    let Some(object) = head.number(BOOKMARKS)? else { return Ok(None) };
    let at = Zbookmark::new(mos.id(), object, 0, 0);
    let entry = zap::lookup_matching(mos, object, short, head.matching())?;
    entry.map(|entry| DsBookmark::of(&entry, at)).transpose()
}
