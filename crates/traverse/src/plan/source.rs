//! The incremental source of a send, from which the target must descend.

use super::find::{GuidQuery, find_by_guid};
use crate::error::{Refusal, Result, SendError};
use std::fmt;
use zsend_encoder::dialect::Dialect;
use zsend_pool::Pool;
use zsend_pool::PoolError;
use zsend_pool::dsl::bookmark::DsBookmark;
use zsend_pool::dsl::dataset::{Dataset, Earlier};
use zsend_pool::dsl::name::{Name, Suffix};

/// The incremental source of a send: all that a stream takes from it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct IncrementalSource {
    /// Full name.
    pub name: String,
    /// Guid of the snapshot.
    pub guid: u64,
    /// Txg of the snapshot: blocks born later are sent.
    pub creation_txg: u64,
    /// IV set guid, for raw streams.
    pub ivset_guid: u64,
    /// True if it belongs to another dataset than the target.
    pub is_clone: bool,
    /// A snapshot or a bookmark.
    pub kind: SourceKind,
}

/// A snapshot that still exists, or what is left of one.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum SourceKind {
    /// A snapshot.
    Snapshot(Box<Dataset>),
    /// A bookmark.
    Bookmark(DsBookmark),
}

impl IncrementalSource {
    /// The snapshot or bookmark that has a guid: looked for in a dataset, in those that it was cloned from, then in
    /// the whole pool. Of bookmarks one without a redaction list goes first.
    ///
    /// # Errors
    /// It was not found, and something that may be it cannot be read.
    pub fn find(pool: &Pool, dataset: &str, guid: u64) -> Result<Option<Name>> {
        find_by_guid(pool, dataset, GuidQuery { guid, bookmarks: true, redacted_for: None })
    }

    /// Finds and checks the source called `from` for a send of `to`, whose name is `to_name`.
    ///
    /// # Errors
    /// [`SendError::CannotSend`].
    pub(crate) fn open(
        pool: &Pool,
        to: &Dataset,
        to_name: &Name,
        from: &Name,
        dialect: Dialect,
    ) -> Result<Self> {
        let missing = || refuse(to_name, Refusal::NoSource(from.to_string()));
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
                Self::of_snapshot(pool, to, to_name, from.to_string(), snapshot)
            }
            Suffix::Bookmark(short) => {
                let head = pool.head(&from.dataset).map_err(exists)?;
                let bookmark = pool.bookmark(&head, short)?.ok_or_else(missing)?;
                let earlier = Earlier::bookmark(&head, &bookmark);
                // From a redaction bookmark to the snapshot that it was made of, a stream brings what
                // was redacted.
                let fills = bookmark.redaction_obj != 0
                    && bookmark.guid == to.guid
                    && !dialect.is_illumos();
                if !fills && !to.descends_from(pool.mos(), earlier)? {
                    return Err(refuse(to_name, Refusal::NotEarlier));
                }
                Ok(Self {
                    name: from.to_string(),
                    guid: bookmark.guid,
                    creation_txg: bookmark.creation_txg,
                    ivset_guid: bookmark.ivset_guid,
                    is_clone: head.dir != to.dir,
                    kind: SourceKind::Bookmark(bookmark),
                })
            }
        }
    }

    /// A source that is a snapshot at hand.
    pub(crate) fn of_snapshot(
        pool: &Pool,
        to: &Dataset,
        to_name: &dyn fmt::Display,
        name: String,
        snapshot: Dataset,
    ) -> Result<Self> {
        let earlier = Earlier::snapshot(&snapshot);
        if !snapshot.is_snapshot || !to.descends_from(pool.mos(), earlier)? {
            return Err(refuse(to_name, Refusal::NotEarlier));
        }
        Ok(Self {
            name,
            guid: snapshot.guid,
            creation_txg: snapshot.creation_txg,
            ivset_guid: snapshot.ivset_guid()?,
            is_clone: snapshot.dir != to.dir,
            kind: SourceKind::Snapshot(Box::new(snapshot)),
        })
    }
}

fn refuse(to_name: &dyn fmt::Display, why: Refusal) -> SendError {
    SendError::CannotSend { name: to_name.to_string(), why }
}
