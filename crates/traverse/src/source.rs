//! The incremental source of a send: what it is, and whether the target descends from it.

use crate::error::{Result, SendError};
use zsend_pool::dsl::bookmark::DsBookmark;
use zsend_pool::dsl::dataset::Dataset;
use zsend_pool::dsl::listing::Listing;
use zsend_pool::dsl::name::{Name, Suffix};
use zsend_pool::pool::Pool;
use zsend_pool::{PoolError, zap};

/// Name of the field that tells an encrypted snapshot's set of IVs: `DS_FIELD_IVSET_GUID`.
pub(crate) const FIELD_IVSET_GUID: &str = "com.datto:ivset_guid";

/// All that a stream takes from its source.
#[derive(Clone, Debug)]
pub struct Source {
    /// Full name.
    pub name: String,
    /// Guid of the snapshot.
    pub guid: u64,
    /// Txg of the snapshot: blocks born later are sent.
    pub creation_txg: u64,
    /// IV set guid, for raw streams.
    pub ivset_guid: u64,
    /// Whether it belongs to another dataset than the target.
    pub is_clone: bool,
    /// What it was.
    pub kind: SourceKind,
}

/// A snapshot that still exists, or what is left of one.
#[derive(Clone, Debug)]
pub enum SourceKind {
    /// A snapshot.
    Snapshot(Box<Dataset>),
    /// A bookmark.
    Bookmark(DsBookmark),
}

impl Source {
    /// Finds and checks the source called `from` for a send of `to`, whose name is `to_name`.
    ///
    /// # Errors
    /// [`SendError::Refused`] in the words of `zfs send`.
    pub(crate) fn open(pool: &Pool, to: &Dataset, to_name: &Name, from: &Name) -> Result<Self> {
        let cannot = |why: String| SendError::Refused(format!("cannot send '{to_name}': {why}"));
        let missing = || cannot(format!("incremental source ({from}) does not exist"));
        let exists = |e: PoolError| match e {
            PoolError::NotFound { .. } => missing(),
            other => other.into(),
        };
        match &from.suffix {
            Suffix::None => Err(PoolError::BadName {
                name: from.to_string(),
                why: "an incremental source is a snapshot or a bookmark",
            }
            .into()),
            Suffix::Snapshot(_) => {
                let snapshot = pool.dataset(from).map_err(exists)?;
                Self::from_snapshot(pool, to, to_name, from.to_string(), snapshot)
            }
            Suffix::Bookmark(short) => {
                let head = pool.head(&from.dataset).map_err(exists)?;
                let bookmark = pool.bookmarks(&head)?.find(short)?.ok_or_else(missing)?;
                // A bookmark stands for the snapshot that it was made of.
                let mut earlier = head;
                earlier.is_snapshot = true;
                earlier.creation_txg = bookmark.creation_txg;
                earlier.object = 0;
                if !to.descends_from(pool.mos(), &earlier)? {
                    return Err(cannot("not an earlier snapshot from the same fs".into()));
                }
                Ok(Self {
                    name: from.to_string(),
                    guid: bookmark.guid,
                    creation_txg: bookmark.creation_txg,
                    ivset_guid: bookmark.ivset_guid,
                    is_clone: earlier.dir != to.dir,
                    kind: SourceKind::Bookmark(bookmark),
                })
            }
        }
    }

    /// MOS object of the list of blocks that its receivers lack, if it is a redaction bookmark.
    pub(crate) fn redaction_list(&self) -> Option<u64> {
        match &self.kind {
            SourceKind::Bookmark(b) if b.redaction_obj != 0 => Some(b.redaction_obj),
            _ => None,
        }
    }

    /// A source that is a snapshot at hand.
    pub(crate) fn from_snapshot(
        pool: &Pool,
        to: &Dataset,
        to_name: &dyn std::fmt::Display,
        name: String,
        snapshot: Dataset,
    ) -> Result<Self> {
        if !snapshot.is_snapshot || !to.descends_from(pool.mos(), &snapshot)? {
            return Err(SendError::Refused(format!(
                "cannot send '{to_name}': not an earlier snapshot from the same fs"
            )));
        }
        Ok(Self {
            name,
            guid: snapshot.guid,
            creation_txg: snapshot.creation_txg,
            ivset_guid: ivset_guid(&snapshot),
            is_clone: snapshot.dir != to.dir,
            kind: SourceKind::Snapshot(Box::new(snapshot)),
        })
    }
}

/// The IV set guid of an encrypted snapshot, or zero.
pub(crate) fn ivset_guid(dataset: &Dataset) -> u64 {
    dataset.field(FIELD_IVSET_GUID).and_then(zap::Entry::u64).unwrap_or(0)
}

/// The snapshot or bookmark that has this guid: looked for in `dataset`, then in the datasets that
/// it was cloned from, then in the whole pool.
pub(crate) fn find_by_guid(pool: &Pool, dataset: &str, guid: u64) -> Result<Option<Name>> {
    let mut search = Search { pool, guid, lost: None };
    match search.from(dataset) {
        Some(found) => Ok(Some(found)),
        None => search.lost.map_or(Ok(None), |e| Err(e.into())),
    }
}

/// A search for a snapshot or bookmark; what cannot be read is passed over.
struct Search<'p> {
    pool: &'p Pool,
    guid: u64,
    /// The first thing that could not be read.
    lost: Option<PoolError>,
}

impl Search<'_> {
    /// What was read, or nothing; a failure is kept.
    fn keep<T>(&mut self, read: zsend_pool::Result<T>) -> Option<T> {
        read.map_err(|e| self.lost.get_or_insert(e)).ok()
    }

    /// What a list has; what it lacks is kept.
    fn keep_list<T>(&mut self, read: zsend_pool::Result<Listing<T>>) -> Vec<(String, T)> {
        let (items, lost) = self.keep(read).unwrap_or_default().split();
        if self.lost.is_none() {
            self.lost = lost.into_iter().next();
        }
        items
    }

    /// Looks in the dataset, in those that it was cloned from, then everywhere.
    fn from(&mut self, dataset: &str) -> Option<Name> {
        let mut name = dataset.to_owned();
        // Each clone is younger than its origin, so the chain ends; the bound is for broken pools.
        for _ in 0..1000 {
            if let Some(found) = self.in_dataset(&name) {
                return Some(found);
            }
            let dir = self.keep(self.pool.dir(&name)).filter(|dir| dir.origin != 0);
            let Some(dir) = dir else { break };
            let origin = Dataset::open(self.pool.mos(), dir.origin);
            let origin = origin.and_then(|origin| self.pool.dataset_name(&origin));
            let origin = origin.and_then(|name| Name::parse(&name));
            let Some(origin) = self.keep(origin) else { break };
            name = origin.dataset;
        }
        self.in_tree(self.pool.name())
    }

    fn in_dataset(&mut self, dataset: &str) -> Option<Name> {
        let head = self.keep(self.pool.head(dataset))?;
        let snapshots = self.keep_list(self.pool.snapshots(&head));
        let found = snapshots.into_iter().find(|(_, d)| d.guid == self.guid);
        let mut suffix = found.map(|(n, _)| Suffix::Snapshot(n));
        if suffix.is_none() {
            let bookmarks = self.keep_list(self.pool.bookmarks(&head));
            let found = bookmarks.into_iter().find(|(_, b)| b.guid == self.guid);
            suffix = found.map(|(n, _)| Suffix::Bookmark(n));
        }
        suffix.map(|suffix| Name { dataset: dataset.to_owned(), suffix })
    }

    fn in_tree(&mut self, name: &str) -> Option<Name> {
        if let Some(found) = self.in_dataset(name) {
            return Some(found);
        }
        let dir = self.keep(self.pool.dir(name))?;
        for (child, _) in self.keep_list(dir.children(self.pool.mos())) {
            // Names of at most 255 bytes end the recursion in any pool, looping ones too.
            if child.starts_with(['$', '%']) || name.len() + child.len() >= 256 {
                continue;
            }
            if let Some(found) = self.in_tree(&format!("{name}/{child}")) {
                return Some(found);
            }
        }
        None
    }
}
