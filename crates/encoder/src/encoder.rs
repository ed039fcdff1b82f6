//! The encoder: from events to records through the table, with the pending slot.

use crate::emit::{Emit, StreamParams};
use crate::encoders::{self, Encoders};
use crate::event::{End, Event};
use crate::pending::{Completed, Pending, Range};
use crate::stretch::Stretch;
use crate::summary::Summary;
use std::fmt;
use std::io;
use zsend_records::writer::{Counter, Measured, OutHeader, RecordSink};

/// Destination of a [`RecordEncoder`](encoders::RecordEncoder).
struct RecordOutput<S> {
    params: StreamParams,
    pending: Pending,
    sink: S,
    summary: Summary,
    /// Something was sent or is pending.
    is_begun: bool,
    /// The first record joins no other, so nothing depends on what came before.
    is_sealed: bool,
    /// The sink refused a record: what would follow it is no true stream.
    is_broken: bool,
}

impl<S: RecordSink> RecordOutput<S> {
    fn write(&mut self, header: OutHeader, payload: &S::Payload) -> io::Result<()> {
        self.check()?;
        self.sink.take(header, payload).inspect_err(|_| self.is_broken = true)?;
        self.summary.count(&header);
        Ok(())
    }

    fn check(&self) -> io::Result<()> {
        if self.is_broken {
            return Err(io::Error::other("the stream ended at an earlier error"));
        }
        Ok(())
    }

    fn write_range(&mut self, range: Range) -> io::Result<()> {
        let toguid = self.params.toguid;
        let header = match range {
            Range::Bytes { redact: false, object, offset, length } => {
                encoders::free_header(object, offset, length, toguid)
            }
            Range::Bytes { redact: true, object, offset, length } => {
                encoders::redact_header(object, offset, length, toguid)
            }
            Range::Objects { first, count } => encoders::freeobjects_header(first, count, toguid),
        };
        self.write(header, &S::Payload::NONE)
    }

    fn write_completed(&mut self, completed: Completed) -> io::Result<()> {
        self.is_begun = true;
        completed.into_iter().flatten().try_for_each(|range| self.write_range(range))
    }

    fn flush_pending(&mut self) -> io::Result<()> {
        self.pending.flush().map_or(Ok(()), |range| self.write_range(range))
    }
}

impl<S: RecordSink> Emit<S::Payload> for RecordOutput<S> {
    fn params(&self) -> &StreamParams {
        &self.params
    }

    fn emit(&mut self, header: OutHeader, payload: &S::Payload) -> io::Result<()> {
        if !self.is_begun {
            (self.is_begun, self.is_sealed) = (true, true);
        }
        self.flush_pending()?;
        self.write(header, payload)
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
pub struct Encoder<S: RecordSink> {
    table: Encoders<S::Payload>,
    output: RecordOutput<S>,
}

impl<S: RecordSink> fmt::Debug for Encoder<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Encoder")
            .field("params", &self.output.params)
            .field("pending", &self.output.pending)
            .field("summary", &self.output.summary)
            .finish_non_exhaustive()
    }
}

impl<S: RecordSink> Encoder<S> {
    /// An encoder of one stream, from its BEGIN on, as the reference senders encode it.
    pub fn new(params: StreamParams, sink: S) -> Self {
        Self::with(Encoders::default(), params, sink)
    }

    /// As [`Self::new`], with a table that has rows of another crate.
    pub fn with(table: Encoders<S::Payload>, params: StreamParams, sink: S) -> Self {
        let output = RecordOutput {
            params,
            pending: Pending::default(),
            sink,
            summary: Summary::default(),
            is_begun: false,
            is_sealed: false,
            is_broken: false,
        };
        Self { table, output }
    }

    /// Encodes one event. Events come in send order, BEGIN first.
    ///
    /// # Errors
    /// Those of the sink, and of an event that no record has room for. After one of the sink, all
    /// that is left to do is [`Self::abandon`].
    pub fn event(&mut self, event: &Event<S::Payload>) -> io::Result<()> {
        self.output.check()?;
        self.table.encode(event, &mut self.output)
    }

    /// Returns the totals so far.
    pub const fn summary(&self) -> &Summary {
        &self.output.summary
    }

    /// Writes what is pending, then END, and flushes the sink.
    ///
    /// # Errors
    /// Those of the sink.
    pub fn finish(mut self) -> io::Result<Summary> {
        self.table.end.encode(&End, &mut self.output)?;
        // A row of another crate may have left it at ranges.
        self.output.flush_pending()?;
        self.abandon()
    }

    /// Writes what is pending, and flushes the sink, without END: the stream is of all that a receive has
    /// that has not ended.
    ///
    /// # Errors
    /// Those of the sink.
    pub fn finish_without_end(mut self) -> io::Result<Summary> {
        self.output.flush_pending()?;
        self.abandon()
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

impl Encoder<Counter> {
    /// Adds what a stretch of events gives that was counted elsewhere. Only where nothing but counts is
    /// wanted: the stretch's bytes are not there.
    ///
    /// # Errors
    /// As [`Self::event`]. Both sides must have the same table and parameters.
    pub fn stretch(&mut self, stretch: Stretch) -> io::Result<()> {
        let (head, rest) = stretch.into_parts();
        head.iter().try_for_each(|event| self.event(event))?;
        let Some(rest) = rest else { return Ok(()) };
        self.output.flush_pending()?;
        self.output.summary.add(&rest.output.summary);
        self.output.pending = rest.output.pending;
        Ok(())
    }

    /// Returns true if the first that was sent is a record that joins no other. If not, all is forgotten.
    pub(crate) fn is_sealed(&mut self) -> bool {
        let output = &mut self.output;
        if output.is_begun && !output.is_sealed {
            (output.pending, output.is_begun) = Default::default();
            // Most ranges are still pending, so that there is nothing to forget.
            if output.summary.bytes() > 0 {
                output.summary = Summary::default();
            }
        }
        output.is_sealed
    }
}
