//! Saved sends: what a receive has so far that has not ended, `zfs send -S`.

use super::find::{GuidQuery, find_by_guid};
use super::source::IncrementalSource;
use super::{SendOptions, SendPlan};
use crate::error::{Refusal, Result, ResumeRefusal, SendError};
use zsend_pool::PoolError;
use zsend_pool::dsl::dataset::Dataset;
use zsend_pool::dsl::name::Name;
use zsend_pool::pool::Pool;
use zsend_pool::zbookmark::Zbookmark;
use zsend_records::token::ResumeToken;

/// The snapshot that a receive would have made.
#[derive(Clone, Debug)]
pub(super) struct Saved {
    /// Its guid.
    pub(super) toguid: u64,
    /// Its name at the sender.
    pub(super) toname: String,
}

/// Name of the hidden child that an incremental receive goes into: `recv_clone_name`, OpenZFS
/// `module/zfs/dmu_recv.c`.
const RECEIVING: &str = "%recv";

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
        let source = match token.fromguid.filter(|&guid| guid != 0) {
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
        let hidden = dir.children(pool.mos())?.find(RECEIVING)?;
        let hidden = match hidden {
            None => None,
            Some(object) => {
                let dir = zsend_pool::dsl::dir::Dir::open(pool.mos(), object)?;
                Some(Dataset::open(pool.mos(), dir.head_dataset)?)
            }
        };
        for dataset in hidden.into_iter().chain([head]) {
            if let Some(token) = state(&dataset)? {
                return Ok((dataset, token));
            }
        }
        Err(SendError::CannotSend { name: dataset.to_owned(), why: Refusal::NothingSaved })
    }
}

/// The state of a receive as its dataset has it: `DS_FIELD_RESUME_*`, OpenZFS
/// `include/sys/dsl_dataset.h`, zfs-2.3.2.
fn state(dataset: &Dataset) -> Result<Option<ResumeToken>> {
    let number = |name: &str| dataset.number(name);
    let has = |name: &str| Ok::<_, PoolError>(dataset.field(name)?.is_some());
    let (Some(toguid), Some(toname)) =
        (number("com.delphix:resume_toguid")?, dataset.field("com.delphix:resume_toname")?)
    else {
        return Ok(None);
    };
    let toname = toname.string().ok_or_else(|| {
        let at = Zbookmark::new(0, dataset.object, 0, 0);
        PoolError::corrupt(at, "resume_toname", "no text", "a name")
    })?;
    let book = dataset.field("com.delphix:resume_redact_book_snaps")?;
    Ok(Some(ResumeToken {
        fromguid: number("com.delphix:resume_fromguid")?,
        object: 0,
        offset: 0,
        bytes: 0,
        toguid,
        toname,
        largeblockok: has("com.delphix:resume_largeblockok")?,
        embedok: has("com.delphix:resume_embedok")?,
        compressok: has("com.delphix:resume_compressok")?,
        rawok: has("com.datto:resume_rawok")?,
        savedok: true,
        redact_snaps: dataset.redacted_for()?,
        book_redact_snaps: book.map(zsend_pool::zap::Entry::ints),
    }))
}
