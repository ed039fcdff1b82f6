//! The incremental source of a send: what it is, and whether the target descends from it.

use crate::error::{Result, SendError};
use crate::plan::redaction;
use std::collections::HashSet;
use zsend_encoder::dialect::Dialect;
use zsend_pool::PoolError;
use zsend_pool::dsl::bookmark::DsBookmark;
use zsend_pool::dsl::dataset::Dataset;
use zsend_pool::dsl::listing::Listing;
use zsend_pool::dsl::name::{Name, Suffix};
use zsend_pool::dsl::redaction::RedactionList;
use zsend_pool::pool::Pool;

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
    pub(crate) fn open(
        pool: &Pool,
        to: &Dataset,
        to_name: &Name,
        from: &Name,
        dialect: Dialect,
    ) -> Result<Self> {
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
                let bookmark = pool.bookmark(&head, short)?.ok_or_else(missing)?;
                // A bookmark stands for the snapshot that it was made of.
                let mut earlier = head;
                earlier.is_snapshot = true;
                earlier.creation_txg = bookmark.creation_txg;
                earlier.object = 0;
                // From a redaction bookmark to the snapshot that it was made of, a stream brings what
                // was redacted.
                let fills = bookmark.redaction_obj != 0
                    && bookmark.guid == to.guid
                    && !dialect.is_illumos();
                if !fills && !to.descends_from(pool.mos(), &earlier)? {
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
            ivset_guid: ivset_guid(&snapshot)?,
            is_clone: snapshot.dir != to.dir,
            kind: SourceKind::Snapshot(Box::new(snapshot)),
        })
    }
}

/// The IV set guid of an encrypted snapshot, or zero where it has none: pools from before there were
/// any have such.
///
/// # Errors
/// It is no number.
pub(crate) fn ivset_guid(dataset: &Dataset) -> Result<u64> {
    Ok(dataset.number(FIELD_IVSET_GUID)?.unwrap_or(0))
}

/// What is looked for by guid.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'a> {
    /// The guid.
    pub(crate) guid: u64,
    /// Whether a bookmark will do.
    pub(crate) bookmarks: bool,
    /// What it must have been redacted for, in any order. Without this, a bookmark with a redaction
    /// list comes after all that have none.
    pub(crate) redacted_for: Option<&'a [u64]>,
}

impl Wanted<'_> {
    /// Whether what was redacted for these snapshots will do.
    fn fits(&self, guids: Option<&[u64]>) -> bool {
        let sorted = |guids: &[u64]| {
            let mut guids = guids.to_vec();
            guids.sort_unstable();
            guids
        };
        match (self.redacted_for, guids) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(wanted), Some(guids)) => sorted(wanted) == sorted(guids),
        }
    }
}

/// The snapshot or bookmark that has a guid: looked for in `dataset`, then in the datasets that it was
/// cloned from, then in the whole pool.
///
/// # Errors
/// Something that may be it cannot be read.
pub(crate) fn find_by_guid(pool: &Pool, dataset: &str, wanted: Wanted<'_>) -> Result<Option<Name>> {
    let mut search = Search { pool, wanted, lost: None, seen: HashSet::new() };
    match search.from(dataset) {
        Some(found) => Ok(Some(found)),
        None => search.lost.map_or(Ok(None), Err),
    }
}

/// A search for a snapshot or bookmark; what cannot be read is passed over.
struct Search<'a> {
    pool: &'a Pool,
    wanted: Wanted<'a>,
    /// The first thing that could not be read.
    lost: Option<SendError>,
    /// Directories that were looked into. A broken pool's tree may lead back to itself.
    seen: HashSet<u64>,
}

impl Search<'_> {
    /// What was read, or nothing; a failure is kept.
    fn keep<T>(&mut self, read: std::result::Result<T, impl Into<SendError>>) -> Option<T> {
        read.map_err(|e| self.lost.get_or_insert(e.into())).ok()
    }

    /// What a list has; what it lacks is kept.
    fn keep_list<T>(&mut self, read: zsend_pool::Result<Listing<T>>) -> Vec<(String, T)> {
        let (items, lost) = self.keep(read).unwrap_or_default().split();
        if self.lost.is_none() {
            self.lost = lost.into_iter().next().map(SendError::from);
        }
        items
    }

    /// Looks in the dataset, in those that it was cloned from, then everywhere.
    fn from(&mut self, dataset: &str) -> Option<Name> {
        let mut name = dataset.to_owned();
        // Each clone is younger than its origin, so the chain ends; the bound is for broken pools.
        for _ in 0..1000 {
            let dir = match self.pool.dir(&name) {
                // Its snapshots may have been moved elsewhere.
                Err(PoolError::NotFound { .. }) => break,
                dir => dir,
            };
            if let Some(found) = self.in_dataset(&name) {
                return Some(found);
            }
            let Some(dir) = self.keep(dir).filter(|dir| dir.origin != 0) else { break };
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
        let suffix = self.snapshot(snapshots).or_else(|| self.bookmark(&head))?;
        Some(Name { dataset: dataset.to_owned(), suffix })
    }

    fn snapshot(&mut self, snapshots: Vec<(String, Dataset)>) -> Option<Suffix> {
        for (name, snapshot) in snapshots {
            if snapshot.guid == self.wanted.guid
                && let Some(guids) = self.keep(snapshot.redacted_for())
                && self.wanted.fits(guids.as_deref())
            {
                return Some(Suffix::Snapshot(name));
            }
        }
        None
    }

    fn bookmark(&mut self, head: &Dataset) -> Option<Suffix> {
        if !self.wanted.bookmarks {
            return None;
        }
        let mut bookmarks = self.keep_list(self.pool.bookmarks(head));
        bookmarks.retain(|(_, bookmark)| bookmark.guid == self.wanted.guid);
        bookmarks.sort_by_key(|(_, bookmark)| bookmark.redaction_obj != 0);
        for (name, bookmark) in bookmarks {
            let list = match self.wanted.redacted_for {
                None => None,
                Some(_) => match self.keep(redaction::list(self.pool, &bookmark)) {
                    Some(list) => list,
                    None => continue,
                },
            };
            if self.wanted.fits(list.as_ref().map(RedactionList::guids)) {
                return Some(Suffix::Bookmark(name));
            }
        }
        None
    }

    fn in_tree(&mut self, name: &str) -> Option<Name> {
        let dir = self.keep(self.pool.dir(name))?;
        if !self.seen.insert(dir.object) {
            return None;
        }
        if let Some(found) = self.in_dataset(name) {
            return Some(found);
        }
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
