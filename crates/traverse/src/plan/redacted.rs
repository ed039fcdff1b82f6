//! Redacted sends: `zfs send --redact`.

use super::find::is_same_set;
use super::{SendPlan, redaction};
use crate::error::{Refusal, Result, SendError};
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
    pub(super) fn redacted_for(self, guids: &[u64]) -> Result<Self> {
        let head = self.pool.head(self.target.dataset())?;
        let (bookmarks, lost) = self.pool.bookmarks(&head)?.split();
        for (name, bookmark) in bookmarks {
            // One that is not complete is none to send with.
            if let Ok(Some(list)) = redaction::list(self.pool, &bookmark)
                && is_same_set(list.guids(), guids)
            {
                return self.redacted(&name);
            }
        }
        match lost.into_iter().next() {
            Some(e) => Err(e.into()),
            None => Err(SendError::CannotResume(crate::error::ResumeRefusal::NoRedactBook)),
        }
    }
}
