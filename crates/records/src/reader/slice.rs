//! A reader of a stream that is in memory: payloads are parts of it, and nothing is copied.

use super::error::StreamError;
use super::options::ReaderOptions;
use super::parser::{Parser, ReaderEvent};
use super::record::StreamRecord;
use bytes::Bytes;

/// Reads a stream that is in memory as a whole.
///
/// A record is handed out with the input's own bytes as its payload, before the header that sums them up is
/// read: what was handed out is verified once the next record is, or the end.
///
/// ```
/// use zsend_records::reader::SliceReader;
/// # use zerocopy::{FromZeros, byteorder::LE};
/// # use zsend_records::drr::{Begin, MAGIC, ReplayRecord};
/// # let mut begin = Begin::<LE>::new_zeroed();
/// # (begin.magic, begin.versioninfo) = (MAGIC.into(), 1.into());
/// # let mut writer = zsend_records::writer::StreamWriter::new(Vec::new());
/// # writer.record(ReplayRecord::new(&begin), &[]).unwrap();
/// # writer.end(42).unwrap();
/// # let stream = writer.into_inner().unwrap();
/// let names: Vec<_> = SliceReader::new(stream.into()).map(|r| r.unwrap().frame.name()).collect();
/// assert_eq!(names, ["BEGIN", "END"]);
/// ```
#[derive(Debug)]
pub struct SliceReader {
    input: Bytes,
    parser: Parser,
    stopped: bool,
}

impl SliceReader {
    /// A reader that verifies, and accepts one whole stream or package.
    pub fn new(input: Bytes) -> Self {
        Self::with_options(input, ReaderOptions::default())
    }

    /// A reader with these options.
    pub fn with_options(input: Bytes, options: ReaderOptions) -> Self {
        Self { input, parser: Parser::with_options(options), stopped: false }
    }

    /// The parser, for where it stands.
    pub const fn parser(&self) -> &Parser {
        &self.parser
    }

    /// The next record with its payload; `None` at the end.
    ///
    /// # Errors
    /// If the stream is damaged, has another shape than it can have, or exceeds the limits. After an error
    /// there is only `None`.
    pub fn next_record(&mut self) -> Result<Option<StreamRecord>, StreamError> {
        if self.stopped {
            return Ok(None);
        }
        let record = self.try_next();
        self.stopped = !matches!(record, Ok(Some(_)));
        record
    }

    fn try_next(&mut self) -> Result<Option<StreamRecord>, StreamError> {
        let (used, event) = self.parser.parse(&self.input)?;
        let ReaderEvent::Record(frame) = event else {
            self.parser.finish(self.input.len())?;
            return Ok(None);
        };
        self.input = self.input.split_off(used);
        let header = *self.parser.header();
        let mut payload = Bytes::new();
        if frame.payload_len > 0 {
            // The whole input is there, so a payload is one piece, or the input ends in it.
            let (used, _) = self.parser.parse(&self.input)?;
            payload = self.input.split_to(used);
            if self.parser.payload_left() > 0 {
                self.parser.finish(0)?;
            }
        }
        Ok(Some(StreamRecord { frame, header, payload }))
    }
}

impl Iterator for SliceReader {
    type Item = Result<StreamRecord, StreamError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_record().transpose()
    }
}
