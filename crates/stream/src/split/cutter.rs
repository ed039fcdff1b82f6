//! Borders of parts in a stream: a part ends where the next record would make it too long.

use super::error::SplitError;
use super::manifest::MAX_PARTS;
use crate::in_turn::{Pieces, ReadableInput};
use crate::input::Gathered;
use crate::limits::LIMITS;
use zsend_records::bytes::Bytes;
use zsend_records::chain::Chain;
use zsend_records::drr::RECORD_SIZE;
use zsend_records::reader::{Parser, ReaderEvent, ReaderOptions};

/// Place at which a part begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct PartStart {
    /// The part's number, from 1 on.
    pub(super) number: u64,
    pub(super) offset: u64,
    pub(super) record: u64,
    pub(super) chain: Chain,
}

/// Destination of parts.
pub(super) trait PartSink: Send {
    /// A part begins; the one before is whole.
    fn begin(&mut self, start: PartStart) -> Result<(), SplitError>;
    /// Bytes of the part, which may come in any number of pieces.
    fn bytes(&mut self, piece: &Bytes) -> Result<(), SplitError>;
}

/// Bytes and records of a whole stream.
#[derive(Clone, Copy, Debug)]
pub(super) struct StreamTotals {
    pub(super) bytes: u64,
    pub(super) records: u64,
    pub(super) parts: u64,
    /// True if it ends with END.
    pub(super) has_end: bool,
}

/// A stream as it is cut. Every sum along it is checked.
struct Cutter<'a> {
    parser: Parser,
    to: &'a mut dyn PartSink,
    size: u64,
    /// Bytes of the part so far, those of the payload that is under way included.
    length: u64,
    number: u64,
    records: u64,
    /// The first record that is too long, and the length of the longest: nothing is written any more.
    too_long: Option<(u64, u64, u64)>,
}

/// A parser of what is cut into parts, and put together of them.
pub(super) fn reading() -> Parser {
    // What was saved (`zfs send -S`) has no END.
    Parser::with_options(ReaderOptions::new().with_limits(LIMITS).with_missing_end(true))
}

/// Cuts a stream into parts of at most `size` bytes.
pub(super) fn cut(
    source: ReadableInput,
    size: u64,
    to: &mut dyn PartSink,
) -> Result<StreamTotals, SplitError> {
    let parser = reading();
    let mut cutter = Cutter { parser, to, size, length: 0, number: 0, records: 0, too_long: None };
    let mut begun = Gathered::default();
    let (mut offset, mut done) = (0_u64, Ok(()));
    let read = source.each(Pieces::LARGE, |piece| {
        offset += piece.len() as u64;
        done = cutter.piece(&piece, &mut begun);
        done.is_ok()
    });
    done?;
    read.map_err(|source| SplitError::Read { offset, source })?;
    cutter.parser.finish(begun.0.len())?;
    if let Some((record, bytes, least)) = cutter.too_long {
        return Err(SplitError::TooSmall { record, bytes, size, least });
    }
    let (bytes, has_end) = (cutter.parser.offset(), cutter.parser.is_done());
    Ok(StreamTotals { bytes, records: cutter.records, parts: cutter.number, has_end })
}

impl Cutter<'_> {
    /// Takes a piece of the stream. `begun` is the beginning of a header that the piece before ended in, and is left
    /// as that of this one.
    fn piece(&mut self, piece: &Bytes, begun: &mut Gathered) -> Result<(), SplitError> {
        let mut used = 0;
        if !begun.0.is_empty() {
            let mut rest = &piece[..];
            let Some(raw) = begun.take(RECORD_SIZE as u64, &mut rest) else { return Ok(()) };
            used = piece.len() - rest.len();
            self.header(&raw, &Bytes::new())?;
            self.write(&raw)?;
        }
        // Bytes from here on are yet to be written.
        let mut from = used;
        loop {
            let left = &piece[used..];
            if self.parser.payload_left() > 0 && !left.is_empty() {
                used += self.parser.parse(left)?.0;
            } else if left.len() >= RECORD_SIZE {
                if self.header(left, &piece.slice(from..used))? {
                    from = used;
                }
                used += RECORD_SIZE;
            } else {
                begun.0.extend_from_slice(left);
                return self.write(&piece.slice(from..used));
            }
        }
    }

    /// Takes a header; what was before it, and is not written yet, is `before`. True if that was written.
    fn header(&mut self, raw: &[u8], before: &Bytes) -> Result<bool, SplitError> {
        let (offset, chain) = (self.parser.offset(), self.parser.chain());
        let (_, event) = self.parser.parse(raw)?;
        let ReaderEvent::Record(frame) = event else { return Ok(false) };
        self.records += 1;
        let bytes = RECORD_SIZE as u64 + frame.payload_len;
        if bytes > self.size || self.too_long.is_some() {
            let (record, first, longest) = self.too_long.unwrap_or((frame.index, bytes, 0));
            self.too_long = Some((record, first, longest.max(bytes)));
            return Ok(false);
        }
        self.length = self.length.saturating_add(bytes);
        if self.number > 0 && self.length <= self.size {
            return Ok(false);
        }
        if self.number == MAX_PARTS {
            return Err(SplitError::TooMany { size: self.size });
        }
        self.write(before)?;
        (self.number, self.length) = (self.number + 1, bytes);
        self.to.begin(PartStart { number: self.number, offset, record: frame.index, chain })?;
        Ok(true)
    }

    fn write(&mut self, bytes: &Bytes) -> Result<(), SplitError> {
        if bytes.is_empty() || self.too_long.is_some() {
            return Ok(());
        }
        self.to.bytes(bytes)
    }
}
