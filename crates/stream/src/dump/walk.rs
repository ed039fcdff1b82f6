//! A stream on its way into a dump: its bytes come in pieces, of any length.

use super::list::{DumpListError, ListBytes};
use super::{DumpError, DumpOptions, DumpSummary, Sink};
use crate::input::Gathered;
use std::io;
use std::mem::take;
use zsend_records::drr::{RECORD_SIZE, RecordType};
use zsend_records::reader::{
    Frame, Parser, ReadError, ReaderEvent, ReaderOptions, StreamError, StreamErrorKind,
};

/// A dump that is under way.
pub(super) struct DumpWalk<S> {
    sink: S,
    summary: DumpSummary,
    parser: Parser,
    /// Wrong sums do not end the dump, nor wrong lists.
    verify: bool,
    /// Beginning of a header, the rest of which is in the next piece.
    begun: Gathered,
    frame: Option<Frame>,
    /// Bytes of the list in a BEGIN.
    list: ListBytes,
    error: Option<DumpError>,
}

impl<S: Sink> DumpWalk<S> {
    pub(super) fn new(sink: S, options: &DumpOptions) -> Self {
        let reading = ReaderOptions::new()
            .with_limits(options.limits)
            .with_verify(options.verify)
            .with_missing_end(true)
            .with_concatenated(true)
            .with_records(options.records);
        Self {
            sink,
            summary: DumpSummary::default(),
            parser: Parser::with_options(reading),
            verify: options.verify,
            begun: Gathered::default(),
            frame: None,
            list: ListBytes::default(),
            error: None,
        }
    }

    /// Takes the next piece; returns false if nothing more is wanted.
    pub(super) fn goes_on(&mut self, piece: &[u8]) -> bool {
        self.error = self.piece(piece).err();
        self.error.is_none()
    }

    /// The end of the input, or the error behind the last piece. What is written ends there.
    pub(super) fn finish(mut self, read: io::Result<()>) -> Result<DumpSummary, DumpError> {
        let done = match (self.error.take(), read) {
            (Some(error), _) => Err(error),
            (None, Err(source)) => {
                let offset = self.parser.offset() + self.begun.0.len() as u64;
                Err(ReadError::Io { offset, source }.into())
            }
            (None, Ok(())) => {
                let whole = self.parser.finish(self.begun.0.len());
                whole.map_err(|error| ReadError::from(error).into())
            }
        };
        if done.is_err() && self.parser.payload_left() > 0 {
            self.summary.cut_payload = self.frame.map_or(0, |frame| frame.payload_len);
        }
        self.summary.complete = done.is_ok() && self.parser.is_done();
        self.sink.end(&self.summary, done.as_ref().err()).map_err(DumpError::Write)?;
        done.map(|()| self.summary)
    }

    fn piece(&mut self, mut piece: &[u8]) -> Result<(), DumpError> {
        loop {
            if self.begun.0.is_empty() {
                let used = self.event(piece)?;
                piece = &piece[used..];
                if used > 0 {
                    continue;
                }
            }
            let Some(header) = self.begun.take(RECORD_SIZE as u64, &mut piece) else {
                return Ok(());
            };
            self.event(&header)?;
        }
    }

    /// Takes a header, or payload, from the beginning of some bytes; returns the number of those that it used. None are
    /// used where there is less than a header.
    fn event(&mut self, bytes: &[u8]) -> Result<usize, DumpError> {
        let (used, event) = match self.parser.parse(bytes) {
            Ok(event) => event,
            Err(error) => return Err(self.damaged(error)),
        };
        match event {
            ReaderEvent::NeedMore(_) => return Ok(used),
            ReaderEvent::Record(frame) => {
                let header = self.parser.header();
                self.sink.record(&frame, header).map_err(DumpError::Write)?;
                self.summary.add(&frame);
                self.frame = Some(frame);
            }
            ReaderEvent::Payload(piece) => {
                if self.frame.is_some_and(|frame| frame.record_type() == RecordType::BEGIN) {
                    self.list.push(piece).map_err(DumpError::Temporary)?;
                } else {
                    self.sink.payload(piece).map_err(DumpError::Write)?;
                }
            }
        }
        if self.parser.payload_left() == 0 {
            self.done()?;
        }
        Ok(used)
    }

    /// The end of a record.
    fn done(&mut self) -> Result<(), DumpError> {
        let Some(frame) = &self.frame else { return Ok(()) };
        if !self.list.is_empty() {
            let offset = frame.offset + RECORD_SIZE as u64;
            let mut list = take(&mut self.list);
            let told = list.check().and_then(|encoding| self.sink.nvlist(&mut list, encoding));
            match told {
                Ok(()) => {}
                // Who does not verify wants to see what there is.
                Err(DumpListError::Bad(_)) if !self.verify => {}
                Err(DumpListError::Bad(source)) => {
                    return Err(DumpError::Nvlist { offset, source });
                }
                Err(DumpListError::Write(error)) => return Err(DumpError::Write(error)),
                Err(DumpListError::File(error)) => return Err(DumpError::Temporary(error)),
            }
        }
        self.sink.done(frame, self.parser.header()).map_err(DumpError::Write)
    }

    /// Shows a wrong sum.
    fn damaged(&mut self, error: StreamError) -> DumpError {
        let shown = match &error.kind {
            StreamErrorKind::Checksum(mismatch) => self.sink.mismatch(mismatch, false),
            StreamErrorKind::EndChecksum(mismatch) => {
                // The record itself is sound, and is shown.
                self.summary.add_end();
                self.sink.mismatch(mismatch, true)
            }
            _ => Ok(()),
        };
        match shown {
            Ok(()) => ReadError::from(error).into(),
            Err(error) => DumpError::Write(error),
        }
    }
}
