//! The choice of what a stream is incremental from.

use super::{Base, key_of};
use crate::catalogue::Catalogue;
use zsend_pool::{Dataset, DsBookmark, Pool};

/// All of a dataset that a stream may be incremental from.
#[derive(Debug)]
pub(super) struct Bases<'p> {
    pub(super) pool: &'p Pool,
    pub(super) dataset: &'p str,
    /// Snapshots, oldest first, by name.
    pub(super) snapshots: Vec<(String, Dataset)>,
    /// Bookmarks, oldest first, by name.
    pub(super) bookmarks: Vec<(String, DsBookmark)>,
    /// The snapshot that it was cloned from, with its full name.
    pub(super) origin: Option<(String, Dataset)>,
}

impl Bases<'_> {
    /// Full name of the source of snapshot `i`: the newest that is older and has a stream. `None` for a
    /// full stream.
    pub(super) fn source(&self, i: usize, base: Base, known: &Catalogue) -> Option<String> {
        let target = self.snapshots[i].1.creation_txg;
        let has = |guid, txg| known.get(&key_of(self.pool, guid, txg)).is_some();
        let snapshot = self.snapshots[..i]
            .iter()
            .rfind(|(_, s)| s.creation_txg < target && has(s.guid, s.creation_txg))
            .map(|(name, s)| (s.creation_txg, format!("{}@{name}", self.dataset)));
        // From a redaction bookmark goes what was redacted, too: it is no place that a receiver stands at.
        let serves = |b: &DsBookmark| {
            b.redaction_obj == 0 && b.creation_txg < target && has(b.guid, b.creation_txg)
        };
        let bookmark = self
            .bookmarks
            .iter()
            .rfind(|(_, b)| base == Base::Bookmark && serves(b))
            .map(|(name, b)| (b.creation_txg, format!("{}#{name}", self.dataset)));
        let newest = match (snapshot, bookmark) {
            // Of the same txg the snapshot goes first.
            (Some(snapshot), Some(bookmark)) if bookmark.0 > snapshot.0 => Some(bookmark),
            (snapshot, bookmark) => snapshot.or(bookmark),
        };
        let origin = || {
            let (name, origin) = self.origin.as_ref()?;
            has(origin.guid, origin.creation_txg).then(|| name.clone())
        };
        newest.map(|(_, name)| name).or_else(origin)
    }
}
