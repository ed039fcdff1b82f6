//! Records and pieces of payload: of any source, or of a file that is read ahead.

use crate::read_ahead::ReadAhead;
use std::io::Read;
use std::ops::Range;
use zerocopy::byteorder::LE;
use zsend_records::bytes::Bytes;
use zsend_records::drr::{RECORD_SIZE, ReplayRecord};
use zsend_records::reader::{Frame, Options, Parser, ReadError, ReaderEvent, StreamReader};

/// A stream as it is parsed.
pub(super) trait Events {
    /// The next record or piece of payload; `None` at the end. After an error there is only `None`.
    fn next_event(&mut self) -> Result<Option<ReaderEvent<'_>>, ReadError>;
    /// Header of the last record; zeros before the first.
    fn header(&self) -> &ReplayRecord<LE>;
    /// Returns true if a stream or package has come to its end.
    fn is_done(&self) -> bool;
}

impl<R: Read> Events for StreamReader<R> {
    fn next_event(&mut self) -> Result<Option<ReaderEvent<'_>>, ReadError> {
        Self::next_event(self)
    }

    fn header(&self) -> &ReplayRecord<LE> {
        Self::header(self)
    }

    fn is_done(&self) -> bool {
        self.parser().is_done()
    }
}

/// Next thing in the pieces.
enum Next {
    Record(Frame),
    /// Bytes of payload in the last piece.
    Payload(Range<usize>),
}

/// A stream in pieces, of which nothing is copied but headers that lie in two.
pub(super) struct Pieces {
    ahead: ReadAhead,
    parser: Parser,
    piece: Bytes,
    /// Bytes of the piece that were used.
    used: usize,
    is_stopped: bool,
}

impl Pieces {
    pub(super) fn new(ahead: ReadAhead, options: Options) -> Self {
        let parser = Parser::with_options(options);
        Self { ahead, parser, piece: Bytes::new(), used: 0, is_stopped: false }
    }

    fn step(&mut self) -> Result<Option<Next>, ReadError> {
        loop {
            let (used, event) = self.parser.parse(&self.piece[self.used..])?;
            let start = self.used;
            self.used += used;
            match event {
                ReaderEvent::Record(frame) => return Ok(Some(Next::Record(frame))),
                ReaderEvent::Payload(_) => return Ok(Some(Next::Payload(start..self.used))),
                ReaderEvent::NeedMore(_) if self.used < self.piece.len() => {
                    return self.split_header();
                }
                ReaderEvent::NeedMore(_) => {
                    if !self.refill(0)? {
                        self.parser.finish(0)?;
                        return Ok(None);
                    }
                }
            }
        }
    }

    /// A record whose header lies in more than one piece.
    fn split_header(&mut self) -> Result<Option<Next>, ReadError> {
        let (mut raw, mut have) = ([0; RECORD_SIZE], 0);
        while have < RECORD_SIZE {
            let rest = &self.piece[self.used..];
            let take = rest.len().min(RECORD_SIZE - have);
            raw[have..have + take].copy_from_slice(&rest[..take]);
            (have, self.used) = (have + take, self.used + take);
            if have < RECORD_SIZE && !self.refill(have)? {
                self.parser.finish(have)?;
                return Ok(None);
            }
        }
        match self.parser.parse(&raw)? {
            (_, ReaderEvent::Record(frame)) => Ok(Some(Next::Record(frame))),
            // A whole header is a record, or an error.
            (_, ReaderEvent::NeedMore(_) | ReaderEvent::Payload(_)) => Ok(None),
        }
    }

    /// Takes the next piece, `have` bytes being read and not parsed; returns false at the end.
    fn refill(&mut self, have: usize) -> Result<bool, ReadError> {
        let offset = self.parser.offset() + have as u64;
        let next = self.ahead.next().map_err(|source| ReadError::Io { offset, source })?;
        (self.piece, self.used) = (next.unwrap_or_default(), 0);
        Ok(!self.piece.is_empty())
    }
}

impl Events for Pieces {
    fn next_event(&mut self) -> Result<Option<ReaderEvent<'_>>, ReadError> {
        if self.is_stopped {
            return Ok(None);
        }
        let step = self.step();
        self.is_stopped = !matches!(step, Ok(Some(_)));
        Ok(step?.map(|next| match next {
            Next::Record(frame) => ReaderEvent::Record(frame),
            Next::Payload(range) => ReaderEvent::Payload(&self.piece[range]),
        }))
    }

    fn header(&self) -> &ReplayRecord<LE> {
        self.parser.header()
    }

    fn is_done(&self) -> bool {
        self.parser.is_done()
    }
}
