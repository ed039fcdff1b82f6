//! A blocking reader over the parser, for files and pipes.

use super::error::{ReadError, StreamError};
use super::options::ReaderOptions;
use super::parser::{Parser, ReaderEvent};
use super::record::{Frame, StreamRecord};
use crate::drr::ReplayRecord;
use crate::sizes;
use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;
use bytes::Bytes;
use core::ops::Range;
use std::io::{self, Read};
use zerocopy::byteorder::LE;

/// Bytes asked of the source at a time.
const BUFFER: usize = 256 << 10;
/// Most bytes that are set aside for a payload before its bytes are there.
const RESERVE: usize = 1 << 20;

/// A record with what is read of its payload.
type HeldRecord = (Frame, ReplayRecord<LE>, Vec<u8>);

/// Next thing in a reader's own buffer.
enum Buffered {
    Record(Frame),
    /// A piece of payload, there in the buffer.
    Payload(Range<usize>),
}

/// Reads a stream from any source; it does its own buffering.
///
/// A caller goes on by [`StreamReader::next_event`]; by [`StreamReader::next_record`], which has whole
/// payloads, verified; or by [`StreamReader::next_frame`], after which a payload is taken, read into a buffer
/// of the caller, or left, which skips it. Each of the three is for one reader alone.
#[derive(Debug)]
pub struct StreamReader<R> {
    source: R,
    parser: Parser,
    buffer: Box<[u8]>,
    /// The bytes of `buffer` that are read and not used yet.
    filled: Range<usize>,
    at_end: bool,
    /// The record whose payload is being collected, or awaits the header that verifies it.
    held: Option<HeldRecord>,
    stopped: bool,
}

impl<R: Read> StreamReader<R> {
    /// A reader that verifies, and accepts one whole stream or package.
    pub fn new(source: R) -> Self {
        Self::with_options(source, ReaderOptions::default())
    }

    /// A reader with these options.
    pub fn with_options(source: R, options: ReaderOptions) -> Self {
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
    /// Never [`ReaderEvent::NeedMore`].
    ///
    /// # Errors
    /// If the source fails or the stream is not what it can be. After an error there is only
    /// `None`.
    pub fn next_event(&mut self) -> Result<Option<ReaderEvent<'_>>, ReadError> {
        Ok(self.step()?.map(|step| match step {
            Buffered::Record(frame) => ReaderEvent::Record(frame),
            Buffered::Payload(piece) => ReaderEvent::Payload(&self.buffer[piece]),
        }))
    }

    /// Header of the last record, in little-endian order; zeros before the first.
    pub fn header(&self) -> &ReplayRecord<LE> {
        self.parser.header()
    }

    /// The next record; `None` at the end. What is left of the last payload is skipped, and verified all the
    /// same.
    ///
    /// # Errors
    /// As [`StreamReader::next_event`].
    pub fn next_frame(&mut self) -> Result<Option<Frame>, ReadError> {
        loop {
            match self.step()? {
                Some(Buffered::Payload(_)) => {}
                Some(Buffered::Record(frame)) => return Ok(Some(frame)),
                None => return Ok(None),
            }
        }
    }

    /// Fills a buffer with what comes next of the last record's payload, as [`Read::read`] does: zero bytes
    /// are its end. Large buffers are filled by the source itself. What was read is verified once the next
    /// record is.
    ///
    /// # Errors
    /// As [`StreamReader::next_event`].
    pub fn read_payload(&mut self, buf: &mut [u8]) -> Result<usize, ReadError> {
        let left = self.left();
        let len = left.min(buf.len());
        let buf = &mut buf[..len];
        if self.stopped || buf.is_empty() {
            return Ok(0);
        }
        let read = self.try_payload(buf);
        self.stopped = read.is_err();
        read
    }

    fn try_payload(&mut self, buf: &mut [u8]) -> Result<usize, ReadError> {
        if self.filled.is_empty() && buf.len() < BUFFER && !self.at_end {
            self.fill(1)?;
        }
        let held = buf.len().min(self.filled.len());
        let read = if held > 0 {
            let start = self.filled.start;
            buf[..held].copy_from_slice(&self.buffer[start..start + held]);
            self.filled.start += held;
            held
        } else if self.at_end {
            0
        } else {
            let read = read_once(&mut self.source, buf);
            self.took(read)?
        };
        if read == 0 {
            self.parser.finish(0)?;
        }
        self.parser.parse(&buf[..read])?;
        Ok(read)
    }

    /// Bytes of the last record's payload that are yet to come, or as many as memory can have.
    fn left(&self) -> usize {
        sizes::in_memory(self.parser.payload_left())
    }

    /// The rest of the last record's payload, in one piece. It is verified once the next record is.
    ///
    /// # Errors
    /// As [`StreamReader::next_event`].
    pub fn payload(&mut self) -> Result<Bytes, ReadError> {
        let left = self.left();
        let mut payload = Vec::new();
        let mut filled = 0;
        while filled < left {
            if filled == payload.len() {
                // It doubles: what a header announces is believed once the bytes are there.
                payload.resize(left.min((2 * filled).max(RESERVE)), 0);
            }
            match self.read_payload(&mut payload[filled..])? {
                0 => break,
                read => filled += read,
            }
        }
        payload.truncate(filled);
        Ok(payload.into())
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
                Ok(Some(Buffered::Record(frame))) => {
                    let payload = Vec::with_capacity(sizes::piece(frame.payload_len, RESERVE));
                    let header = *self.parser.header();
                    if let Some(verified) = self.release(Some((frame, header, payload))) {
                        return Ok(Some(verified));
                    }
                }
                Ok(Some(Buffered::Payload(piece))) => {
                    if let Some((.., payload)) = &mut self.held {
                        payload.extend_from_slice(&self.buffer[piece]);
                    }
                }
            }
        }
    }

    /// Lets go of the record that is held, and holds another.
    fn release(&mut self, next: Option<HeldRecord>) -> Option<StreamRecord> {
        let held = core::mem::replace(&mut self.held, next);
        held.map(|(frame, header, payload)| StreamRecord { frame, header, payload: payload.into() })
    }

    /// Reads until the parser has something; `None` at the end of a whole stream.
    fn step(&mut self) -> Result<Option<Buffered>, ReadError> {
        if self.stopped {
            return Ok(None);
        }
        let step = self.try_step();
        // Nothing follows an error, or the end.
        self.stopped = !matches!(step, Ok(Some(_)));
        step
    }

    fn try_step(&mut self) -> Result<Option<Buffered>, ReadError> {
        loop {
            let start = self.filled.start;
            let (used, event) = self.parser.parse(&self.buffer[self.filled.clone()])?;
            self.filled.start += used;
            let need = match event {
                ReaderEvent::Record(frame) => return Ok(Some(Buffered::Record(frame))),
                ReaderEvent::Payload(_) => return Ok(Some(Buffered::Payload(start..start + used))),
                ReaderEvent::NeedMore(need) => need,
            };
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
        let read = read_once(&mut self.source, &mut self.buffer[self.filled.end..]);
        self.filled.end += self.took(read)?;
        Ok(())
    }

    /// Notes the end of the source, or the place of its error.
    fn took(&mut self, read: io::Result<usize>) -> Result<usize, ReadError> {
        let offset = self.parser.offset() + self.filled.len() as u64;
        let read = read.map_err(|source| ReadError::Io { offset, source })?;
        self.at_end = read == 0;
        Ok(read)
    }
}

/// Reads once; an interruption is no error.
fn read_once(source: &mut impl Read, buf: &mut [u8]) -> io::Result<usize> {
    loop {
        match source.read(buf) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
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
