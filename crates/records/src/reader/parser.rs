//! The parser itself: bytes in, records and pieces of payload out, no I/O.

use super::error::{StreamError, StreamErrorKind};
use super::options::Options;
use super::record::{Frame, Role};
use crate::Order;
use crate::byteswap::byteswap_with;
use crate::chain::Chain;
use crate::drr::{Begin, End, MAGIC, RECORD_SIZE, RecordType, ReplayRecord};
use crate::flags::{HeaderType, VersionInfo};
use crate::payload::{Limits, RecordError};
use zerocopy::byteorder::{BE, LE};
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

/// Place of the next record in the shape of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Before the first BEGIN.
    Start,
    /// In a stream by itself.
    Single,
    /// Between the BEGIN of a package and its END.
    PackageHeader,
    /// Between the streams of a package.
    Package,
    /// In a stream of a package.
    InPackage,
    /// After the last END.
    Done,
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
    options: Options,
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
    /// Up to three payload bytes that do not fill a word yet: pieces may be cut anywhere, sums are
    /// over whole words.
    partial: [u8; 4],
    partial_len: usize,
    error: Option<StreamError>,
}

impl Parser {
    /// A parser that verifies, and accepts one whole stream or package.
    pub fn new(limits: Limits) -> Self {
        Self::with_options(Options::new().with_limits(limits))
    }

    /// A parser with these options.
    pub fn with_options(options: Options) -> Self {
        Self {
            options,
            place: Place::Start,
            order: Order::Little,
            chain: Chain::new(),
            offset: 0,
            records: 0,
            frame: None,
            header: ReplayRecord::new_zeroed(),
            remaining: 0,
            partial: [0; 4],
            partial_len: 0,
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

    /// Returns true if a stream or package has come to its end, and no payload or record is under way.
    pub fn is_done(&self) -> bool {
        self.place == Place::Done
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
        if self.place == Place::Done && !self.options.concatenated {
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
        } else if self.place == Place::Done
            || (self.options.missing_end && self.place != Place::Start)
        {
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
        let len = usize::try_from(self.remaining).unwrap_or(usize::MAX).min(input.len());
        self.remaining -= len as u64;
        self.offset += len as u64;
        let piece = &input[..len];
        if self.options.verify {
            self.sum(piece);
        }
        (len, ReaderEvent::Payload(piece))
    }

    /// Sums up a piece of payload, in whole words.
    fn sum(&mut self, mut data: &[u8]) {
        if self.partial_len > 0 {
            let take = data.len().min(4 - self.partial_len);
            self.partial[self.partial_len..self.partial_len + take].copy_from_slice(&data[..take]);
            self.partial_len += take;
            data = &data[take..];
            if self.partial_len == 4 {
                self.chain.payload(&self.partial);
                self.partial_len = 0;
            }
        }
        let (words, rest) = data.split_at(data.len() / 4 * 4);
        self.chain.payload(words);
        if !rest.is_empty() {
            self.partial[..rest.len()].copy_from_slice(rest);
            self.partial_len = rest.len();
        }
        if self.remaining == 0 {
            // The reference leaves out what does not fill a word.
            self.partial_len = 0;
        }
    }

    fn read_header(&mut self, raw: &[u8; RECORD_SIZE]) -> Result<Frame, StreamErrorKind> {
        let little: ReplayRecord<LE> = zerocopy::transmute!(*raw);
        let big: ReplayRecord<BE> = zerocopy::transmute!(*raw);
        // Zero, the type of BEGIN, is the same in both orders; before the first BEGIN there is
        // none, and what is no stream at all is told by its magic.
        let begins = matches!(self.place, Place::Start | Place::Done);
        if begins || little.record_type() == RecordType::BEGIN {
            let magic = Begin::<LE>::ref_from_prefix(&raw[8..]).map(|(begin, _)| begin.magic.get());
            self.order = match magic {
                Ok(MAGIC) => Order::Little,
                Ok(found) if found.swap_bytes() == MAGIC => Order::Big,
                found => return Err(StreamErrorKind::Magic { found: found.unwrap_or(0) }),
            };
        }
        let kind = match self.order {
            Order::Little => little.record_type(),
            Order::Big => big.record_type(),
        };
        let described = self.options.records.iter().find(|d| d.record_type == kind);
        let description = kind.description().or(described);
        let fields = description.map_or(&[][..], |description| description.fields);
        let header = match self.order {
            Order::Little => little,
            Order::Big => byteswap_with(&big, fields),
        };
        // Before anything is made of its fields: of a damaged header, that is what is to be told.
        if self.options.verify {
            self.verify(&header, &little, &big)?;
        }
        let (place, role) = self.next_place(&header)?;
        let description = description.ok_or(RecordError::UnknownType { found: kind.0 })?;
        let payload_len = self.options.limits.check_described(&header, description)?;
        let frame = Frame {
            index: self.records,
            offset: self.offset,
            order: self.order,
            payload_len,
            role,
            description,
        };
        self.frame = Some(frame);
        self.header = header;
        self.place = place;
        self.remaining = payload_len;
        self.records += 1;
        self.offset += RECORD_SIZE as u64;
        Ok(frame)
    }

    /// Checks a header's sums; `header` is `big` or `little`, by the stream's order.
    fn verify(
        &mut self,
        header: &ReplayRecord<LE>,
        little: &ReplayRecord<LE>,
        big: &ReplayRecord<BE>,
    ) -> Result<(), StreamErrorKind> {
        let before = self.chain;
        let checked = match self.order {
            Order::Little => self.chain.check(little),
            Order::Big => self.chain.check(big),
        };
        checked.map_err(StreamErrorKind::Checksum)?;
        if let Some(end) = header.body_as::<End<LE>>() {
            before.check_end(end).map_err(StreamErrorKind::EndChecksum)?;
            // Every stream sums up from its BEGIN, and the last END of a package from nothing.
            self.chain = Chain::new();
        }
        Ok(())
    }

    /// Returns the place of the record after this one, and the part that this one plays.
    fn next_place(&self, header: &ReplayRecord<LE>) -> Result<(Place, Role), StreamErrorKind> {
        let kind = header.record_type();
        let opens = header
            .body_as::<Begin<LE>>()
            .map(|begin| VersionInfo(begin.versioninfo.get()).header_type());
        let unexpected = |expected| Err(StreamErrorKind::Unexpected { found: kind, expected });
        let wrong_type = |found: HeaderType, expected| {
            Err(StreamErrorKind::HeaderType { found: found.0, expected })
        };
        match (self.place, kind, opens) {
            (Place::Start | Place::Done, _, Some(HeaderType::SUBSTREAM)) => {
                Ok((Place::Single, Role::Stream))
            }
            (Place::Start | Place::Done, _, Some(HeaderType::COMPOUND)) => {
                Ok((Place::PackageHeader, Role::PackageBegin))
            }
            (Place::Start | Place::Done, _, Some(other)) => {
                wrong_type(other, "1 (a stream) or 2 (a package)")
            }
            (Place::Start | Place::Done, ..) => unexpected("BEGIN"),
            (Place::PackageHeader, RecordType::END, _) => {
                Ok((Place::Package, Role::PackageHeaderEnd))
            }
            (Place::PackageHeader, ..) => unexpected("END, as after every package header"),
            (Place::Package, _, Some(HeaderType::SUBSTREAM)) => {
                Ok((Place::InPackage, Role::Stream))
            }
            (Place::Package, _, Some(other)) => wrong_type(other, "1 (a stream, in a package)"),
            (Place::Package, RecordType::END, _) => Ok((Place::Done, Role::PackageEnd)),
            (Place::Package, ..) => unexpected("BEGIN, or END, as between streams of a package"),
            (Place::Single | Place::InPackage, RecordType::BEGIN, _) => {
                unexpected("a record inside a stream, or END")
            }
            (Place::Single, RecordType::END, _) => Ok((Place::Done, Role::Stream)),
            (Place::InPackage, RecordType::END, _) => Ok((Place::Package, Role::Stream)),
            (place @ (Place::Single | Place::InPackage), ..) => Ok((place, Role::Stream)),
        }
    }
}
