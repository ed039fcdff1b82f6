//! Redaction in a send: the guids that BEGIN has, and the blocks that come along.

use super::Target;
use super::source::{IncrementalSource, SourceKind};
use crate::error::{Result, SendError};
use crate::read::{RedactionCursor, Withheld};
use zsend_encoder::dialect::Dialect;
use zsend_pool::Pool;
use zsend_pool::dsl::bookmark::DsBookmark;
use zsend_pool::dsl::dataset::Dataset;
use zsend_pool::dsl::redaction::RedactionList;
use zsend_records::nvlist::{NvList, NvValue};

/// Redaction on both ends of a send.
///
/// Follows `dmu_send_impl()`, OpenZFS `module/zfs/dmu_send.c`, zfs-2.3.2.
#[derive(Clone, Debug, Default)]
pub(crate) struct Redaction {
    /// Guids of the snapshots that the dataset which is sent was redacted for.
    to: Option<Vec<u64>>,
    /// The same of the source snapshot.
    from: Option<Vec<u64>>,
    /// The list of the source bookmark.
    list: Option<RedactionList>,
    /// The list of blocks that are withheld.
    book: Option<RedactionList>,
}

impl Redaction {
    /// Of a send of `to` from a source. illumos knows no redaction: a bookmark is a bookmark to it.
    ///
    /// # Errors
    /// Those of reading the list.
    pub(crate) fn open(
        pool: &Pool,
        to: &Dataset,
        source: Option<&IncrementalSource>,
        dialect: Dialect,
    ) -> Result<Self> {
        let (to, from) = (to.redacted_for()?, source.map(|s| &s.kind));
        if dialect.is_illumos() {
            return Ok(Self { to, ..Self::default() });
        }
        Ok(match from {
            None => Self { to, ..Self::default() },
            Some(SourceKind::Snapshot(from)) => {
                Self { to, from: from.redacted_for()?, ..Self::default() }
            }
            Some(SourceKind::Bookmark(from)) => {
                Self { to, list: list(pool, from)?, ..Self::default() }
            }
        })
    }

    /// Withholds the blocks of a list.
    pub(crate) fn withhold(&mut self, list: RedactionList) {
        self.book = Some(list);
    }

    /// The blocks that are withheld.
    pub(crate) fn withheld(&self) -> Withheld {
        let Some(book) = &self.book else { return Withheld::default() };
        Withheld { listed: RedactionCursor::new(book.clone()), known: self.cursor() }
    }

    /// Refuses a dataset whose blocks the dialect has no record for.
    pub(crate) fn check(&self, target: &Target, dialect: Dialect) -> Result<()> {
        if dialect.is_illumos() && self.to.is_some() {
            let why = "its blocks are redacted, which streams of illumos have no record for";
            return Err(SendError::Unsupported(format!("'{target}' in dialect {dialect}: {why}")));
        }
        Ok(())
    }

    /// Adds what BEGIN says of it.
    pub(crate) fn add_to(&self, begin: &mut NvList) {
        if let Some(guids) = self.target_guids() {
            begin.insert("redact_snaps", NvValue::Uint64Array(guids.to_vec()));
        }
        if let Some(guids) = self.source_guids() {
            begin.insert("redact_from_snaps", NvValue::Uint64Array(guids.to_vec()));
        }
    }

    /// Guids of the snapshots that the receiver's dataset is redacted for.
    pub(crate) fn target_guids(&self) -> Option<&[u64]> {
        self.book.as_ref().map(RedactionList::guids).or(self.to.as_deref())
    }

    /// Guids of the snapshots that the receiver's source was redacted for.
    pub(crate) fn source_guids(&self) -> Option<&[u64]> {
        self.list.as_ref().map(RedactionList::guids).or(self.from.as_deref())
    }

    /// True if the source is a redaction bookmark.
    pub(crate) const fn has_list(&self) -> bool {
        self.list.is_some()
    }

    /// True if blocks are withheld.
    pub(crate) const fn is_withholding(&self) -> bool {
        self.book.is_some()
    }

    /// The blocks that come along.
    pub(crate) fn cursor(&self) -> RedactionCursor {
        self.list.clone().map_or_else(RedactionCursor::default, RedactionCursor::new)
    }
}

/// The redaction list of a bookmark; `None` if it is a plain one.
///
/// # Errors
/// Those of [`RedactionList::open`].
pub(crate) fn list(pool: &Pool, bookmark: &DsBookmark) -> Result<Option<RedactionList>> {
    Ok(match bookmark.redaction_obj {
        0 => None,
        object => Some(RedactionList::open(pool.mos(), object)?),
    })
}
