//! The parser itself: bytes in, records and pieces of payload out, no I/O.

use super::error::{StreamError, StreamErrorKind};
use super::header::Header;
use super::options::ReaderOptions;
use super::place::Place;
use super::record::Frame;
use crate::Order;
use crate::chain::Chain;
use crate::drr::{End, RECORD_SIZE, ReplayRecord};
use crate::fletcher::WholeWords;
use crate::payload::{Limits, RecordError};
use crate::sizes;
use zerocopy::byteorder::LE;
use zerocopy::{FromBytes, FromZeros};

/// Result of [`Parser::parse`].
#[derive(Debug)]
pub enum ReaderEvent<'a> {
    /// Nothing yet: call again with the same input and more, this many bytes at least.
    NeedMore(usize),
    /// A record, its header verified: [`Parser::header`]. If it has a payload, that comes next, in pieces.
    Record(Frame),
    /// A piece of the payload of the last record. What sums it up is the header that follows it,
    /// so it is verified once that header is handed out.
    Payload(&'a [u8]),
}

/// Parses a stream, or a package of streams, in either byte order.
///
/// The caller owns the input: it passes what it has to [`Parser::parse`], takes the event, drops as
/// many bytes as were used, and calls [`Parser::finish`] when there is no more. A parser never
/// holds payload bytes. After an error it gives that error again and nothing else.
///
/// ```
/// use zsend_records::payload::Limits;
/// use zsend_records::reader::{Parser, ReaderEvent, StreamError};
///
/// fn count_records(mut input: &[u8]) -> Result<u64, StreamError> {
///     let mut parser = Parser::new(Limits::DEFAULT);
///     let mut records = 0;
///     loop {
///         let (used, event) = parser.parse(input)?;
///         input = &input[used..];
///         match event {
///             ReaderEvent::Record(_) => records += 1,
///             ReaderEvent::Payload(_) => {}
///             ReaderEvent::NeedMore(_) => break,
///         }
///     }
///     parser.finish(input.len())?;
///     Ok(records)
/// }
/// # assert!(count_records(b"no stream").is_err());
/// ```
#[derive(Debug)]
pub struct Parser {
    options: ReaderOptions,
    place: Place,
    order: Order,
    chain: Chain,
    /// Bytes used so far.
    offset: u64,
    /// Records handed out so far.
    records: u64,
    frame: Option<Frame>,
    /// The header of `frame`; zeros before the first.
    header: ReplayRecord<LE>,
    /// Payload bytes of `frame` that are still to come.
    remaining: u64,
    words: WholeWords,
    error: Option<StreamError>,
}

impl Parser {
    /// A parser that verifies, and accepts one whole stream or package.
    pub fn new(limits: Limits) -> Self {
        Self::with_options(ReaderOptions::new().with_limits(limits))
    }

    /// A parser with these options.
    pub fn with_options(options: ReaderOptions) -> Self {
        Self {
            options,
            place: Place::START,
            order: Order::Little,
            chain: Chain::new(),
            offset: 0,
            records: 0,
            frame: None,
            header: ReplayRecord::new_zeroed(),
            remaining: 0,
            words: WholeWords::default(),
            error: None,
        }
    }

    /// The last record handed out; `None` before the first.
    pub fn frame(&self) -> Option<&Frame> {
        self.frame.as_ref()
    }

    /// The header of the last record handed out, in little-endian order, whatever order it came in; zeros
    /// before the first.
    pub fn header(&self) -> &ReplayRecord<LE> {
        &self.header
    }

    /// Bytes used so far.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Payload bytes of the last record that are still to come.
    pub fn payload_left(&self) -> u64 {
        self.remaining
    }

    /// The sum of the stream up to there, of a parser that verifies; of nothing behind an END.
    pub fn chain(&self) -> Chain {
        self.chain
    }

    /// Returns true if a stream or package has come to its end, and no payload or record is under way.
    pub fn is_done(&self) -> bool {
        self.place.is_done()
    }

    /// Takes the next event from the start of `input`; the number is the bytes that it used.
    ///
    /// # Errors
    /// If the stream is damaged, has another shape than it can have, or exceeds the limits.
    pub fn parse<'a>(&mut self, input: &'a [u8]) -> Result<(usize, ReaderEvent<'a>), StreamError> {
        if let Some(error) = &self.error {
            return Err(error.clone());
        }
        if self.remaining > 0 {
            return Ok(self.payload(input));
        }
        if input.is_empty() {
            return Ok((0, ReaderEvent::NeedMore(RECORD_SIZE)));
        }
        if self.place.is_done() && !self.options.concatenated {
            return Err(self.fail(StreamErrorKind::Trailing));
        }
        let Ok((raw, _)) = <[u8; RECORD_SIZE]>::ref_from_prefix(input) else {
            return Ok((0, ReaderEvent::NeedMore(RECORD_SIZE)));
        };
        match self.read_header(raw) {
            Ok(frame) => Ok((RECORD_SIZE, ReaderEvent::Record(frame))),
            Err(kind) => Err(self.fail(kind)),
        }
    }

    /// Passes over payload bytes of the last record that the caller has not got, as where it seeks behind them;
    /// no more than there are. They are not summed up, so this is for a parser that does not verify: the
    /// next header of one that does is refused.
    pub fn pass_over(&mut self, bytes: u64) {
        let bytes = bytes.min(self.remaining);
        self.remaining -= bytes;
        self.offset += bytes;
        if self.remaining == 0 {
            self.words.clear();
        }
    }

    /// Says that there is no more input than the `left` bytes that [`Parser::parse`] has not used.
    ///
    /// # Errors
    /// If the stream is not whole.
    pub fn finish(&self, left: usize) -> Result<(), StreamError> {
        if let Some(error) = &self.error {
            return Err(error.clone());
        }
        // A payload is of the last record that was handed out.
        let index = self.records - u64::from(self.remaining > 0);
        let kind = if self.remaining > 0 {
            let need = self.frame.map_or(0, |frame| frame.payload_len);
            let have = need - self.remaining + left as u64;
            StreamErrorKind::Truncated { what: "payload", have, need }
        } else if left > 0 {
            let (have, need) = (left as u64, RECORD_SIZE as u64);
            StreamErrorKind::Truncated { what: "record header", have, need }
        } else if self.place.is_done() || (self.options.missing_end && self.place != Place::START) {
            return Ok(());
        } else {
            StreamErrorKind::NoEnd
        };
        Err(StreamError { offset: self.offset, index, kind })
    }

    fn fail(&mut self, kind: StreamErrorKind) -> StreamError {
        let error = StreamError { offset: self.offset, index: self.records, kind };
        self.error = Some(error.clone());
        error
    }

    fn payload<'a>(&mut self, input: &'a [u8]) -> (usize, ReaderEvent<'a>) {
        if input.is_empty() {
            return (0, ReaderEvent::NeedMore(1));
        }
        let len = sizes::piece(self.remaining, input.len());
        self.remaining -= len as u64;
        self.offset += len as u64;
        let piece = &input[..len];
        if self.options.verify {
            self.sum(piece);
        }
        (len, ReaderEvent::Payload(piece))
    }

    /// Sums up a piece of payload.
    fn sum(&mut self, data: &[u8]) {
        self.words.feed(data, |words| self.chain.payload(words));
        if self.remaining == 0 {
            self.words.clear();
        }
    }

    fn read_header(&mut self, raw: &[u8; RECORD_SIZE]) -> Result<Frame, StreamErrorKind> {
        let known = (!self.place.is_before_stream()).then_some(self.order);
        let read = Header::read(raw, known, self.options.records)?;
        self.order = read.order;
        let mut room = None;
        let header = read.record(&mut room);
        // Before anything is made of its fields: of a damaged header, that is what is to be told.
        if self.options.verify {
            self.verify(&read, header)?;
        }
        let (place, role) = self.place.next(header)?;
        let found = header.record_type().0;
        let description = read.description.ok_or(RecordError::UnknownType { found })?;
        let payload_len = self.options.limits.check_described(header, description)?;
        let frame = Frame {
            index: self.records,
            offset: self.offset,
            order: self.order,
            payload_len,
            role,
            description,
        };
        self.frame = Some(frame);
        self.header = *header;
        self.place = place;
        self.remaining = payload_len;
        self.records += 1;
        self.offset += RECORD_SIZE as u64;
        Ok(frame)
    }

    /// Checks the sums of a header, and of the record in it.
    fn verify(
        &mut self,
        read: &Header<'_>,
        header: &ReplayRecord<LE>,
    ) -> Result<(), StreamErrorKind> {
        let before = self.chain;
        read.check(&mut self.chain).map_err(StreamErrorKind::Checksum)?;
        if let Some(end) = header.body_as::<End<LE>>() {
            before.check_end(end).map_err(StreamErrorKind::EndChecksum)?;
            // Every stream sums up from its BEGIN, and the last END of a package from nothing.
            self.chain = Chain::new();
        }
        Ok(())
    }
}
