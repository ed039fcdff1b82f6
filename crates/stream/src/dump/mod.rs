//! Contents of a stream, record by record: as `zstream dump` prints it, or as lines of JSON.

mod hex;
mod json;
mod list;
mod nvjson;
mod nvtext;
mod options;
mod summary;
mod text;
mod walk;

pub(crate) use json::hex;
pub use nvjson::nvlist_json;
pub use nvtext::nvlist_text;
pub use options::DumpOptions;
pub use summary::{DumpSummary, TypeCount};

use crate::in_turn::{Pieces, each_piece};
use json::JsonDump;
use list::{DumpListError, ListBytes};
use std::fs::File;
use std::io::{self, Read, Write};
use text::TextDump;
use walk::DumpWalk;
use zerocopy::byteorder::LE;
use zsend_records::chain::ChecksumMismatch;
use zsend_records::drr::ReplayRecord;
use zsend_records::nvlist::{Encoding, NvError};
use zsend_records::reader::{Frame, ReadError, StreamError};

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
    /// The temporary file failed that a long list in a BEGIN is kept in.
    #[error("temporary file of the list in BEGIN, in {}", std::env::temp_dir().display())]
    Temporary(#[source] io::Error),
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
/// are not held; the list in a BEGIN is, in a temporary file if it is long and one can be made, and shown once it is known to be one.
///
/// # Errors
/// If the stream is damaged or none, the input fails, the output fails, or a temporary file does.
pub fn dump(
    mut reader: impl Read,
    out: &mut impl Write,
    options: &DumpOptions,
) -> Result<DumpSummary, DumpError> {
    match options.format {
        Format::Json => {
            let mut walk = DumpWalk::new(JsonDump::new(out, options.payload), options);
            let read = each_read(&mut reader, |piece| walk.goes_on(piece));
            walk.finish(read)
        }
        Format::Text | Format::TextMaster => {
            let mut walk = DumpWalk::new(TextDump::new(out, options), options);
            let read = each_read(&mut reader, |piece| walk.goes_on(piece));
            walk.finish(read)
        }
    }
}

/// As [`dump`], of a file, or whatever else a descriptor has, from where it stands. A file is read on two threads, each of
/// which writes in its turn; anything else on one, ahead.
///
/// # Errors
/// As [`dump`], and if no thread can be started.
pub fn dump_file(
    file: File,
    out: &mut (impl Write + Send),
    options: &DumpOptions,
) -> Result<DumpSummary, DumpError> {
    match options.format {
        Format::Json => {
            let mut walk = DumpWalk::new(JsonDump::new(out, options.payload), options);
            let read = each_piece(file, Pieces::SMALL, |piece| walk.goes_on(&piece));
            walk.finish(read)
        }
        Format::Text | Format::TextMaster => {
            let mut walk = DumpWalk::new(TextDump::new(out, options), options);
            let read = each_piece(file, Pieces::SMALL, |piece| walk.goes_on(&piece));
            walk.finish(read)
        }
    }
}

/// Reads until the end, or until `look` returns false.
fn each_read(reader: &mut impl Read, mut look: impl FnMut(&[u8]) -> bool) -> io::Result<()> {
    let mut buffer = vec![0; 64 << 10];
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(len) if look(&buffer[..len]) => {}
            Ok(_) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Destination of the parts of a stream.
trait Sink {
    /// A record's header. Its payload, if it has one, follows.
    fn record(&mut self, frame: &Frame, header: &ReplayRecord<LE>) -> io::Result<()>;
    /// A piece of the payload of a record other than BEGIN.
    fn payload(&mut self, piece: &[u8]) -> io::Result<()>;
    /// The list in a BEGIN, which was checked.
    fn nvlist(&mut self, list: &mut ListBytes, encoding: Encoding) -> Result<(), DumpListError>;
    /// The record is over.
    fn done(&mut self, frame: &Frame, header: &ReplayRecord<LE>) -> io::Result<()>;
    /// A checksum is wrong, in a header or in an END; nothing follows.
    fn mismatch(&mut self, mismatch: &ChecksumMismatch, end: bool) -> io::Result<()>;
    /// The dump is over, by this error if there is one.
    fn end(&mut self, summary: &DumpSummary, error: Option<&DumpError>) -> io::Result<()>;
}
