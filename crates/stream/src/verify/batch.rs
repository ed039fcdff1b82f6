//! Records through all checks: one by one, or several at once while the next are read.

use super::VerifyError;
use super::checker::Checker;
use super::framer::{Frame, Framer, Next, Payload};
use super::verdict::Part;
use super::work::{Worked, work};
use rayon::prelude::*;
use std::io;
use zsend_records::drr::RECORD_SIZE;
use zsend_records::reader::StreamErrorKind;

/// Bytes of payloads, and of what they decompress to, that are looked at together.
const BATCH_BYTES: u64 = 8 << 20;
/// Records that are looked at together.
const BATCH_RECORDS: usize = 512;

/// Records that are looked at together, and what comes behind them.
#[derive(Debug, Default)]
struct Batch {
    records: Vec<(Frame, Payload)>,
    /// Bytes that they take.
    cost: u64,
    /// The next record, whose payload is not read yet.
    next: Option<Box<Frame>>,
    end: Option<Last>,
}

/// End of a batch: the part of the input behind its records.
#[derive(Debug)]
enum Last {
    Bad { record: u64, byte: u64, kind: StreamErrorKind },
    Cut(Part),
    End,
    Failed(io::Error),
}

/// Checks records whose payloads are summed up as they come.
pub(super) fn one_by_one(mut framer: Framer, checker: &mut Checker<'_>) -> Result<(), VerifyError> {
    while !checker.is_over() {
        let last = match framer.next() {
            Ok(Next::Frame(mut frame)) => match framer.payload(&mut frame, false) {
                Ok(Ok(payload)) => {
                    checker.record(&frame, &payload, &work(&frame, &payload))?;
                    continue;
                }
                Ok(Err(cut)) => {
                    // The header is there, and may be wrong.
                    checker.cut_record(&frame)?;
                    Last::from(cut)
                }
                Err(error) => Last::Failed(error),
            },
            Ok(other) => Last::from(other),
            Err(error) => Last::Failed(error),
        };
        if finish(last, checker)? {
            break;
        }
    }
    Ok(())
}

/// Checks records in batches: while the payloads of one are looked at, the next is read.
pub(super) fn in_batches(mut framer: Framer, checker: &mut Checker<'_>) -> Result<(), VerifyError> {
    let mut batch = read_batch(&mut framer, None);
    loop {
        let Batch { records, cost, next, end } = batch;
        let is_last = end.is_some();
        let look = || -> Vec<Worked> {
            records.par_iter().map(|(frame, payload)| work(frame, payload)).collect()
        };
        let (worked, following) = if is_last {
            (look(), Batch { next, ..Batch::default() })
        } else if cost > BATCH_BYTES {
            // One record that is larger than that; the next may be, too.
            (look(), read_batch(&mut framer, next))
        } else {
            rayon::join(look, || read_batch(&mut framer, next))
        };
        for ((frame, payload), worked) in records.iter().zip(&worked) {
            checker.record(frame, payload, worked)?;
            if checker.is_over() {
                return Ok(());
            }
        }
        batch = following;
        if let Some(last) = end {
            if let Some(frame) = batch.next.take() {
                checker.cut_record(&frame)?;
            }
            if checker.is_over() || finish(last, checker)? {
                return Ok(());
            }
            batch = read_batch(&mut framer, None);
        }
    }
}

/// Reads as many records as are looked at together; `first` is one whose header was read already.
fn read_batch(framer: &mut Framer, mut first: Option<Box<Frame>>) -> Batch {
    let mut batch = Batch::default();
    while batch.records.len() < BATCH_RECORDS {
        let next = first.take().map_or_else(|| framer.next(), |frame| Ok(Next::Frame(frame)));
        let mut frame = match next {
            Ok(Next::Frame(frame)) => frame,
            Ok(other) => {
                batch.end = Some(Last::from(other));
                break;
            }
            Err(error) => {
                batch.end = Some(Last::Failed(error));
                break;
            }
        };
        let cost = frame.cost() + RECORD_SIZE as u64;
        // A large one is looked at alone.
        if batch.cost + cost > BATCH_BYTES && !batch.records.is_empty() {
            batch.next = Some(frame);
            break;
        }
        match framer.payload(&mut frame, true) {
            Ok(Ok(payload)) => {
                batch.cost += cost;
                batch.records.push((*frame, payload));
            }
            Ok(Err(cut)) => {
                batch.next = Some(frame);
                batch.end = Some(Last::from(cut));
                break;
            }
            Err(error) => {
                batch.end = Some(Last::Failed(error));
                break;
            }
        }
    }
    batch
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
            Next::Cut { what, have, need } => Self::Cut(Part { what, have, need }),
            // A record is taken before.
            Next::End | Next::Frame(_) => Self::End,
        }
    }
}
