//! A send from names to bytes: the counterparts of `dmu_send()` and `dmu_send_obj()`.

use crate::error::{Result, SendError};
use crate::features;
use crate::options::SendOptions;
use crate::pipeline::{PipelineSpec, run};
use crate::source::Source;
use crate::walk::{ResumePoint, WalkSpec};
use std::io::Write;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use zsend_encoder::encoder::{Encoder, StreamParams, Summary};
use zsend_encoder::event::{Begin, Event};
use zsend_encoder::policy::Policy;
use zsend_encoder::sink::{Discard, Gather, RecordSink};
use zsend_pool::PoolError;
use zsend_pool::dmu::dnode::DNODES_PER_BLOCK;
use zsend_pool::dmu::objset::Objset;
use zsend_pool::dsl::dataset::Dataset;
use zsend_pool::dsl::dir::Dir;
use zsend_pool::dsl::name::{Name, Suffix};
use zsend_pool::pool::Pool;
use zsend_pool::zap;
use zsend_records::flags::{BeginFlags, Features};
use zsend_records::nvlist::{NvList, NvValue};

/// Name of a directory's field that says it is encrypted: `DD_FIELD_CRYPTO_KEY_OBJ`.
const FIELD_CRYPTO_KEY: &str = "com.datto:crypto_key_obj";

/// How far a send has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of stream so far.
    pub bytes: u64,
    /// Records so far.
    pub records: u64,
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
    objset: Objset,
    encrypted: bool,
    source: Option<Source>,
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
        let objset = pool.objset(&dataset)?;
        let dir = Dir::open(pool.mos(), dataset.dir)?;
        let encrypted =
            dir.zapified && zap::lookup_u64(pool.mos(), dir.object, FIELD_CRYPTO_KEY)?.is_some();
        if encrypted {
            return Err(SendError::Unsupported("encrypted datasets".into()));
        }
        let features = features::choose(pool, &dataset, &objset, encrypted, &options)?;
        Ok(Self { pool, name, dataset, objset, encrypted, source, features, options })
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
    pub const fn objset(&self) -> &Objset {
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
    /// `progress` is told after each record how far the send has come; `cancel` may be set at any
    /// time by any thread.
    ///
    /// # Errors
    /// What ended the stream early; what was written by then is a true beginning of it.
    pub fn write(
        &self,
        out: impl Write,
        cancel: &AtomicBool,
        progress: impl FnMut(Progress),
    ) -> Result<SendReport> {
        self.encode(Gather::new(out), false, cancel, progress)
    }

    /// The size of the stream to the byte and its records by type, found without reading data.
    ///
    /// # Errors
    /// Those of reading metadata.
    pub fn exact_size(&self, cancel: &AtomicBool) -> Result<Summary> {
        Ok(self.encode(Discard, true, cancel, |_| {})?.summary)
    }

    fn encode(
        &self,
        sink: impl RecordSink,
        sizes_only: bool,
        cancel: &AtomicBool,
        mut progress: impl FnMut(Progress),
    ) -> Result<SendReport> {
        let resume = self.resume_point()?;
        let params = StreamParams {
            dialect: self.options.dialect,
            features: self.features,
            toguid: self.dataset.guid,
            object_limit: self
                .objset
                .meta()
                .maxblkid
                .saturating_add(1)
                .saturating_mul(DNODES_PER_BLOCK),
            resume_object: resume.map_or(0, |r| r.object),
        };
        let replaced = self.options.tunables.corrupt_data.then(Arc::<Mutex<Vec<_>>>::default);
        let mut encoder = Encoder::new(params, sink);
        encoder.event(&Event::Begin(self.begin())).map_err(SendError::Output)?;
        let spec = PipelineSpec {
            walk: WalkSpec {
                objset: self.objset.clone(),
                fromtxg: self.source.as_ref().map_or(0, |s| s.creation_txg),
                resume,
            },
            policy: Policy { dialect: self.options.dialect, features: self.features },
            encrypted: self.encrypted,
            unmodified_spill: self.options.tunables.unmodified_spill_blocks,
            sizes_only,
            replaced: replaced.clone(),
            queue_length: self.options.tunables.queue_length,
            threads: self.options.thread_count(),
        };
        let walked = run(&spec, cancel, |event| {
            encoder.event(&event).map_err(SendError::Output)?;
            let Summary { records, bytes } = encoder.summary();
            progress(Progress { bytes, records: records.iter().sum() });
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

    /// Where to go on: the block that holds the offset, by the object's own block size.
    fn resume_point(&self) -> Result<Option<ResumePoint>> {
        let Some((object, offset)) = self.options.resume.filter(|&r| r != (0, 0)) else {
            return Ok(None);
        };
        let dnode = self.objset.dnode(object)?;
        Ok(Some(ResumePoint { object, blkid: offset / dnode.datablksz().max(1) }))
    }

    fn begin(&self) -> Begin {
        let mut flags = BeginFlags::SPILL_BLOCK;
        flags.set(BeginFlags::CLONE, self.source.as_ref().is_some_and(|s| s.is_clone));
        flags.set(BeginFlags::CI_DATA, self.dataset.is_case_insensitive);
        flags.set(BeginFlags::FREERECORDS, self.options.tunables.set_freerecords_bit);
        let mut list = NvList::new();
        if let Some((object, offset)) = self.options.resume.filter(|&r| r != (0, 0)) {
            list.insert("resume_object", NvValue::Uint64(object));
            list.insert("resume_offset", NvValue::Uint64(offset));
        }
        let payload = if list.is_empty() {
            Vec::new()
        } else {
            list.encode(self.options.dialect.payload_encoding())
        };
        Begin {
            creation_time: self.dataset.creation_time,
            objset_type: self.objset.kind(),
            flags,
            fromguid: self.source.as_ref().map_or(0, |s| s.guid),
            toname: self.name.clone(),
            payload,
        }
    }
}
