//! A send from names to bytes: the counterparts of `dmu_send()` and `dmu_send_obj()`.

mod begin;
mod estimate;
mod features;
pub(crate) mod options;
mod redaction;
pub(crate) mod source;

use crate::error::{Result, SendError};
use crate::plan::options::SendOptions;
use crate::plan::redaction::Redaction;
use crate::plan::source::{Source, Wanted};
use crate::read::{self, Events, ReadSpec, Rules};
use crate::walk::{ResumePoint, Stop, WalkSpec};
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;
use zsend_crypto::KeyVersion;
use zsend_encoder::dialect::Dialect;
use zsend_encoder::emit::StreamParams;
use zsend_encoder::encoder::Encoder;
use zsend_encoder::event::Event;
use zsend_encoder::policy::Policy;
use zsend_encoder::stretch::Stretch;
use zsend_encoder::summary::Summary;
use zsend_pool::dmu::dnode::DNODES_PER_BLOCK;
use zsend_pool::dmu::objset::Objset;
use zsend_pool::dsl::crypt::Encryption;
use zsend_pool::dsl::dataset::Dataset;
use zsend_pool::dsl::name::{Name, Suffix};
use zsend_pool::pool::Pool;
use zsend_pool::zil;
use zsend_pool::{CancelToken, PoolError};
use zsend_records::flags::Features;
use zsend_records::token::ResumeToken;
use zsend_records::writer::{Counted, Counter, Payload, StreamWriter};

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
            Event::Begin(_)
            | Event::ObjectRange(_)
            | Event::FreeSlot(_)
            | Event::Hole(_)
            | Event::Redact(_)
            | Event::Spill(_)
            | Event::Other(_) => {}
        }
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
    pub(crate) redaction: Redaction,
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
            Some(from) => {
                let from = Name::parse(from)?;
                Some(Source::open(pool, &dataset, &to, &from, options.dialect)?)
            }
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
        if token.savedok {
            return Err(SendError::Unsupported("resuming a saved send".into()));
        }
        let to = Name::parse(&token.toname)?;
        let found = pool.dataset(&to);
        let (to, dataset) = match found {
            Ok(dataset) if dataset.guid == token.toguid => (to, dataset),
            Ok(_) | Err(PoolError::NotFound { .. }) => {
                // It may have another name by now.
                let wanted = Wanted { guid: token.toguid, bookmarks: false, redacted_for: None };
                match source::find_by_guid(pool, &to.dataset, wanted)? {
                    Some(name) => {
                        let dataset = pool.dataset(&name)?;
                        (name, dataset)
                    }
                    None if found.is_ok() => {
                        return Err(refuse(format!(
                            "'{to}' is no longer the same snapshot used in the initial send"
                        )));
                    }
                    None => {
                        return Err(refuse(format!(
                            "'{to}' used in the initial send no longer exists"
                        )));
                    }
                }
            }
            Err(e) => return Err(e.into()),
        };
        // What is redacted already is sent as it is; anything else is a redacted send.
        if token.redact_snaps.is_some() && token.redact_snaps != dataset.redacted_for()? {
            return Err(SendError::Unsupported("resuming a redacted send".into()));
        }
        let source = match token.fromguid {
            None => None,
            Some(guid) => {
                let redacted_for = token.book_redact_snaps.as_deref();
                let wanted = Wanted { guid, bookmarks: true, redacted_for };
                let from = source::find_by_guid(pool, &to.dataset, wanted)?.ok_or_else(|| {
                    refuse(format!("incremental source {guid:#x} no longer exists"))
                })?;
                Some(Source::open(pool, &dataset, &to, &from, options.dialect)?)
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
            redact_snaps: self.redaction.target_guids().map(<[u64]>::to_vec),
            book_redact_snaps: self.redaction.source_guids().map(<[u64]>::to_vec),
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
        Ok(Self { pool, name, dataset, objset, encryption, source, redaction, features, options })
    }

    /// Whether it can be sent: all that refuses a send before its first record, most of which an
    /// estimate does not ask. [`Self::write`] and [`Self::exact_size`] begin with it.
    ///
    /// # Errors
    /// [`SendError::Refused`] in the words of `zfs send`, and [`SendError::Unsupported`].
    pub fn check(&self) -> Result<()> {
        self.check_whole()?;
        let name = self.name.trim_end_matches("@--head--");
        let cannot = |why: &str| SendError::Refused(format!("cannot send '{name}': {why}"));
        match &self.encryption {
            Some(encryption) if self.options.raw => {
                let version = encryption.key_object.version;
                if version != KeyVersion::CURRENT {
                    return Err(SendError::Unsupported(format!(
                        "raw send of '{name}': encryption key version {}",
                        version.0
                    )));
                }
            }
            Some(encryption) if !self.pool.has_key(encryption) => {
                return Err(cannot("dataset key must be loaded"));
            }
            Some(_) | None => {}
        }
        features::check(self.features)?;
        self.redaction.check(name, self.options.dialect)
    }

    /// Refuses the head of a receive that has not ended, which estimates ask too: it is half done, and
    /// the receive may go on with it at any time.
    pub(crate) fn check_whole(&self) -> Result<()> {
        if self.dataset.is_snapshot || !self.dataset.is_inconsistent {
            return Ok(());
        }
        Err(SendError::Refused(format!(
            "cannot send '{}': target is busy; if a filesystem, it must not be mounted\n\
             a receive into it has not ended, so it is not whole; its snapshots can be sent",
            self.name.trim_end_matches("@--head--")
        )))
    }

    /// What the administrator should know of what is sent, and of what is not.
    pub fn warnings(&self) -> Vec<String> {
        let name = self.name.trim_end_matches("@--head--");
        let mut warnings = Vec::new();
        if self.dataset.is_snapshot && self.dataset.is_inconsistent {
            warnings.push(format!(
                "'{name}' was taken of a receive that had not ended: it is not whole"
            ));
        }
        if !self.dataset.is_snapshot {
            warnings.extend(zil::unreplayed(&self.objset, self.pool.uberblock().txg).told(name));
        }
        warnings
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
    /// `progress` is told after each event how far the send has come; `cancel` may be set at any
    /// time by any thread.
    ///
    /// # Errors
    /// What ended the stream early; what was written by then is a true beginning of it. It ends where
    /// `progress` was last told, unless the error is [`SendError::Output`]: then nobody knows where.
    pub fn write(
        &self,
        out: impl Write + Send,
        cancel: &CancelToken,
        mut progress: impl FnMut(Progress) + Send,
    ) -> Result<SendReport> {
        self.check()?;
        let spec = self.read_spec()?;
        let mut encoder = Encoder::new(self.params(), StreamWriter::new(out));
        encoder.event(&Event::Begin(self.begin()?)).map_err(SendError::Output)?;
        let mut position = Position::new(self.options.dialect, spec.walk.resume);
        let mut replaced = Vec::new();
        let gather = |events: Events<'_, Payload>| {
            let mut made = Vec::with_capacity(events.len());
            let ended = events.for_each(|event| {
                made.push(event);
                Ok(())
            });
            (made, ended)
        };
        let walked = read::run(spec, Stop::new(cancel), &gather, |batch| {
            for event in batch.made {
                if cancel.is_cancelled() {
                    return Err(SendError::Cancelled);
                }
                encoder.event(&event).map_err(SendError::Output)?;
                position.pass(&event);
                let (bytes, records) = (encoder.summary().bytes(), encoder.summary().records());
                progress(Progress { bytes, records, position: position.at });
            }
            replaced.extend(batch.replaced);
            batch.ended
        });
        let summary = match walked {
            Ok(()) => encoder.finish().map_err(SendError::Output)?,
            Err(e) => {
                // What is true of the stream so far is delivered, so that it can be resumed.
                return Err(match (encoder.abandon(), e) {
                    (Ok(_), e) | (Err(_), e @ SendError::Output(_)) => e,
                    (Err(failed), e) => {
                        let why = format!("{failed}, after this error: {e}");
                        SendError::Output(io::Error::new(failed.kind(), why))
                    }
                });
            }
        };
        Ok(SendReport { summary, replaced })
    }

    /// The size of the stream to the byte and its records by type, found without reading data.
    ///
    /// # Errors
    /// Those of [`Self::check`] and of reading metadata, and what blocks are refused for by what their
    /// pointers say.
    pub fn exact_size(&self, cancel: &CancelToken) -> Result<Summary> {
        self.check()?;
        let spec = self.read_spec()?;
        let params = self.params();
        let mut encoder = Encoder::new(params, Counter);
        encoder.event(&Event::Begin(self.begin()?)).map_err(SendError::Output)?;
        let gather = |events: Events<'_, Counted>| {
            let mut stretch = Stretch::new(params);
            let ended = events.for_each(|event| stretch.event(event).map_err(SendError::Output));
            (stretch, ended)
        };
        read::run(spec, Stop::new(cancel), &gather, |batch| {
            encoder.stretch(batch.made).map_err(SendError::Output)?;
            batch.ended
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

    fn read_spec(&self) -> Result<ReadSpec> {
        let latency = self.latency();
        let threads = self.options.thread_count(latency);
        let resume = self.resume_point()?;
        let mut cursor = self.redaction.cursor();
        if let Some(resume) = resume {
            cursor.start_at(resume.object, resume.blkid)?;
        }
        Ok(ReadSpec {
            walk: WalkSpec {
                objset: Arc::clone(&self.objset),
                fromtxg: self.source.as_ref().map_or(0, |s| s.creation_txg),
                resume,
            },
            cursor,
            rules: Rules {
                policy: Policy { dialect: self.options.dialect, features: self.features },
                unmodified_spill: self.options.tunables.unmodified_spill_blocks,
            },
            is_replacing: self.options.tunables.corrupt_data,
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

#[cfg(test)]
mod tests;
