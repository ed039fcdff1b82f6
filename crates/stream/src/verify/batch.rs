//! Records through all checks: one by one, or several at once while the next are read.

use super::VerifyError;
use super::checker::Checker;
use super::frame::PlacedFrame;
use super::framer::{Framer, Next, SeenPayload};
use super::verdict::CutPart;
use super::work::{Worked, work};
use crate::input::Input;
use crate::read_ahead::ReadAhead;
use rayon::prelude::*;
use std::io;
use std::mem::take;
use zsend_records::drr::RECORD_SIZE;
use zsend_records::reader::StreamErrorKind;

/// Bytes of payloads, and of what they decompress to, that are looked at together.
const BATCH_BYTES: u64 = 8 << 20;
/// Records that are looked at together.
const BATCH_RECORDS: usize = 512;

/// Records that are looked at together, and what comes behind them.
#[derive(Debug, Default)]
struct FrameBatch {
    records: Vec<(PlacedFrame, SeenPayload)>,
    /// Bytes that they take.
    cost: u64,
    /// A record follows, whose header was read, and its payload not.
    has_header: bool,
    end: Option<Last>,
}

/// End of a batch: the part of the input behind its records.
#[derive(Debug)]
enum Last {
    Bad { record: u64, byte: u64, kind: StreamErrorKind },
    Cut(CutPart),
    End,
    Failed(io::Error),
}

/// Checks records whose payloads are summed up as they come, piece by piece.
#[derive(Debug)]
pub(super) struct OneByOne<'c, 'a> {
    framer: Framer,
    checker: &'c mut Checker<'a>,
    /// True if the payload of the last record is not all there.
    is_within: bool,
    error: Option<VerifyError>,
}

impl<'c, 'a> OneByOne<'c, 'a> {
    pub(super) const fn new(framer: Framer, checker: &'c mut Checker<'a>) -> Self {
        Self { framer, checker, is_within: false, error: None }
    }

    /// Takes the next piece; returns false if nothing more is wanted.
    pub(super) fn goes_on(&mut self, piece: &[u8]) -> bool {
        self.error = self.piece(piece).err();
        self.error.is_none() && !self.checker.is_over()
    }

    fn piece(&mut self, mut piece: &[u8]) -> Result<(), VerifyError> {
        while !self.checker.is_over() {
            if !self.is_within {
                match self.framer.next(&mut piece) {
                    None => break,
                    Some(Next::Frame) => {}
                    Some(other) => {
                        // A header that cannot be followed: the ends are told by `Framer::end`.
                        finish(Last::from(other), self.checker)?;
                        continue;
                    }
                }
            }
            let payload = self.framer.payload(false, &mut piece);
            self.is_within = payload.is_none();
            let Some(payload) = payload else { break };
            let frame = self.framer.frame();
            self.checker.record(frame, &payload, &work(frame, &payload))?;
        }
        Ok(())
    }

    /// The end of the input, or the error behind the last piece.
    pub(super) fn finish(mut self, read: io::Result<()>) -> Result<(), VerifyError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        if self.checker.is_over() {
            return Ok(());
        }
        read.map_err(VerifyError::Read)?;
        if self.is_within {
            // The header is there, and may be wrong.
            self.checker.cut_record(self.framer.frame())?;
        }
        let mut is_end = self.checker.is_over();
        while !is_end {
            let last = self.framer.end(take(&mut self.is_within));
            is_end = finish(Last::from(last), self.checker)?;
        }
        Ok(())
    }
}

/// The records of an input, in batches.
struct FrameBatches {
    framer: Framer,
    input: Input,
}

/// Checks records in batches: while the payloads of one are looked at, the next is read.
pub(super) fn in_batches(
    framer: Framer,
    source: ReadAhead,
    checker: &mut Checker<'_>,
) -> Result<(), VerifyError> {
    let mut batches = FrameBatches { framer, input: Input::new(source) };
    let mut batch = batches.read(false);
    loop {
        let FrameBatch { records, cost, has_header, end } = batch;
        let is_last = end.is_some();
        let look = || -> Vec<Worked> {
            records.par_iter().map(|(frame, payload)| work(frame, payload)).collect()
        };
        let (worked, following) = if is_last {
            (look(), FrameBatch { has_header, ..FrameBatch::default() })
        } else if cost > BATCH_BYTES {
            // One record that is larger than that; the next may be, too.
            (look(), batches.read(has_header))
        } else {
            rayon::join(look, || batches.read(has_header))
        };
        for ((frame, payload), worked) in records.iter().zip(&worked) {
            checker.record(frame, payload, worked)?;
            if checker.is_over() {
                return Ok(());
            }
        }
        batch = following;
        if let Some(last) = end {
            if take(&mut batch.has_header) {
                checker.cut_record(batches.framer.frame())?;
            }
            if checker.is_over() || finish(last, checker)? {
                return Ok(());
            }
            batch = batches.read(false);
        }
    }
}

impl FrameBatches {
    /// Reads as many records as are looked at together; the header of the `first` may have been read already.
    fn read(&mut self, mut first: bool) -> FrameBatch {
        let mut batch = FrameBatch::default();
        while batch.records.len() < BATCH_RECORDS && batch.end.is_none() {
            match if take(&mut first) { Ok(Next::Frame) } else { self.next() } {
                Ok(Next::Frame) => {}
                Ok(other) => {
                    batch.end = Some(Last::from(other));
                    break;
                }
                Err(error) => {
                    batch.end = Some(Last::Failed(error));
                    break;
                }
            }
            let cost = self.framer.frame().cost() + RECORD_SIZE as u64;
            // A large one is looked at alone.
            if batch.cost + cost > BATCH_BYTES && !batch.records.is_empty() {
                batch.has_header = true;
                break;
            }
            match self.payload() {
                Ok(Ok(payload)) => {
                    batch.cost += cost;
                    batch.records.push((self.framer.frame().clone(), payload));
                }
                Ok(Err(cut)) => {
                    batch.has_header = true;
                    batch.end = Some(Last::from(cut));
                }
                Err(error) => batch.end = Some(Last::Failed(error)),
            }
        }
        batch
    }

    fn next(&mut self) -> io::Result<Next> {
        loop {
            if let Some(next) = self.framer.next(&mut self.input.rest) {
                return Ok(next);
            }
            if !self.input.fill()? {
                return Ok(self.framer.end(false));
            }
        }
    }

    /// The payload of a record; the error in it is the cut.
    fn payload(&mut self) -> io::Result<Result<SeenPayload, Next>> {
        loop {
            if let Some(payload) = self.framer.payload(true, &mut self.input.rest) {
                return Ok(Ok(payload));
            }
            if !self.input.fill()? {
                return Ok(Err(self.framer.end(true)));
            }
        }
    }
}

/// Takes in what is no record; says if nothing follows it.
fn finish(last: Last, checker: &mut Checker<'_>) -> Result<bool, VerifyError> {
    match last {
        Last::Bad { record, byte, kind } => {
            checker.bad(record, byte, &kind)?;
            return Ok(checker.is_over());
        }
        Last::Cut(part) => checker.end(Some(part))?,
        Last::End => checker.end(None)?,
        Last::Failed(error) => return Err(VerifyError::Read(error)),
    }
    Ok(true)
}

impl From<Next> for Last {
    fn from(next: Next) -> Self {
        match next {
            Next::Bad { record, byte, kind } => Self::Bad { record, byte, kind },
            Next::Cut { what, have, need } => Self::Cut(CutPart { what, have, need }),
            // A record is taken before.
            Next::End | Next::Frame => Self::End,
        }
    }
}

#[cfg(test)]
mod tests;
