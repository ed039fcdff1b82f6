//! The encoder: from events to records through the table, with the pending slot and the checksum
//! chain.

use crate::dialect::Dialect;
use crate::encoders;
use crate::event::{Event, Payload};
use crate::pending::{Completed, Pending, Range};
use crate::sink::{Discard, RecordSink};
use crate::stretch::Stretch;
use std::io;
use zerocopy::IntoBytes;
use zerocopy::byteorder::{LE, U64};
use zsend_records::chain::Chain;
use zsend_records::drr::{Body, Free, FreeObjects, RECORD_SIZE, RecordType, Redact, ReplayRecord};
use zsend_records::flags::Features;

/// What all records of a stream have in common.
#[derive(Clone, Copy, Debug)]
pub struct StreamParams {
    /// Whose bytes.
    pub dialect: Dialect,
    /// Features announced in BEGIN.
    pub features: Features,
    /// Guid of what is sent.
    pub toguid: u64,
    /// Object numbers from here on have no dnode: 32 for each block of the meta-dnode.
    pub object_limit: u64,
}

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Records by [`RecordType`].
    pub records: [u64; RecordType::COUNT],
    /// Bytes, payloads included.
    pub bytes: u64,
}

impl Summary {
    fn add(&mut self, other: &Self) {
        for (n, more) in self.records.iter_mut().zip(other.records) {
            *n += more;
        }
        self.bytes += other.bytes;
    }
}

/// What a [`RecordEncoder`](encoders::RecordEncoder) writes to.
pub(crate) struct Output<S> {
    pub(crate) params: StreamParams,
    pending: Pending,
    chain: Chain,
    sink: S,
    summary: Summary,
}

/// The part of [`Output`] that encoders see, whatever the sink.
pub(crate) trait Emit {
    /// What all records share.
    fn params(&self) -> &StreamParams;
    /// The running checksum.
    fn chain(&self) -> &Chain;
    /// Sends the pending record, then this one.
    fn emit(&mut self, record: ReplayRecord<LE>, payload: &Payload) -> io::Result<()>;
    /// Sends the pending record, if there is one.
    fn flush_pending(&mut self) -> io::Result<()>;
    /// Adds a hole of an object.
    fn free(&mut self, object: u64, offset: u64, length: u64) -> io::Result<()>;
    /// Adds free object numbers.
    fn free_objects(&mut self, first: u64, count: u64) -> io::Result<()>;
    /// Adds a redacted range.
    fn redact(&mut self, object: u64, offset: u64, length: u64) -> io::Result<()>;
}

impl<S: RecordSink> Output<S> {
    fn write(&mut self, mut record: ReplayRecord<LE>, payload: &Payload) -> io::Result<()> {
        if self.sink.needs_checksums() {
            self.chain.stamp(&mut record);
            self.chain.payload_sum(payload.sum, payload.len);
        }
        if let Some(n) = self.summary.records.get_mut(record.record_type().0 as usize) {
            *n += 1;
        }
        self.summary.bytes += RECORD_SIZE as u64 + payload.len;
        let header = record.as_bytes().first_chunk::<RECORD_SIZE>();
        header.map_or(Ok(()), |header| self.sink.record(header, payload))
    }

    fn write_range(&mut self, range: Range) -> io::Result<()> {
        let toguid = U64::<LE>::new(self.params.toguid);
        let record = match range {
            Range::Bytes { redact: false, object, offset, length } => record(&Free {
                object: U64::new(object),
                offset: U64::new(offset),
                length: U64::new(length),
                toguid,
            }),
            Range::Bytes { redact: true, object, offset, length } => record(&Redact {
                object: U64::new(object),
                offset: U64::new(offset),
                length: U64::new(length),
                toguid,
            }),
            Range::Objects { first, count } => {
                record(&FreeObjects { firstobj: U64::new(first), numobjs: U64::new(count), toguid })
            }
        };
        self.write(record, &Payload::NONE)
    }

    fn write_completed(&mut self, completed: Completed) -> io::Result<()> {
        completed.into_iter().flatten().try_for_each(|range| self.write_range(range))
    }
}

fn record<B: Body<LE>>(body: &B) -> ReplayRecord<LE> {
    ReplayRecord::new(body)
}

impl<S: RecordSink> Emit for Output<S> {
    fn params(&self) -> &StreamParams {
        &self.params
    }

    fn chain(&self) -> &Chain {
        &self.chain
    }

    fn emit(&mut self, record: ReplayRecord<LE>, payload: &Payload) -> io::Result<()> {
        self.flush_pending()?;
        self.write(record, payload)
    }

    fn flush_pending(&mut self) -> io::Result<()> {
        match self.pending.flush() {
            Some(range) => self.write_range(range),
            None => Ok(()),
        }
    }

    fn free(&mut self, object: u64, offset: u64, length: u64) -> io::Result<()> {
        let done = self.pending.free(self.params.dialect, object, offset, length);
        self.write_completed(done)
    }

    fn free_objects(&mut self, first: u64, count: u64) -> io::Result<()> {
        let done = self.pending.free_objects(first, count);
        self.write_completed(done)
    }

    fn redact(&mut self, object: u64, offset: u64, length: u64) -> io::Result<()> {
        let done = self.pending.redact(object, offset, length);
        self.write_completed(done)
    }
}

/// Writes one stream.
pub struct Encoder<S> {
    output: Output<S>,
}

impl<S: RecordSink> Encoder<S> {
    /// An encoder of one stream, from its BEGIN on.
    pub fn new(params: StreamParams, sink: S) -> Self {
        let output = Output {
            params,
            pending: Pending::default(),
            chain: Chain::new(),
            sink,
            summary: Summary::default(),
        };
        Self { output }
    }

    /// Encodes one event. Events come in send order, BEGIN first.
    ///
    /// # Errors
    /// Those of the sink.
    pub fn event(&mut self, event: &Event) -> io::Result<()> {
        encoders::encoder_for(event).encode(event, &mut self.output)
    }

    /// What was written so far.
    pub fn summary(&self) -> Summary {
        self.output.summary
    }

    /// Writes what is pending, then END, and flushes the sink.
    ///
    /// # Errors
    /// Those of the sink.
    pub fn finish(mut self) -> io::Result<Summary> {
        self.output.flush_pending()?;
        encoders::end(&mut self.output)?;
        self.output.sink.flush()?;
        Ok(self.output.summary)
    }

    /// Writes out what was taken, without END: the stream ends early and can be resumed.
    ///
    /// # Errors
    /// Those of the sink.
    pub fn abandon(mut self) -> io::Result<Summary> {
        self.output.sink.flush()?;
        Ok(self.output.summary)
    }
}

impl Encoder<Discard> {
    /// Adds what a stretch of events gives that was counted elsewhere. Only where nothing but counts is
    /// wanted: the stretch's bytes are not there.
    ///
    /// # Errors
    /// Those of the sink.
    pub fn stretch(&mut self, stretch: Stretch) -> io::Result<()> {
        let (head, rest) = stretch.into_parts();
        head.iter().try_for_each(|event| self.event(event))?;
        let Some(rest) = rest else { return Ok(()) };
        self.output.flush_pending()?;
        self.output.summary.add(&rest.output.summary);
        self.output.pending = rest.output.pending;
        Ok(())
    }
}
