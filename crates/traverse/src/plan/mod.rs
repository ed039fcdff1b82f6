//! A send from names to bytes: the counterparts of `dmu_send()` and `dmu_send_obj()`.

mod begin;
mod check;
mod estimate;
mod features;
mod find;
mod options;
mod progress;
mod redacted;
mod redaction;
mod resume;
mod saved;
mod send;
mod source;
mod target;
mod tunables;

use crate::error::{Result, SendError};
use redaction::Redaction;
use saved::Saved;
use std::sync::Arc;
use zsend_pool::Pool;
use zsend_pool::PoolError;
use zsend_pool::dmu::objset::Objset;
use zsend_pool::dsl::crypt::Encryption;
use zsend_pool::dsl::dataset::Dataset;
use zsend_pool::dsl::name::Name;
use zsend_records::flags::Features;

pub use options::SendOptions;
pub use progress::{Notice, Progress, ResumePosition};
pub use source::{IncrementalSource, SourceKind};
pub use target::Target;
pub use tunables::{TunableError, Tunables};

/// A send that was found to make sense: what is sent, from where, and how.
#[derive(Debug)]
pub struct SendPlan<'p> {
    pool: &'p Pool,
    target: Target,
    dataset: Dataset,
    objset: Arc<Objset>,
    encryption: Option<Encryption>,
    source: Option<IncrementalSource>,
    redaction: Redaction,
    features: Features,
    options: SendOptions,
    saved: Option<Saved>,
}

impl<'p> SendPlan<'p> {
    /// A send of `to` (`pool/fs@snap`, or `pool/fs` for the head as the pool last synced it) from
    /// `from` (`pool/fs@snap` or `pool/fs#bookmark`), by name: `dmu_send()`.
    ///
    /// # Errors
    /// [`SendError::NoDataset`] and [`SendError::CannotSend`] with the reason in the words of
    /// `zfs send`, or those of reading.
    pub fn by_name(
        pool: &'p Pool,
        to: &str,
        from: Option<&str>,
        options: SendOptions,
    ) -> Result<Self> {
        let to = Name::parse(to)?;
        let dataset = pool.dataset(&to).map_err(|e| match e {
            PoolError::NotFound { .. } => SendError::NoDataset(to.to_string()),
            other => other.into(),
        })?;
        let source = match from {
            Some(from) => {
                let from = Name::parse(from)?;
                Some(IncrementalSource::open(pool, &dataset, &to, &from, options.dialect)?)
            }
            None => None,
        };
        Self::new(pool, to.to_string(), dataset, source, options)
    }

    /// A send of dataset object `to` of the MOS from snapshot object `from`, if from any: `dmu_send_obj()`.
    ///
    /// # Errors
    /// As [`Self::by_name`].
    pub fn by_object(
        pool: &'p Pool,
        to: u64,
        from: Option<u64>,
        options: SendOptions,
    ) -> Result<Self> {
        let named = |object| {
            let dataset = Dataset::open(pool.mos(), object)?;
            Ok::<_, SendError>((pool.dataset_name(&dataset)?, object))
        };
        let from = from.map(named).transpose()?;
        Self::by_named_object(pool, named(to)?, from, options)
    }

    /// A send of dataset object `to` of the MOS, whose full name is at hand, from a snapshot, the name and
    /// object of which are: as [`Self::by_object`], without a search for the names.
    ///
    /// # Errors
    /// As [`Self::by_name`].
    pub fn by_named_object(
        pool: &'p Pool,
        to: (String, u64),
        from: Option<(String, u64)>,
        options: SendOptions,
    ) -> Result<Self> {
        let (name, object) = to;
        let dataset = Dataset::open(pool.mos(), object)?;
        let source = match from {
            None => None,
            Some((from_name, object)) => {
                let snapshot = Dataset::open(pool.mos(), object)?;
                Some(IncrementalSource::of_snapshot(pool, &dataset, &name, from_name, snapshot)?)
            }
        };
        Self::new(pool, name, dataset, source, options)
    }

    fn new(
        pool: &'p Pool,
        name: String,
        dataset: Dataset,
        source: Option<IncrementalSource>,
        options: SendOptions,
    ) -> Result<Self> {
        let encryption = pool.encryption(&dataset)?;
        // Without its key an encrypted dataset can be described, though not sent.
        let needs_no_key = options.raw || encryption.as_ref().is_some_and(|e| !pool.has_key(e));
        let objset = if encryption.is_some() && needs_no_key {
            pool.raw_objset(&dataset)?
        } else {
            pool.objset(&dataset)?
        };
        let features = features::choose(pool, &dataset, &objset, encryption.is_some(), &options)?;
        let objset = Arc::new(objset);
        let redaction = Redaction::open(pool, &dataset, source.as_ref(), options.dialect)?;
        let target = Target::new(name, !dataset.is_snapshot);
        let saved = None;
        Ok(Self {
            pool,
            target,
            dataset,
            objset,
            encryption,
            source,
            redaction,
            features,
            options,
            saved,
        })
    }

    /// The pool.
    pub const fn pool(&self) -> &'p Pool {
        self.pool
    }

    /// Name of what is sent.
    pub const fn target(&self) -> &Target {
        &self.target
    }

    /// The dataset that is sent.
    pub const fn dataset(&self) -> &Dataset {
        &self.dataset
    }

    /// Its object set.
    pub const fn objset(&self) -> &Arc<Objset> {
        &self.objset
    }

    /// The incremental source, if there is one.
    pub const fn incremental_source(&self) -> Option<&IncrementalSource> {
        self.source.as_ref()
    }

    /// The features that BEGIN announces.
    pub const fn features(&self) -> Features {
        self.features
    }

    /// Guid by which the stream knows what is sent: `drr_toguid` of BEGIN.
    pub fn toguid(&self) -> u64 {
        self.saved.as_ref().map_or(self.dataset.guid, |saved| saved.toguid)
    }

    /// Name that the stream gives what is sent: `drr_toname`.
    pub fn toname(&self) -> String {
        self.saved.as_ref().map_or_else(|| self.target.toname(), |saved| saved.toname.clone())
    }

    /// The options of the send.
    pub const fn options(&self) -> &SendOptions {
        &self.options
    }
}

#[cfg(test)]
#[cfg(feature = "fixtures")]
mod tests;
