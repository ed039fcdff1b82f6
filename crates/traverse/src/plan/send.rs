//! From a plan to a stream, or to its size.

use super::progress::{Notice, Progress, Resumable};
use super::{SendOptions, SendPlan};
use crate::error::{Result, SendError};
use crate::read::{self, Events, ReadSpec, Rules};
use crate::walk::{Stop, WalkSpec};
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;
use zsend_encoder::emit::StreamParams;
use zsend_encoder::encoder::Encoder;
use zsend_encoder::encoders::Encoders;
use zsend_encoder::event::Event;
use zsend_encoder::policy::Policy;
use zsend_encoder::stretch::Stretch;
use zsend_encoder::summary::Summary;
use zsend_pool::CancelToken;
use zsend_pool::dmu::dnode::DNODES_PER_BLOCK;
use zsend_records::writer::{Counted, Counter, Payload, RecordSink, StreamWriter};

impl SendPlan<'_> {
    /// Writes the stream to `out`, as the reference senders encode it, and returns its records and
    /// bytes. `cancel` ends it within one read of each thread; `notice` is given what is said
    /// meanwhile.
    ///
    /// # Errors
    /// Those of [`Self::check`], and what ended the stream early; what was written by then is a true
    /// beginning of it. It ends where the last [`Notice::Progress`] says, unless the error is
    /// [`SendError::Output`]: then nobody knows where.
    pub fn write(
        &self,
        out: impl Write + Send,
        cancel: &CancelToken,
        notice: impl FnMut(Notice) + Send,
    ) -> Result<Summary> {
        self.write_to(Encoder::new(self.params(), StreamWriter::new(out)), cancel, notice)
    }

    /// As [`Self::write`], by an encoder of the caller, who chooses its table and its sink and makes it
    /// with [`Self::params`]. The first event that it is given is [`Self::begin`].
    ///
    /// # Errors
    /// As [`Self::write`].
    pub fn write_to<S: RecordSink<Payload = Payload> + Send>(
        &self,
        mut encoder: Encoder<S>,
        cancel: &CancelToken,
        mut notice: impl FnMut(Notice) + Send,
    ) -> Result<Summary> {
        self.check()?;
        let spec = self.read_spec(cancel)?;
        let stop = Stop::new(cancel);
        let mut resumable = Resumable::new(self.options.dialect, spec.walk.resume);
        encoder.event(&Event::Begin(self.begin()?)).map_err(SendError::Output)?;
        let gather = |events: Events<'_, Payload>| {
            let mut made = Vec::with_capacity(events.len());
            let ended = events.for_each(|event| {
                made.push(event);
                Ok(())
            });
            (made, ended)
        };
        let walked = read::run(spec, stop.clone(), &gather, |batch| {
            let sent = batch.made.into_iter().try_for_each(|event| {
                stop.check()?;
                encoder.event(&event).map_err(SendError::Output)?;
                resumable.pass(&event);
                Ok(())
            });
            // Nobody knows how much a failed output has taken.
            if !matches!(sent, Err(SendError::Output(_))) {
                let (bytes, records) = (encoder.summary().bytes(), encoder.summary().records());
                let position = resumable.position();
                batch.replaced.into_iter().for_each(|error| notice(Notice::Replaced(error)));
                notice(Notice::Progress(Progress { bytes, records, position }));
            }
            sent.and(batch.ended)
        });
        match walked {
            // The receive that a saved stream is of has no end either.
            Ok(()) if self.saved.is_some() => {
                encoder.finish_without_end().map_err(SendError::Output)
            }
            Ok(()) => encoder.finish().map_err(SendError::Output),
            // What is true of the stream so far is delivered, so that it can be resumed.
            Err(e) => Err(match (encoder.abandon(), e) {
                (Ok(_), e) | (Err(_), e @ SendError::Output(_)) => e,
                (Err(failed), e) => {
                    let why = format!("{failed}, after this error: {e}");
                    SendError::Output(io::Error::new(failed.kind(), why))
                }
            }),
        }
    }

    /// The size of the stream to the byte and its records by type, found without reading data.
    ///
    /// # Errors
    /// Those of [`Self::check`] and of reading metadata, and what blocks are refused for by what their
    /// pointers say.
    pub fn exact_size(&self, cancel: &CancelToken) -> Result<Summary> {
        self.exact_size_by(&Encoders::default(), cancel)
    }

    /// As [`Self::exact_size`], of the stream that [`Self::write_to`] gives with this table.
    ///
    /// # Errors
    /// As [`Self::exact_size`].
    pub fn exact_size_by(
        &self,
        table: &Encoders<Counted>,
        cancel: &CancelToken,
    ) -> Result<Summary> {
        self.check()?;
        let (spec, params) = (self.read_spec(cancel)?, self.params());
        let mut encoder = Encoder::with(table.clone(), params, Counter);
        encoder.event(&Event::Begin(self.begin_of()?)).map_err(SendError::Output)?;
        let gather = |events: Events<'_, Counted>| {
            let mut stretch = Stretch::with(table.clone(), params);
            let ended = events.for_each(|event| stretch.event(event).map_err(SendError::Output));
            (stretch, ended)
        };
        read::run(spec, Stop::new(cancel), &gather, |batch| {
            encoder.stretch(batch.made).map_err(SendError::Output)?;
            batch.ended
        })?;
        let ended = match self.saved {
            Some(_) => encoder.finish_without_end(),
            None => encoder.finish(),
        };
        ended.map_err(SendError::Output)
    }

    /// The parameters of an encoder for [`Self::write_to`].
    pub fn params(&self) -> StreamParams {
        let blocks = self.objset.meta().maxblkid.saturating_add(1);
        StreamParams::new(self.options.dialect, self.dataset.guid)
            .with_features(self.features)
            .with_object_limit(blocks.saturating_mul(DNODES_PER_BLOCK))
    }

    /// The time of a read.
    pub(super) fn latency(&self) -> Duration {
        self.options.latency.unwrap_or_else(|| self.pool.zio().latency())
    }

    fn read_spec(&self, cancel: &CancelToken) -> Result<ReadSpec> {
        let SendOptions { dialect, tunables, .. } = &self.options;
        let latency = self.latency();
        let threads = self.options.thread_count(latency);
        let resume = self.resume_point()?;
        let mut cursor = self.redaction.cursor();
        let mut withheld = self.redaction.withheld();
        if let Some(resume) = resume {
            for list in [&mut cursor, &mut withheld.listed, &mut withheld.known] {
                list.start_at(resume.object, resume.blkid)?;
            }
        }
        Ok(ReadSpec {
            walk: WalkSpec {
                objset: Arc::new(self.objset.with_cancel(cancel.clone())),
                fromtxg: self.source.as_ref().map_or(0, |s| s.creation_txg),
                resume,
            },
            cursor,
            withheld,
            rules: Rules {
                policy: Policy::new(*dialect, self.features),
                unmodified_spill: tunables.unmodified_spill_blocks,
            },
            is_replacing: tunables.corrupt_data,
            queue_length: self.options.queue_length(threads),
            threads,
            latency,
        })
    }
}
