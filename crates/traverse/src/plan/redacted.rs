//! Redacted sends: `zfs send --redact`.

use super::find::is_same_set;
use super::{SendPlan, redaction};
use crate::error::{Refusal, Result, ResumeRefusal, SendError};
use zsend_pool::dsl::name::Name;
use zsend_pool::dsl::name::Suffix;
use zsend_records::flags::Features;

impl SendPlan<'_> {
    /// The same send without the blocks that redaction bookmark `book` lists: the bookmark's short name, of
    /// the dataset that is sent. What stands before a `#` in it does not count.
    ///
    /// Follows `zfs_send_one_cb_impl()`, OpenZFS `lib/libzfs/libzfs_sendrecv.c`, zfs-2.3.2.
    ///
    /// # Errors
    /// [`SendError::CannotSend`] if there is none of that name, it is no redaction bookmark, a head is
    /// sent, or the send is raw; those of reading the list.
    pub fn redacted(mut self, book: &str) -> Result<Self> {
        let short = book.rsplit_once('#').map_or(book, |(_, short)| short);
        if self.options().dialect.is_illumos() {
            let why =
                format!("'{}' redacted: streams of illumos have no record for it", self.target);
            return Err(SendError::Unsupported(why));
        }
        if self.options().raw {
            return Err(self.refuse(Refusal::RawRedacted));
        }
        let mut name = Name::parse(&self.target.to_string())?;
        if name.suffix == Suffix::None {
            return Err(self.refuse(Refusal::RedactedHead));
        }
        name.suffix = Suffix::Bookmark(short.to_owned());
        let head = self.pool.head(&name.dataset)?;
        let bookmark = self.pool.bookmark(&head, short)?;
        let bookmark = bookmark.ok_or_else(|| SendError::NoDataset(name.to_string()))?;
        let list = redaction::list(self.pool, &bookmark)?;
        self.redaction.withhold(list.ok_or_else(|| self.refuse(Refusal::NoRedaction))?);
        self.features |= Features::REDACTED;
        Ok(self)
    }

    /// The same send without the blocks of the redaction bookmark that was made for the snapshots of these
    /// guids.
    ///
    /// Follows `find_redact_book()`, in the same place.
    ///
    /// # Errors
    /// [`SendError::CannotResume`] if none was made for them; the first error of reading the bookmarks if one
    /// that cannot be read may be it.
    pub(super) fn redacted_for(self, guids: &[u64]) -> Result<Self> {
        let head = self.pool.head(self.target.dataset())?;
        let (bookmarks, lost) = self.pool.bookmarks(&head)?.split();
        let lists = bookmarks.into_iter().map(|(name, bookmark)| {
            let list = redaction::list(self.pool, &bookmark);
            (name, list.map(|list| list.map(|list| list.guids().to_vec())))
        });
        match (fitting(lists, guids)?, lost.into_iter().next()) {
            (Some(name), _) => self.redacted(&name),
            (None, Some(e)) => Err(e.into()),
            (None, None) => Err(SendError::CannotResume(ResumeRefusal::NoRedactBook)),
        }
    }
}

/// The name of the first bookmark whose redaction list is for the snapshots of these guids, of bookmarks with
/// the guids of their lists; those without a list fit nothing.
///
/// # Errors
/// The first error among them, if none fits: what cannot be read may be it.
fn fitting(
    lists: impl Iterator<Item = (String, Result<Option<Vec<u64>>>)>,
    guids: &[u64],
) -> Result<Option<String>> {
    let mut unread = None;
    for (name, list) in lists {
        match list {
            Ok(Some(list)) if is_same_set(&list, guids) => return Ok(Some(name)),
            Ok(Some(_) | None) => {}
            // One that is not complete is none to send with either.
            Err(e) => {
                unread.get_or_insert(e);
            }
        }
    }
    unread.map_or(Ok(None), Err)
}

#[cfg(test)]
mod tests {
    use super::*;
    use zsend_pool::{PoolError, Zbookmark};

    #[test]
    fn a_list_that_cannot_be_read_is_not_one_that_does_not_fit() {
        let lost = |object| {
            let at = Zbookmark::new(0, object, 0, 0);
            Err(PoolError::Unreadable { at, attempts: Vec::new() }.into())
        };
        let find = |lists: Vec<Result<Option<Vec<u64>>>>| {
            let names = ["a", "b", "c"].map(str::to_owned);
            fitting(names.into_iter().zip(lists), &[1, 2])
        };
        let other = || Ok(Some(vec![1]));
        assert_eq!(find(vec![other(), Ok(None), other()]).unwrap(), None);
        assert_eq!(find(vec![lost(7), other(), Ok(Some(vec![2, 1]))]).unwrap().unwrap(), "c");
        let e = find(vec![other(), lost(7), lost(8)]).unwrap_err();
        assert!(
            matches!(e, SendError::Pool(PoolError::Unreadable { at, .. }) if at.object == 7),
            "{e}"
        );
    }
}
