//! Saved sends: what a receive has so far that has not ended, `zfs send -S`.

use super::find::{GuidQuery, find_by_guid};
use super::source::IncrementalSource;
use super::{SendOptions, SendPlan};
use crate::error::{Refusal, Result, ResumeRefusal, SendError};
use zsend_pool::Pool;
use zsend_pool::PoolError;
use zsend_pool::dsl::dataset::Dataset;
use zsend_pool::dsl::name::Name;
use zsend_records::token::ResumeToken;

/// The snapshot that a receive would have made.
#[derive(Clone, Debug)]
pub(super) struct Saved {
    /// Its guid.
    pub(super) toguid: u64,
    /// Its name at the sender.
    pub(super) toname: String,
}

impl<'p> SendPlan<'p> {
    /// A send of what `dataset` has of a receive that has not ended. Its stream has no END, so that another
    /// receive of it does not end either, and can be resumed.
    ///
    /// The flags of the stream that was received are added to those of `options`.
    ///
    /// Follows `zfs_send_saved()`, OpenZFS `lib/libzfs/libzfs_sendrecv.c`, and `dmu_send()`,
    /// `module/zfs/dmu_send.c`, zfs-2.3.2.
    ///
    /// # Errors
    /// [`SendError::NoDataset`]; [`SendError::CannotSend`] if it holds no such state;
    /// [`SendError::CannotResume`] if its source is gone; those of reading it.
    pub fn saved(pool: &'p Pool, dataset: &str, options: SendOptions) -> Result<Self> {
        let (head, token) = Self::saved_token(pool, dataset)?;
        let to = Name::parse(dataset)?;
        let source = match token.fromguid {
            None => None,
            Some(guid) => {
                let redacted_for = token.book_redact_snaps.as_deref();
                let query = GuidQuery { guid, bookmarks: true, redacted_for };
                let from = find_by_guid(pool, &to.dataset, query)?
                    .ok_or(SendError::CannotResume(ResumeRefusal::NoSource(guid)))?;
                let mut source = IncrementalSource::open(pool, &head, &to, &from, options.dialect)?;
                // It is told by the names, and a receive goes into a clone.
                source.is_clone = from.dataset != to.dataset;
                Some(source)
            }
        };
        let options = SendOptions {
            embed: options.embed || token.embedok,
            large_block: options.large_block || token.largeblockok,
            compress: options.compress || token.compressok,
            raw: options.raw || token.rawok,
            ..options
        };
        let mut plan = Self::new(pool, to.to_string(), head, source, options)?;
        plan.saved = Some(Saved { toguid: token.toguid, toname: token.toname });
        Ok(plan)
    }

    /// The head that a receive goes into, and the token that describes it, from its start.
    ///
    /// # Errors
    /// As [`Self::saved`].
    pub fn saved_token(pool: &Pool, dataset: &str) -> Result<(Dataset, ResumeToken)> {
        let missing = |e: PoolError| match e {
            PoolError::NotFound { .. } => SendError::NoDataset(dataset.to_owned()),
            other => other.into(),
        };
        let dir = pool.dir(dataset).map_err(missing)?;
        let head = Dataset::open(pool.mos(), dir.head_dataset)?;
        for dataset in dir.receiving(pool.mos())?.into_iter().chain([head]) {
            if let Some(state) = dataset.receive_state()? {
                let token = ResumeToken { object: 0, offset: 0, bytes: 0, savedok: true, ..state };
                return Ok((dataset, token));
            }
        }
        Err(SendError::CannotSend { name: dataset.to_owned(), why: Refusal::NothingSaved })
    }
}
