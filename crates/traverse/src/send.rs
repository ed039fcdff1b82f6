//! A send from names to bytes: the counterparts of `dmu_send()` and `dmu_send_obj()`.

use crate::error::{Result, SendError};
use crate::features;
use crate::listed::Listed;
use crate::options::SendOptions;
use crate::pipeline::{PipelineSpec, Share, run};
use crate::source::{self, Source};
use crate::walk::{ResumePoint, WalkSpec};
use std::io::Write;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use zsend_crypto::KeyVersion;
use zsend_encoder::dialect::Dialect;
use zsend_encoder::encoder::{Encoder, StreamParams, Summary};
use zsend_encoder::event::Event;
use zsend_encoder::policy::Policy;
use zsend_encoder::sink::{Discard, Gather};
use zsend_encoder::stretch::Stretch;
use zsend_pool::PoolError;
use zsend_pool::dmu::dnode::DNODES_PER_BLOCK;
use zsend_pool::dmu::objset::Objset;
use zsend_pool::dsl::crypt::Encryption;
use zsend_pool::dsl::dataset::Dataset;
use zsend_pool::dsl::name::{Name, Suffix};
use zsend_pool::pool::Pool;
use zsend_records::flags::Features;
use zsend_records::token::ResumeToken;

/// How far a send has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of stream so far.
    pub bytes: u64,
    /// Records so far.
    pub records: u64,
    /// Object and offset that a stream which ends here can be resumed from.
    pub position: (u64, u64),
}

/// Where a stream that ended after some event can be resumed from.
struct Position {
    by_block: bool,
    at: (u64, u64),
}

impl Position {
    fn new(dialect: Dialect, resume: Option<ResumePoint>) -> Self {
        // illumos sends the objects of a block of dnodes before their data, so an object that was
        // sent says nothing of the data of those before it in the block.
        Self { by_block: dialect.is_illumos(), at: (resume.map_or(0, |r| r.object), 0) }
    }

    fn pass(&mut self, event: &Event) {
        match event {
            Event::Object(o) => {
                let same_block = o.object / DNODES_PER_BLOCK == self.at.0 / DNODES_PER_BLOCK;
                if !(self.by_block && same_block && self.at.0 != 0) {
                    self.at = (o.object, 0);
                }
            }
            Event::Write(w) => self.at = (w.object, w.offset),
            Event::WriteEmbedded(w) => self.at = (w.object, w.offset),
            _ => {}
        }
    }
}

/// Counts the events of a batch.
struct Counting(Stretch);

impl Share for Counting {
    type Result = Stretch;

    fn event(&mut self, event: Event) -> Result<()> {
        self.0.event(event).map_err(SendError::Output)
    }

    fn results(self) -> Vec<Stretch> {
        vec![self.0]
    }
}

/// What a finished send reports.
#[derive(Debug, Default)]
pub struct SendReport {
    /// Records and bytes.
    pub summary: Summary,
    /// Blocks that could not be read and were replaced (`zfs_send_corrupt_data`).
    pub replaced: Vec<PoolError>,
}

/// A send that was checked and can be made.
#[derive(Debug)]
pub struct SendPlan<'p> {
    pool: &'p Pool,
    name: String,
    dataset: Dataset,
    objset: Arc<Objset>,
    pub(crate) encryption: Option<Encryption>,
    source: Option<Source>,
    pub(crate) listed: Listed,
    features: Features,
    options: SendOptions,
}

impl<'p> SendPlan<'p> {
    /// A send of `to` (`pool/fs@snap`, or `pool/fs` for the head as the pool last synced it) from
    /// `from` (`pool/fs@snap` or `pool/fs#bookmark`), by name: `dmu_send()`.
    ///
    /// # Errors
    /// [`SendError::Refused`] with the reason in the words of `zfs send`, or what reading gives.
    pub fn by_name(
        pool: &'p Pool,
        to: &str,
        from: Option<&str>,
        options: SendOptions,
    ) -> Result<Self> {
        let to = Name::parse(to)?;
        let dataset = pool.dataset(&to).map_err(|e| match e {
            PoolError::NotFound { .. } => {
                SendError::Refused(format!("cannot open '{to}': dataset does not exist"))
            }
            other => other.into(),
        })?;
        let source = match from {
            Some(from) => Some(Source::open(pool, &dataset, &to, &Name::parse(from)?)?),
            None => None,
        };
        let full = match &to.suffix {
            Suffix::None => format!("{to}@--head--"),
            _ => to.to_string(),
        };
        Self::new(pool, full, dataset, source, options)
    }

    /// The send that a resume token describes: what it names must still be what it was.
    ///
    /// The token's flags are added to those of `options`.
    ///
    /// # Errors
    /// [`SendError::Refused`] in the words of `zfs send -t`, or as [`Self::by_name`].
    pub fn by_token(pool: &'p Pool, token: &ResumeToken, options: SendOptions) -> Result<Self> {
        let refuse = |why: String| SendError::Refused(format!("cannot resume send: {why}"));
        if token.redact_snaps.is_some() || token.book_redact_snaps.is_some() {
            return Err(SendError::Unsupported("resuming a redacted send".into()));
        }
        let to = Name::parse(&token.toname)?;
        let dataset = pool.dataset(&to).map_err(|e| match e {
            PoolError::NotFound { .. } => {
                refuse(format!("'{to}' used in the initial send no longer exists"))
            }
            other => other.into(),
        })?;
        if dataset.guid != token.toguid {
            return Err(refuse(format!(
                "'{to}' is no longer the same snapshot used in the initial send"
            )));
        }
        let source = match token.fromguid {
            None => None,
            Some(guid) => {
                let from = source::find_by_guid(pool, &to.dataset, guid)?.ok_or_else(|| {
                    refuse(format!("incremental source {guid:#x} no longer exists"))
                })?;
                Some(Source::open(pool, &dataset, &to, &from)?)
            }
        };
        let options = SendOptions {
            embed: options.embed || token.embedok,
            large_block: options.large_block || token.largeblockok,
            compress: options.compress || token.compressok,
            raw: options.raw || token.rawok,
            resume: Some((token.object, token.offset)),
            received: token.bytes,
            ..options
        };
        Self::new(pool, to.to_string(), dataset, source, options)
    }

    /// A token that resumes this send at a position, for a receiver that has what came before.
    pub fn token_at(&self, progress: &Progress) -> ResumeToken {
        let (object, offset) = progress.position;
        ResumeToken {
            fromguid: self.source.as_ref().map(|s| s.guid),
            object,
            offset,
            bytes: self.options.received.saturating_add(progress.bytes),
            toguid: self.dataset.guid,
            toname: self.name.clone(),
            largeblockok: self.options.large_block,
            embedok: self.options.embed,
            compressok: self.options.compress,
            rawok: self.options.raw,
            savedok: false,
            redact_snaps: None,
            book_redact_snaps: None,
        }
    }

    /// A send of dataset object `to` of the MOS from snapshot object `from`, zero for none:
    /// `dmu_send_obj()`.
    ///
    /// # Errors
    /// As [`Self::by_name`].
    pub fn by_object(pool: &'p Pool, to: u64, from: u64, options: SendOptions) -> Result<Self> {
        let dataset = Dataset::open(pool.mos(), to)?;
        let mut name = pool.dataset_name(&dataset)?;
        let source = if from == 0 {
            None
        } else {
            let snapshot = Dataset::open(pool.mos(), from)?;
            let from_name = pool.dataset_name(&snapshot)?;
            Some(Source::from_snapshot(pool, &dataset, &name, from_name, snapshot)?)
        };
        if !dataset.is_snapshot {
            name.push_str("@--head--");
        }
        Self::new(pool, name, dataset, source, options)
    }

    fn new(
        pool: &'p Pool,
        name: String,
        dataset: Dataset,
        source: Option<Source>,
        options: SendOptions,
    ) -> Result<Self> {
        let encryption = pool.encryption(&dataset)?;
        let objset = match &encryption {
            Some(encryption) if options.raw => {
                if encryption.key_object.version != KeyVersion::CURRENT {
                    return Err(SendError::Unsupported(format!(
                        "raw send of '{name}': encryption key version {}",
                        encryption.key_object.version.0
                    )));
                }
                pool.raw_objset(&dataset)?
            }
            Some(encryption) if !pool.has_key(encryption) => {
                return Err(SendError::Refused(format!(
                    "cannot send '{}': dataset key must be loaded",
                    name.trim_end_matches("@--head--")
                )));
            }
            _ => pool.objset(&dataset)?,
        };
        let features = features::choose(pool, &dataset, &objset, encryption.is_some(), &options)?;
        let objset = Arc::new(objset);
        // illumos knows no redaction: a bookmark is a bookmark to it.
        let listed = match source.as_ref().and_then(Source::redaction_list) {
            Some(list) if !options.dialect.is_illumos() => Listed::open(pool.mos(), list)?,
            _ => Listed::default(),
        };
        Ok(Self { pool, name, dataset, objset, encryption, source, listed, features, options })
    }

    /// The pool.
    pub const fn pool(&self) -> &'p Pool {
        self.pool
    }

    /// Full name of what is sent, as BEGIN gives it.
    pub fn name(&self) -> &str {
        &self.name
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
    pub const fn source(&self) -> Option<&Source> {
        self.source.as_ref()
    }

    /// Whether the source is a redaction bookmark, whose blocks are sent again.
    pub fn is_from_redaction(&self) -> bool {
        !self.listed.snaps.is_empty()
    }

    /// The features that BEGIN announces.
    pub const fn features(&self) -> Features {
        self.features
    }

    /// What was asked for.
    pub const fn options(&self) -> &SendOptions {
        &self.options
    }

    /// Writes the stream.
    ///
    /// `progress` is told after each record how far the send has come; `cancel` may be set at any
    /// time by any thread.
    ///
    /// # Errors
    /// What ended the stream early; what was written by then is a true beginning of it.
    pub fn write(
        &self,
        out: impl Write + Send,
        cancel: &AtomicBool,
        mut progress: impl FnMut(Progress) + Send,
    ) -> Result<SendReport> {
        let replaced = self.options.tunables.corrupt_data.then(Arc::<Mutex<Vec<_>>>::default);
        let mut encoder = Encoder::new(self.params(), Gather::new(out));
        encoder.event(&Event::Begin(self.begin())).map_err(SendError::Output)?;
        let spec = PipelineSpec { replaced: replaced.clone(), ..self.pipeline(false)? };
        let mut position = Position::new(self.options.dialect, spec.walk.resume);
        let walked = run(&spec, cancel, Vec::with_capacity, |event| {
            encoder.event(&event).map_err(SendError::Output)?;
            position.pass(&event);
            let Summary { records, bytes } = encoder.summary();
            progress(Progress { bytes, records: records.iter().sum(), position: position.at });
            Ok(())
        });
        let summary = match walked {
            Ok(()) => encoder.finish().map_err(SendError::Output)?,
            Err(e) => {
                // What is true of the stream so far is delivered, so that it can be resumed; if
                // that fails too, the first error is the one to tell.
                let _ = encoder.abandon();
                return Err(e);
            }
        };
        let replaced = replaced
            .map(|list| std::mem::take(&mut *list.lock().unwrap_or_else(PoisonError::into_inner)))
            .unwrap_or_default();
        Ok(SendReport { summary, replaced })
    }

    /// The size of the stream to the byte and its records by type, found without reading data.
    ///
    /// # Errors
    /// Those of reading metadata.
    pub fn exact_size(&self, cancel: &AtomicBool) -> Result<Summary> {
        let params = self.params();
        let mut encoder = Encoder::new(params, Discard);
        encoder.event(&Event::Begin(self.begin())).map_err(SendError::Output)?;
        let share = |_| Counting(Stretch::new(params));
        run(&self.pipeline(true)?, cancel, share, |stretch| {
            encoder.stretch(stretch).map_err(SendError::Output)
        })?;
        encoder.finish().map_err(SendError::Output)
    }

    fn params(&self) -> StreamParams {
        StreamParams {
            dialect: self.options.dialect,
            features: self.features,
            toguid: self.dataset.guid,
            object_limit: self
                .objset
                .meta()
                .maxblkid
                .saturating_add(1)
                .saturating_mul(DNODES_PER_BLOCK),
        }
    }

    /// What a read takes.
    pub(crate) fn latency(&self) -> Duration {
        self.options.latency.unwrap_or_else(|| self.pool.zio().latency())
    }

    fn pipeline(&self, sizes_only: bool) -> Result<PipelineSpec> {
        let latency = self.latency();
        let threads = self.options.thread_count(latency);
        Ok(PipelineSpec {
            walk: WalkSpec {
                objset: Arc::clone(&self.objset),
                fromtxg: self.source.as_ref().map_or(0, |s| s.creation_txg),
                resume: self.resume_point()?,
            },
            listed: self.listed.clone(),
            policy: Policy { dialect: self.options.dialect, features: self.features },
            unmodified_spill: self.options.tunables.unmodified_spill_blocks,
            sizes_only,
            replaced: None,
            queue_length: self.options.queue_length(threads),
            threads,
            latency,
        })
    }

    /// Where to go on: the block that holds the offset, by the object's own block size.
    fn resume_point(&self) -> Result<Option<ResumePoint>> {
        let Some((object, offset)) = self.options.resume.filter(|&r| r != (0, 0)) else {
            return Ok(None);
        };
        let dnode = self.objset.dnode(object)?;
        Ok(Some(ResumePoint { object, blkid: offset / dnode.datablksz().max(1) }))
    }
}
