//! Contents of a stream, record by record: as `zstream dump` prints it, or as lines of JSON.

mod events;
mod hex;
mod json;
mod nvtext;
mod options;
mod summary;
mod text;

pub(crate) use json::hex;
pub use json::nvlist_json;
pub use nvtext::nvlist_text;
pub use options::DumpOptions;
pub use summary::{DumpSummary, TypeCount};

use crate::read_ahead::ReadAhead;
use events::{Events, Pieces};
use json::JsonDump;
use std::fs::File;
use std::io::{self, Read, Write};
use text::TextDump;
use zerocopy::byteorder::LE;
use zsend_records::chain::ChecksumMismatch;
use zsend_records::drr::{RECORD_SIZE, RecordType, ReplayRecord};
use zsend_records::nvlist::{Encoding, NvError, NvList};
use zsend_records::reader::{
    Frame, Options, ReadError, ReaderEvent, StreamError, StreamErrorKind, StreamReader,
};

/// Format of a dump.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// As `zstream dump` of OpenZFS 2.3.
    #[default]
    Text,
    /// As `zstream dump` of OpenZFS master of August 2026: an nvlist's encoding is shown, and the
    /// summary counts OBJECT_RANGE and REDACT records.
    TextMaster,
    /// One JSON object for each record, one a line, every field in it; no summary.
    Json,
}

/// Reason that a dump stopped. The records before it are written, and their summary too.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DumpError {
    /// The stream could not be read on.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The list in a BEGIN is malformed; where checksums are not verified, it is left out instead.
    #[error("byte {offset}: the list in BEGIN is malformed")]
    Nvlist {
        /// Offset of the list, bytes from the start of the input.
        offset: u64,
        /// Fault of the list.
        source: NvError,
    },
    /// The dump could not be written.
    #[error("write failed")]
    Write(#[source] io::Error),
}

impl DumpError {
    /// Returns true if the input could not be read: nothing is known to be wrong with the stream.
    pub const fn is_of_input(&self) -> bool {
        matches!(self, Self::Read(ReadError::Io { .. }))
    }

    fn stream(&self) -> Option<&StreamError> {
        match self {
            Self::Read(error) => error.stream(),
            _ => None,
        }
    }
}

/// Writes what a stream holds: one stream, a package, or several of them one after another.
///
/// A stream may end without an END, as a saved one does; [`DumpSummary::complete`] tells. Payloads
/// are not held, but for the list in a BEGIN.
///
/// # Errors
/// If the stream is damaged or none, the input fails, or the output fails.
pub fn dump(
    reader: impl Read,
    out: &mut impl Write,
    options: &DumpOptions,
) -> Result<DumpSummary, DumpError> {
    dump_events(StreamReader::with_options(reader, reading(options)), out, options)
}

/// As [`dump`], of a file, or whatever else a descriptor has, from where it stands. It is read ahead on threads, which
/// end with the file, or after the read that is under way when the dump ends.
///
/// # Errors
/// As [`dump`], and if no thread can be started.
pub fn dump_file(
    file: File,
    out: &mut impl Write,
    options: &DumpOptions,
) -> Result<DumpSummary, DumpError> {
    let ahead = ReadAhead::of_file(file);
    let ahead = ahead.map_err(|source| ReadError::Io { offset: 0, source })?;
    dump_events(Pieces::new(ahead, reading(options)), out, options)
}

fn reading(options: &DumpOptions) -> Options {
    Options::new()
        .with_limits(options.limits)
        .with_verify(options.verify)
        .with_missing_end(true)
        .with_concatenated(true)
        .with_records(options.records)
}

fn dump_events(
    events: impl Events,
    out: &mut impl Write,
    options: &DumpOptions,
) -> Result<DumpSummary, DumpError> {
    let mut summary = DumpSummary::default();
    if options.format == Format::Json {
        let mut sink = JsonDump::new(out, options.payload);
        let result = run(events, &mut sink, options, &mut summary);
        sink.stop().map_err(DumpError::Write)?;
        return result.map(|()| summary);
    }
    let mut sink = TextDump::new(out, options);
    let result = run(events, &mut sink, options, &mut summary);
    match &result {
        // Nothing can be written, or there is no stream at all.
        Err(DumpError::Write(_)) => {}
        Err(error) if summary.records() == 0 && error.stream().is_some() => {}
        _ => sink.summary(&summary).map_err(DumpError::Write)?,
    }
    result.map(|()| summary)
}

/// Destination of the parts of a stream.
trait Sink {
    /// A record's header. Its payload, if it has one, follows.
    fn record(&mut self, frame: &Frame, header: &ReplayRecord<LE>) -> io::Result<()>;
    /// A piece of the payload of a record other than BEGIN.
    fn payload(&mut self, piece: &[u8]) -> io::Result<()>;
    /// The list in a BEGIN.
    fn nvlist(&mut self, list: &NvList, encoding: Encoding) -> io::Result<()>;
    /// The record is over.
    fn done(&mut self, frame: &Frame, header: &ReplayRecord<LE>) -> io::Result<()>;
    /// A checksum is wrong, in a header or in an END; nothing follows.
    fn mismatch(&mut self, mismatch: &ChecksumMismatch, end: bool) -> io::Result<()>;
}

fn run(
    mut reader: impl Events,
    sink: &mut impl Sink,
    options: &DumpOptions,
    summary: &mut DumpSummary,
) -> Result<(), DumpError> {
    let mut frame = None;
    let mut header = *reader.header();
    let mut list = Vec::new();
    let mut left = 0;
    loop {
        let event = match reader.next_event() {
            Ok(event) => event,
            Err(error) => {
                match error.stream().map(|error| &error.kind) {
                    Some(StreamErrorKind::Checksum(mismatch)) => sink.mismatch(mismatch, false),
                    Some(StreamErrorKind::EndChecksum(mismatch)) => {
                        // The record itself is sound, and is shown.
                        summary.add_end();
                        sink.mismatch(mismatch, true)
                    }
                    _ => Ok(()),
                }
                .map_err(DumpError::Write)?;
                if left > 0 {
                    summary.cut_payload = frame.map_or(0, |frame: Frame| frame.payload_len);
                }
                return Err(error.into());
            }
        };
        match event {
            None => break,
            Some(ReaderEvent::NeedMore(_)) => continue,
            Some(ReaderEvent::Record(next)) => {
                header = *reader.header();
                sink.record(&next, &header).map_err(DumpError::Write)?;
                summary.add(&next);
                left = next.payload_len;
                frame = Some(next);
            }
            Some(ReaderEvent::Payload(piece)) => {
                left -= piece.len() as u64;
                if frame.is_some_and(|frame: Frame| frame.record_type() == RecordType::BEGIN) {
                    list.extend_from_slice(piece);
                } else {
                    sink.payload(piece).map_err(DumpError::Write)?;
                }
            }
        }
        if let Some(frame) = &frame
            && left == 0
        {
            if !list.is_empty() {
                let offset = frame.offset + RECORD_SIZE as u64;
                match NvList::decode(&core::mem::take(&mut list)) {
                    Ok((list, encoding)) => {
                        sink.nvlist(&list, encoding).map_err(DumpError::Write)?;
                    }
                    // Who does not verify wants to see what there is.
                    Err(_) if !options.verify => {}
                    Err(source) => return Err(DumpError::Nvlist { offset, source }),
                }
            }
            sink.done(frame, &header).map_err(DumpError::Write)?;
        }
    }
    summary.complete = reader.is_done();
    Ok(())
}
