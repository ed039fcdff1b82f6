//! Outline of an input: its streams by their headers, with nothing read of what lies between them.
//!
//! A file is sought through from header to header; a pipe is read through. No sum is checked: that is what
//! [`crate::verify`] is for.

mod input;
mod package;

pub use package::{Budget, PackageNames};

use crate::begin_list::{BeginList, LIST, ListError, begin_list};
use crate::limits::LIMITS;
use crate::position;
use crate::segment::Segment;
use input::ForwardInput;
use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;
use zsend_records::drr::{Begin, RECORD_SIZE, RecordType};
use zsend_records::reader::{
    Frame, Parser, ReaderEvent, ReaderOptions, Record, Role, StreamError, StreamErrorKind,
};
use zsend_records::zerocopy::byteorder::LE;

/// Most streams of an input that are kept. The largest packages have one for each snapshot that they list.
const MOST_STREAMS: usize = 64 << 10;

/// Most guids of snapshots by which streams of an input are redacted that are kept.
const MOST_REDACTIONS: usize = 256 << 10;

/// Streams of an input, as far as their headers can be followed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Outline {
    /// Name of the input, as its caller gave it.
    pub file: Arc<str>,
    /// Streams, in their order.
    pub streams: Vec<OutlinedStream>,
    /// Names that the header of a package has; `None` for a stream by itself.
    pub package: Option<PackageNames>,
    /// Number of records.
    pub records: u64,
    /// Bytes up to the end, or to what cannot be followed.
    pub bytes: u64,
    /// End of the input.
    pub end: OutlineEnd,
}

/// A stream and whether its END is there.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct OutlinedStream {
    /// Summary of its BEGIN.
    pub segment: Segment,
    /// True if its END is there.
    pub is_whole: bool,
    /// Object and offset of the last record that a receiver notes to go on from; where it begins, before any.
    pub reached: (u64, u64),
}

/// End of an input.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum OutlineEnd {
    /// The last END is there, and nothing behind it.
    Whole,
    /// The input ends before.
    Cut,
    /// A header is damaged, or stands where it may not.
    Damaged(StreamError),
}

/// Reads a file through by its headers, from where it stands; payloads are passed over.
///
/// # Errors
/// If the file cannot be read. Damage is no error, but [`OutlineEnd::Damaged`].
pub fn outline_file(name: &str, file: File) -> io::Result<Outline> {
    OutlineWalk::new(name, ForwardInput::of_file(file)?).run()
}

/// As [`outline_file`], of an input that cannot seek.
///
/// # Errors
/// Those of the input.
pub fn outline(name: &str, source: impl Read) -> io::Result<Outline> {
    OutlineWalk::new(name, ForwardInput::of(source)).run()
}

/// An input on the way from header to header.
struct OutlineWalk<R> {
    input: ForwardInput<R>,
    parser: Parser,
    outline: Outline,
    /// Guids of snapshots by which streams are redacted.
    redactions: usize,
}

impl<R: Read> OutlineWalk<R> {
    fn new(name: &str, input: ForwardInput<R>) -> Self {
        let outline = Outline {
            file: name.into(),
            streams: Vec::new(),
            package: None,
            records: 0,
            bytes: 0,
            end: OutlineEnd::Whole,
        };
        let options = ReaderOptions::new().with_limits(LIMITS).with_verify(false);
        Self { input, parser: Parser::with_options(options), outline, redactions: 0 }
    }

    fn run(mut self) -> io::Result<Outline> {
        self.outline.end = self.walk()?;
        self.outline.bytes = self.parser.offset();
        Ok(self.outline)
    }

    fn walk(&mut self) -> io::Result<OutlineEnd> {
        let mut raw = [0; RECORD_SIZE];
        loop {
            let have = self.input.fill(&mut raw)?;
            match self.parser.parse(&raw[..have]) {
                Ok((_, ReaderEvent::Record(frame))) => {
                    self.outline.records += 1;
                    if let Some(end) = self.record(&frame)? {
                        return Ok(end);
                    }
                }
                Ok(_) if have == 0 && self.parser.is_done() => return Ok(OutlineEnd::Whole),
                Ok(_) => return Ok(OutlineEnd::Cut),
                Err(error) => return Ok(OutlineEnd::Damaged(error)),
            }
        }
    }

    /// Takes a record in, and passes over its payload; the end, if the input ends there.
    fn record(&mut self, frame: &Frame) -> io::Result<Option<OutlineEnd>> {
        let mut left = frame.payload_len;
        if frame.record_type() == RecordType::BEGIN {
            let mut bytes = Vec::new();
            if left <= LIST {
                left -= self.input.take(left, &mut bytes)?;
                self.parser.pass_over(bytes.len() as u64);
            }
            if left > 0 && frame.payload_len <= LIST {
                return Ok(Some(OutlineEnd::Cut));
            }
            if let Some(end) = self.begin(frame, &bytes) {
                return Ok(Some(end));
            }
        } else if (frame.record_type(), frame.role) == (RecordType::END, Role::Stream)
            && let Some(last) = self.outline.streams.last_mut()
        {
            last.is_whole = true;
        }
        let passed = self.input.skip(left)?;
        self.parser.pass_over(passed);
        if passed == left
            && let Some(last) = self.outline.streams.last_mut()
        {
            let record = Record::of(self.parser.header());
            last.reached = position::noted(&record).unwrap_or(last.reached);
        }
        Ok((passed < left).then_some(OutlineEnd::Cut))
    }

    /// Takes a BEGIN and its list in.
    fn begin(&mut self, frame: &Frame, bytes: &[u8]) -> Option<OutlineEnd> {
        let begin = self.parser.header().body_as::<Begin<LE>>()?;
        let list = match begin_list(bytes) {
            Ok(list) => list.map(|BeginList { list, .. }| list),
            // It is right as far as anything says; its names are not looked at.
            Err(ListError::TooLarge { .. }) => None,
            Err(ListError::Malformed(_)) => {
                // The reader of records knows no lists: to it a payload may be anything.
                let kind = StreamErrorKind::Unexpected {
                    found: RecordType::BEGIN,
                    expected: "a list behind BEGIN that can be read",
                };
                let (offset, index) = (frame.offset, frame.index);
                return Some(OutlineEnd::Damaged(StreamError { offset, index, kind }));
            }
        };
        if frame.role == Role::PackageBegin {
            self.outline.package = Some(list.as_ref().map(PackageNames::of).unwrap_or_default());
            return None;
        }
        let (file, is_member) = (&self.outline.file, self.outline.package.is_some());
        let segment =
            Segment::new(file, frame.index, frame.offset, is_member, begin, list.as_ref());
        let redactions = [&segment.redact_snaps, &segment.redact_from_snaps];
        self.redactions += redactions.into_iter().flatten().map(|guids| guids.len()).sum::<usize>();
        let reached = segment.resumed_at.unwrap_or(position::START);
        if self.outline.streams.len() < MOST_STREAMS && self.redactions <= MOST_REDACTIONS {
            self.outline.streams.push(OutlinedStream { segment, is_whole: false, reached });
            return None;
        }
        let expected = "no more streams, nor redactions, than are kept";
        let kind = StreamErrorKind::Unexpected { found: RecordType::BEGIN, expected };
        Some(OutlineEnd::Damaged(StreamError { offset: frame.offset, index: frame.index, kind }))
    }
}
