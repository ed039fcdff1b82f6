//! Resuming: from a token to a plan, and from a plan to a token.

use super::find::{GuidQuery, find_by_guid};
use super::source::IncrementalSource;
use super::{Progress, ResumePosition, SendOptions, SendPlan};
use crate::error::{Result, ResumeRefusal, SendError};
use crate::walk::ResumePoint;
use zsend_pool::Pool;
use zsend_pool::PoolError;
use zsend_pool::dsl::name::Name;
use zsend_records::token::ResumeToken;

impl<'p> SendPlan<'p> {
    /// The send that a resume token describes: what it names must still be what it was.
    ///
    /// The token's flags are added to those of `options`.
    ///
    /// # Errors
    /// [`SendError::CannotResume`], or as [`Self::by_name`].
    pub fn by_token(pool: &'p Pool, token: &ResumeToken, options: SendOptions) -> Result<Self> {
        if token.savedok {
            return Err(SendError::Unsupported("resuming a saved send".into()));
        }
        let to = Name::parse(&token.toname)?;
        let found = pool.dataset(&to);
        let (to, dataset) = match found {
            Ok(dataset) if dataset.guid == token.toguid => (to, dataset),
            Ok(_) | Err(PoolError::NotFound { .. }) => {
                // It may have another name by now.
                let query = GuidQuery { guid: token.toguid, bookmarks: false, redacted_for: None };
                match find_by_guid(pool, &to.dataset, query)? {
                    Some(name) => {
                        let dataset = pool.dataset(&name)?;
                        (name, dataset)
                    }
                    None => {
                        let name = to.to_string();
                        return Err(SendError::CannotResume(match found {
                            Ok(_) => ResumeRefusal::Changed(name),
                            Err(_) => ResumeRefusal::Gone(name),
                        }));
                    }
                }
            }
            Err(e) => return Err(e.into()),
        };
        // What is redacted already is sent as it is; anything else is a redacted send.
        let redacted_for = token.redact_snaps.clone().filter(|_| !options.dialect.is_illumos());
        let redacted_for = match redacted_for {
            Some(guids) if dataset.redacted_for()?.as_ref() != Some(&guids) => Some(guids),
            Some(_) | None => None,
        };
        let source = match token.fromguid {
            None => None,
            Some(guid) => {
                let redacted_for = token.book_redact_snaps.as_deref();
                let query = GuidQuery { guid, bookmarks: true, redacted_for };
                let from = find_by_guid(pool, &to.dataset, query)?
                    .ok_or(SendError::CannotResume(ResumeRefusal::NoSource(guid)))?;
                Some(IncrementalSource::open(pool, &dataset, &to, &from, options.dialect)?)
            }
        };
        let options = SendOptions {
            embed: options.embed || token.embedok,
            large_block: options.large_block || token.largeblockok,
            compress: options.compress || token.compressok,
            raw: options.raw || token.rawok,
            resume: ResumePosition::new(token.object, token.offset),
            received: token.bytes,
            ..options
        };
        let plan = Self::new(pool, to.to_string(), dataset, source, options)?;
        match redacted_for {
            Some(guids) => plan.redacted_for(&guids),
            None => Ok(plan),
        }
    }

    /// A token that resumes this send at a position, for a receiver that has what came before.
    pub fn token_at(&self, progress: &Progress) -> ResumeToken {
        ResumeToken {
            fromguid: self.source.as_ref().map(|s| s.guid),
            object: progress.position.map_or(0, ResumePosition::object),
            offset: progress.position.map_or(0, ResumePosition::offset),
            bytes: self.options.received.saturating_add(progress.bytes),
            toguid: self.toguid(),
            toname: self.toname(),
            largeblockok: self.options.large_block,
            embedok: self.options.embed,
            compressok: self.options.compress,
            rawok: self.options.raw,
            savedok: self.saved.is_some(),
            redact_snaps: self.redaction.target_guids().map(<[u64]>::to_vec),
            book_redact_snaps: self.redaction.source_guids().map(<[u64]>::to_vec),
        }
    }

    /// The block from which the walk goes on: it holds the offset, by the object's own block size.
    pub(super) fn resume_point(&self) -> Result<Option<ResumePoint>> {
        let Some(position) = self.options.resume else { return Ok(None) };
        let object = position.object();
        let dnode = self.objset.dnode(object)?;
        Ok(Some(ResumePoint { object, blkid: position.offset() / dnode.datablksz().max(1) }))
    }
}
