//! The search for a snapshot or a bookmark by its guid.

use super::redaction;
use crate::error::{Result, SendError};
use zsend_pool::Pool;
use zsend_pool::PoolError;
use zsend_pool::dsl::dataset::Dataset;
use zsend_pool::dsl::listing::Listing;
use zsend_pool::dsl::name::{Name, Suffix};
use zsend_pool::dsl::redaction::RedactionList;

/// A question for a snapshot or a bookmark by its guid.
#[derive(Clone, Copy, Debug)]
pub(super) struct GuidQuery<'a> {
    /// The guid.
    pub(super) guid: u64,
    /// True if a bookmark will do.
    pub(super) bookmarks: bool,
    /// The snapshots that it must have been redacted for, in any order. Without this, a bookmark with a redaction
    /// list comes after all that have none.
    pub(super) redacted_for: Option<&'a [u64]>,
}

impl GuidQuery<'_> {
    /// True if what was redacted for these snapshots will do.
    fn fits(&self, guids: Option<&[u64]>) -> bool {
        match (self.redacted_for, guids) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(wanted), Some(guids)) => is_same_set(wanted, guids),
        }
    }
}

/// Returns true if two lists have the same guids, in any order.
pub(super) fn is_same_set(a: &[u64], b: &[u64]) -> bool {
    let sorted = |guids: &[u64]| {
        let mut guids = guids.to_vec();
        guids.sort_unstable();
        guids
    };
    sorted(a) == sorted(b)
}

/// The snapshot or bookmark that has a guid: looked for in `dataset`, then in the datasets that it was
/// cloned from, then in the whole pool.
///
/// # Errors
/// Something that may be it cannot be read.
pub(super) fn find_by_guid(
    pool: &Pool,
    dataset: &str,
    query: GuidQuery<'_>,
) -> Result<Option<Name>> {
    let mut search = Search { pool, query, lost: None };
    match search.from(dataset) {
        Some(found) => Ok(Some(found)),
        None => search.lost.map_or(Ok(None), Err),
    }
}

/// A search for a snapshot or bookmark; what cannot be read is passed over.
struct Search<'a> {
    pool: &'a Pool,
    query: GuidQuery<'a>,
    /// The first thing that could not be read.
    lost: Option<SendError>,
}

impl Search<'_> {
    /// Returns what was read, or nothing, and keeps the failure.
    fn keep<T>(&mut self, read: std::result::Result<T, impl Into<SendError>>) -> Option<T> {
        read.map_err(|e| self.lost.get_or_insert(e.into())).ok()
    }

    /// Returns the items that a list has, and keeps the first that it lacks.
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
            if let Some(head) = self.keep(self.pool.head(&name))
                && let Some(suffix) = self.in_head(&head)
            {
                return Some(Name { dataset: name, suffix });
            }
            let Some(dir) = self.keep(dir).filter(|dir| dir.origin != 0) else { break };
            let origin = Dataset::open(self.pool.mos(), dir.origin);
            let origin = origin.and_then(|origin| self.pool.dataset_name(&origin));
            let origin = origin.and_then(|name| Name::parse(&name));
            let Some(origin) = self.keep(origin) else { break };
            name = origin.dataset;
        }
        self.in_pool()
    }

    fn in_head(&mut self, head: &Dataset) -> Option<Suffix> {
        let snapshots = self.keep_list(self.pool.snapshots(head));
        self.snapshot(snapshots).or_else(|| self.bookmark(head))
    }

    fn snapshot(&mut self, snapshots: Vec<(String, Dataset)>) -> Option<Suffix> {
        for (name, snapshot) in snapshots {
            if snapshot.guid == self.query.guid
                && let Some(guids) = self.keep(snapshot.redacted_for())
                && self.query.fits(guids.as_deref())
            {
                return Some(Suffix::Snapshot(name));
            }
        }
        None
    }

    fn bookmark(&mut self, head: &Dataset) -> Option<Suffix> {
        if !self.query.bookmarks {
            return None;
        }
        let mut bookmarks = self.keep_list(self.pool.bookmarks(head));
        bookmarks.retain(|(_, bookmark)| bookmark.guid == self.query.guid);
        bookmarks.sort_by_key(|(_, bookmark)| bookmark.redaction_obj != 0);
        for (name, bookmark) in bookmarks {
            let list = match self.query.redacted_for {
                None => None,
                Some(_) => match self.keep(redaction::list(self.pool, &bookmark)) {
                    Some(list) => list,
                    None => continue,
                },
            };
            if self.query.fits(list.as_ref().map(RedactionList::guids)) {
                return Some(Suffix::Bookmark(name));
            }
        }
        None
    }

    fn in_pool(&mut self) -> Option<Name> {
        for (name, head) in self.pool.datasets() {
            if let Some(head) = self.keep(head)
                && let Some(suffix) = self.in_head(&head)
            {
                return Some(Name { dataset: name, suffix });
            }
        }
        None
    }
}
