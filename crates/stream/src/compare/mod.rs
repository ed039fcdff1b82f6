//! A stored stream beside another of the same snapshot, record by record: where they differ first.

mod fields;

use crate::begin_list::{BeginList, begin_list};
use crate::segment::Segment;
use crate::verify::place;
use fields::{lists, records};
use std::fmt;
use std::io::Read;
use zerocopy::byteorder::LE;
use zsend_records::Order;
use zsend_records::bytes::Bytes;
use zsend_records::drr::{Begin, RecordType, ReplayRecord};
use zsend_records::nvlist::Encoding;
use zsend_records::reader::{Frame, ReadError, ReaderOptions, Role, StreamReader};

/// Bytes of payloads that are compared at a time.
const PIECE: usize = 128 << 10;

/// A stream of which the BEGIN was read.
#[derive(Debug)]
pub struct Comparison<R> {
    reader: StreamReader<R>,
    begin: Frame,
    header: ReplayRecord<LE>,
    list: Bytes,
    segment: Segment,
    encoding: Option<Encoding>,
}

/// Reason that two streams were not compared to their ends.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CompareError {
    /// The stored stream cannot be read on.
    #[error("the stored stream")]
    Stored(#[source] ReadError),
    /// The other stream cannot be read on.
    #[error("the other stream")]
    Other(#[source] ReadError),
    /// The list behind the stored stream's BEGIN cannot be read, or is larger than is looked at: the reason, in words.
    #[error("the stored stream: list behind BEGIN: {0}")]
    List(String),
    /// The stored stream is none that is compared.
    #[error("not supported: comparing {0}")]
    Unsupported(&'static str),
}

/// First difference of two streams.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Difference {
    /// Records before it.
    pub record: u64,
    /// Bytes before the record in the stored stream.
    pub byte: u64,
    /// Type of the record in the stored stream; `None` where that has ended.
    pub record_type: Option<RecordType>,
    /// Object that it is of.
    pub object: Option<u64>,
    /// Offset in the object, bytes: of the record, or of the first byte of a plain payload that differs.
    pub offset: Option<u64>,
    /// Part of the record that differs: a field, a pair of the list, or the payload.
    pub what: String,
    /// Value in the stored stream.
    pub stored: String,
    /// Value in the other.
    pub other: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "byte {}, record {}", self.byte, self.record)?;
        if let Some(record_type) = self.record_type {
            write!(f, ", {record_type}")?;
        }
        for (name, value) in [("object", self.object), ("offset", self.offset)] {
            if let Some(value) = value {
                write!(f, ", {name} {value}")?;
            }
        }
        write!(f, ": {} is {}, and {} in the other", self.what, self.stored, self.other)
    }
}

impl<R: Read> Comparison<R> {
    /// Reads the BEGIN of a stored stream, and the list behind it. `name` stands for it in the [`Segment`].
    ///
    /// # Errors
    /// [`CompareError::Stored`]; [`CompareError::List`], as nobody can say what the stream is; and
    /// [`CompareError::Unsupported`] of a package, of a redacted stream, and of a big-endian stream, whose plain payloads
    /// are turned.
    pub fn new(name: &str, source: R) -> Result<Self, CompareError> {
        let mut reader = reader(source);
        let begin = reader.next_frame().map_err(CompareError::Stored)?;
        let begin = begin.ok_or(CompareError::Unsupported("nothing"))?;
        if begin.role != Role::Stream {
            return Err(CompareError::Unsupported("a package"));
        }
        if begin.order == Order::Big {
            return Err(CompareError::Unsupported("a big-endian stream"));
        }
        let header = *reader.header();
        let list = reader.payload().map_err(CompareError::Stored)?;
        let decoded = begin_list(&list).map_err(|e| CompareError::List(e.to_string()))?;
        let encoding = decoded.as_ref().map(|BeginList { encoding, .. }| *encoding);
        let pairs = decoded.as_ref().map(|BeginList { list, .. }| list);
        // What a reader has accepted as BEGIN is one.
        let body = header.body_as::<Begin<LE>>().ok_or(CompareError::Unsupported("no BEGIN"))?;
        if pairs
            .is_some_and(|list| list.contains("redact_snaps") || list.contains("redact_from_snaps"))
        {
            return Err(CompareError::Unsupported("a redacted stream"));
        }
        let segment = Segment::new(&name.into(), 0, 0, false, body, pairs);
        Ok(Self { reader, begin, header, list, segment, encoding })
    }

    /// Summary of BEGIN.
    pub const fn segment(&self) -> &Segment {
        &self.segment
    }

    /// Encoding of the list behind BEGIN; `None` if there is none.
    pub const fn encoding(&self) -> Option<Encoding> {
        self.encoding
    }

    /// Reads both streams on, side by side, to the first difference; `None` if there is none.
    ///
    /// Names and times of creation in BEGIN may differ, as those of a copy in another pool do, and so may the sums
    /// that follow from them.
    ///
    /// # Errors
    /// [`CompareError`].
    pub fn with(self, other: impl Read) -> Result<Option<Difference>, CompareError> {
        let Self { reader: mut stored, begin, header, list, .. } = self;
        let mut other = reader(other);
        let Some(theirs) = other.next_frame().map_err(CompareError::Other)? else {
            return Ok(Some(difference(
                &begin,
                &header,
                ended("the stream", "BEGIN", "at its end"),
            )));
        };
        if let Some(found) = records((&begin, &header), (&theirs, other.header())) {
            return Ok(Some(difference(&begin, &header, found)));
        }
        let their_list = other.payload().map_err(CompareError::Other)?;
        if let Some(found) = lists(&list, &their_list) {
            return Ok(Some(difference(&begin, &header, found)));
        }
        let mut pieces = (vec![0; PIECE], vec![0; PIECE]);
        loop {
            let ours = stored.next_frame().map_err(CompareError::Stored)?;
            let theirs = other.next_frame().map_err(CompareError::Other)?;
            let (ours, theirs) = match (ours, theirs) {
                (None, None) => return Ok(None),
                (Some(ours), Some(theirs)) => (ours, theirs),
                (Some(ours), None) => {
                    let found = ended("the stream", ours.name(), "at its end");
                    return Ok(Some(difference(&ours, stored.header(), found)));
                }
                (None, Some(theirs)) => {
                    let found = ended("the stream", "at its end", theirs.name());
                    let at =
                        Difference { byte: stored.parser().offset(), ..Difference::of(&theirs) };
                    return Ok(Some(Difference { record_type: None, ..found.at(at) }));
                }
            };
            if let Some(found) = records((&ours, stored.header()), (&theirs, other.header())) {
                return Ok(Some(difference(&ours, stored.header(), found)));
            }
            if let Some((at, found)) = payloads(&mut stored, &mut other, &mut pieces)? {
                let mut difference = difference(&ours, stored.header(), found);
                if let Some(offset) = difference.offset.filter(|_| is_plain(&ours, stored.header()))
                {
                    difference.offset = Some(offset.saturating_add(at));
                }
                return Ok(Some(difference));
            }
        }
    }
}

fn reader<R: Read>(source: R) -> StreamReader<R> {
    StreamReader::with_options(source, ReaderOptions::new().with_missing_end(true))
}

/// Field that differs, and both values.
struct FieldDifference {
    what: String,
    stored: String,
    other: String,
}

impl FieldDifference {
    fn at(self, place: Difference) -> Difference {
        let Self { what, stored, other } = self;
        Difference { what, stored, other, ..place }
    }
}

fn ended(what: &str, stored: &str, other: &str) -> FieldDifference {
    FieldDifference { what: what.to_owned(), stored: stored.to_owned(), other: other.to_owned() }
}

impl Difference {
    /// The place of a record.
    fn of(frame: &Frame) -> Self {
        Self {
            record: frame.index,
            byte: frame.offset,
            record_type: Some(frame.record_type()),
            object: None,
            offset: None,
            what: String::new(),
            stored: String::new(),
            other: String::new(),
        }
    }
}

fn difference(frame: &Frame, header: &ReplayRecord<LE>, found: FieldDifference) -> Difference {
    let (object, offset) = place(header);
    found.at(Difference { object, offset, ..Difference::of(frame) })
}

/// Returns true for a block whose payload is its contents, byte by byte.
fn is_plain(frame: &Frame, header: &ReplayRecord<LE>) -> bool {
    use zsend_records::drr::Write;
    let write = header.body_as::<Write<LE>>();
    frame.record_type() == RecordType::WRITE && write.is_some_and(|w| w.compressiontype == 0)
}

/// First difference of two payloads of the same length, and its place in them.
fn payloads(
    stored: &mut StreamReader<impl Read>,
    other: &mut StreamReader<impl Read>,
    (ours, theirs): &mut (Vec<u8>, Vec<u8>),
) -> Result<Option<(u64, FieldDifference)>, CompareError> {
    let mut before = 0;
    loop {
        let len = stored.read_payload(ours).map_err(CompareError::Stored)?;
        if len == 0 {
            return Ok(None);
        }
        let mut have = 0;
        while have < len {
            match other.read_payload(&mut theirs[have..len]).map_err(CompareError::Other)? {
                0 => break,
                read => have += read,
            }
        }
        if let Some(at) = (0..len).find(|&at| ours[at] != theirs[at] || at >= have) {
            let shown = |bytes: &[u8]| fields::hex_of(&bytes[at..len.min(at + 8)]);
            let place = before + at as u64;
            let what = format!("byte {place} of the payload");
            return Ok(Some((
                place,
                FieldDifference { what, stored: shown(ours), other: shown(theirs) },
            )));
        }
        before += len as u64;
    }
}
