//! A blocking reader over the parser, for files and pipes.

use super::error::{ReadError, StreamError};
use super::parser::{Event, Options, Parser, Step};
use super::record::Frame;
use bytes::Bytes;
use std::io::{self, Read};

/// Bytes asked of the source at a time.
const BUFFER: usize = 256 << 10;
/// Most bytes that are set aside for a payload before its bytes are there.
const RESERVE: usize = 1 << 20;

/// A record with its whole payload.
#[derive(Clone, Debug, PartialEq)]
pub struct StreamRecord {
    /// The record's header, and where it was found.
    pub frame: Frame,
    /// The payload, in the stream's byte order.
    pub payload: Bytes,
}

/// Reads a stream from any source; it does its own buffering.
///
/// Use either [`StreamReader::next_event`] or [`StreamReader::next_record`] of one reader, not both.
pub struct StreamReader<R> {
    source: R,
    parser: Parser,
    buffer: Box<[u8]>,
    /// The bytes of `buffer` that are read and not used yet.
    filled: core::ops::Range<usize>,
    at_end: bool,
    /// The record whose payload is being collected, or awaits the header that verifies it.
    held: Option<(Frame, Vec<u8>)>,
    stopped: bool,
}

impl<R: Read> StreamReader<R> {
    /// A reader that verifies, and accepts one whole stream or package.
    pub fn new(source: R) -> Self {
        Self::with_options(source, Options::default())
    }

    /// A reader with these options.
    pub fn with_options(source: R, options: Options) -> Self {
        Self {
            source,
            parser: Parser::with_options(options),
            buffer: vec![0; BUFFER].into_boxed_slice(),
            filled: 0..0,
            at_end: false,
            held: None,
            stopped: false,
        }
    }

    /// The parser, for where it stands.
    pub fn parser(&self) -> &Parser {
        &self.parser
    }

    /// The next record, or piece of payload (up to 256 KiB, none of it kept); `None` at the end.
    /// Never [`Event::NeedMore`].
    ///
    /// # Errors
    /// If the source fails or the stream is not what it can be. After an error there is only
    /// `None`.
    pub fn next_event(&mut self) -> Result<Option<Event<'_>>, ReadError> {
        let Some((used, step)) = self.step()? else { return Ok(None) };
        let end = self.filled.start;
        Ok(match step {
            Step::NeedMore(_) => None,
            Step::Record => Some(Event::Record(self.parser.frame())),
            Step::Payload => Some(Event::Payload(&self.buffer[end - used..end])),
        })
    }

    /// The next record with its whole payload; `None` at the end.
    ///
    /// A payload is summed up in the header that follows it, so a record is handed out only when
    /// that header has been read and found right: what comes from here is verified (if checksums
    /// are, and but for a following header whose checksum is zero).
    ///
    /// # Errors
    /// As [`StreamReader::next_event`].
    pub fn next_record(&mut self) -> Result<Option<StreamRecord>, ReadError> {
        loop {
            // A stream is complete with its END; its reader need not wait for the source to close.
            if self.parser.is_done()
                && let Some(last) = self.release(None)
            {
                return Ok(Some(last));
            }
            match self.step() {
                Err(error) => {
                    self.held = None;
                    return Err(error);
                }
                Ok(None) => return Ok(self.release(None)),
                Ok(Some((_, Step::NeedMore(_)))) => {}
                Ok(Some((_, Step::Record))) => {
                    let frame = *self.parser.frame();
                    let len = usize::try_from(frame.payload_len).unwrap_or(usize::MAX);
                    let payload = Vec::with_capacity(len.min(RESERVE));
                    if let Some(verified) = self.release(Some((frame, payload))) {
                        return Ok(Some(verified));
                    }
                }
                Ok(Some((used, Step::Payload))) => {
                    let end = self.filled.start;
                    if let Some((_, payload)) = &mut self.held {
                        payload.extend_from_slice(&self.buffer[end - used..end]);
                    }
                }
            }
        }
    }

    /// Lets go of the record that is held, and holds another.
    fn release(&mut self, next: Option<(Frame, Vec<u8>)>) -> Option<StreamRecord> {
        let held = core::mem::replace(&mut self.held, next);
        held.map(|(frame, payload)| StreamRecord { frame, payload: payload.into() })
    }

    /// Reads until the parser has something; `None` at the end of a whole stream. The bytes used
    /// are those just before `filled.start`.
    fn step(&mut self) -> Result<Option<(usize, Step)>, ReadError> {
        if self.stopped {
            return Ok(None);
        }
        let step = self.try_step();
        // Nothing follows an error, or the end.
        self.stopped = !matches!(step, Ok(Some(_)));
        step
    }

    fn try_step(&mut self) -> Result<Option<(usize, Step)>, ReadError> {
        loop {
            let (used, step) = self.parser.step(&self.buffer[self.filled.clone()])?;
            self.filled.start += used;
            let Step::NeedMore(need) = step else { return Ok(Some((used, step))) };
            if self.at_end {
                self.parser.finish(self.filled.len())?;
                return Ok(None);
            }
            self.fill(need)?;
        }
    }

    /// Reads once; makes room for `need` bytes in one piece, which are never more than a header.
    fn fill(&mut self, need: usize) -> Result<(), ReadError> {
        if self.filled.is_empty() {
            self.filled = 0..0;
        } else if self.buffer.len() - self.filled.start < need {
            self.buffer.copy_within(self.filled.clone(), 0);
            self.filled = 0..self.filled.len();
        }
        loop {
            match self.source.read(&mut self.buffer[self.filled.end..]) {
                Ok(0) => self.at_end = true,
                Ok(read) => self.filled.end += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(source) => {
                    let offset = self.parser.offset() + self.filled.len() as u64;
                    return Err(ReadError::Io { offset, source });
                }
            }
            return Ok(());
        }
    }
}

impl<R: Read> Iterator for StreamReader<R> {
    type Item = Result<StreamRecord, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_record().transpose()
    }
}

impl ReadError {
    /// The defect of the stream, if it is one.
    pub fn stream(&self) -> Option<&StreamError> {
        match self {
            Self::Stream(error) => Some(error),
            Self::Io { .. } => None,
        }
    }
}
