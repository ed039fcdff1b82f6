//! Parts on their way to the whole.

use super::check::{PartState, check_part, find};
use super::error::SplitError;
use super::manifest::{Manifest, part_name};
use super::pieces::{way, write_all};
use super::vouched::{Stop, Vouched};
use crate::folder;
use crate::in_turn::{Pieces, each_piece};
use blake3::Hasher;
use std::io::{self, Write};
use std::panic::resume_unwind;
use std::path::Path;
use std::sync::mpsc::SyncSender;
use std::thread;
use zsend_records::bytes::Bytes;

/// Time at which the parts are checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinOrder {
    /// Before their bytes are written, which cannot be taken back: a record once a sum behind it fits, and the last ones
    /// once the whole has its hash.
    Before,
    /// While they are written: who gives the output its name does so at the end.
    Meanwhile,
}

/// Result of a join.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Joined {
    /// Number of parts.
    pub parts: u64,
    /// Bytes that were written.
    pub bytes: u64,
}

/// Writes the whole of which a folder has the parts.
///
/// # Errors
/// [`SplitError::Part`] if a part is missing or damaged; with [`JoinOrder::Before`] what was written is the beginning of the
/// whole, up to the record before the damage at most, and with [`JoinOrder::Meanwhile`] it is of no use. [`SplitError::Write`],
/// and those of reading.
pub fn join(
    folder: &Path,
    list: &Manifest,
    mut out: impl Write + Send,
    order: JoinOrder,
) -> Result<Joined, SplitError> {
    let bytes = thread::scope(|scope| {
        let (to, pieces) = way();
        let out = &mut out;
        let write = move || write_all(out, &pieces).map_err(SplitError::Write);
        let writer = thread::Builder::new().name("write".into()).spawn_scoped(scope, write);
        let writer = writer.map_err(SplitError::Write)?;
        let waiting = Some(Vouched::default());
        let joining =
            Joining { folder, list, order, hash: Hasher::new(), waiting, reads_twice: false, to };
        let passed = joining.all();
        // Behind an error of writing, nothing else is of account.
        writer.join().unwrap_or_else(|panic| resume_unwind(panic))?;
        passed
    })?;
    out.flush().map_err(SplitError::Write)?;
    Ok(Joined { parts: list.parts.len() as u64, bytes })
}

/// A join that is under way.
struct Joining<'a> {
    folder: &'a Path,
    list: &'a Manifest,
    order: JoinOrder,
    /// Hash of the whole, up to there: as every byte of it is in a part, those of the parts need not be looked at.
    hash: Hasher,
    /// Records that no sum vouches for yet; nothing if the stream has no sums.
    waiting: Option<Vouched>,
    /// Parts are checked by themselves before, as nothing else vouches for them.
    reads_twice: bool,
    to: SyncSender<Bytes>,
}

impl Joining<'_> {
    /// Gives all parts to the writer. Their bytes.
    fn all(mut self) -> Result<u64, SplitError> {
        let numbers = 1..=self.list.parts.len() as u64;
        let bytes = numbers.clone().map(|number| self.pass(number)).sum::<Result<u64, _>>()?;
        let (found, expected) = (self.hash.finalize(), self.list.hash);
        if found != expected {
            numbers.clone().try_for_each(|number| self.check(number))?;
            let [found, expected] = [found, expected].map(|hash| hash.to_hex().to_string());
            return Err(SplitError::Whole { found, expected });
        }
        for piece in self.waiting.into_iter().flat_map(Vouched::into_rest) {
            // A writer that is gone tells why.
            let _ = self.to.send(piece);
        }
        Ok(bytes)
    }

    /// Gives a part to the writer. Its bytes.
    fn pass(&mut self, number: u64) -> Result<u64, SplitError> {
        let (path, part) = find(self.folder, self.list, number)?;
        let failed = || SplitError::io("read", &path);
        if self.reads_twice {
            self.check(number)?;
        }
        let Some(file) = folder::open_if_there(&path).map_err(failed())? else {
            return Err(self.wrong(number, PartState::Missing));
        };
        let found = file.metadata().map_err(failed())?.len();
        let of_length = |found| PartState::Length { found, expected: part.length };
        if found != part.length {
            return Err(self.wrong(number, of_length(found)));
        }
        let (mut length, mut fault) = (0_u64, None);
        // Looked at while the cache of whoever has read it has it.
        let look = |piece: Bytes| {
            length += piece.len() as u64;
            if length > part.length {
                return false;
            }
            self.hash.update(&piece);
            let given = self.give(piece, number);
            fault = given.err();
            fault.is_none()
        };
        each_piece(file, Pieces::LARGE, look).map_err(failed())?;
        match fault {
            Some(fault) => Err(fault),
            None if length != part.length => Err(self.wrong(number, of_length(length))),
            None => Ok(length),
        }
    }

    /// Gives bytes of a part to the writer, as far as they may go.
    fn give(&mut self, piece: Bytes, number: u64) -> Result<(), SplitError> {
        // What a writer that is gone has to tell comes first.
        let to =
            |piece| self.to.send(piece).map_err(|_| SplitError::Write(io::ErrorKind::Other.into()));
        let Some(waiting) = &mut self.waiting else { return to(piece) };
        let mut given = Ok(());
        let checked = waiting.take(piece, |piece| {
            given = std::mem::replace(&mut given, Ok(())).and_then(|()| to(piece))
        });
        given?;
        let first = self.list.parts.partition_point(|part| part.offset <= waiting.from()) as u64;
        match checked {
            Ok(()) => Ok(()),
            Err(Stop::Damaged) => {
                // The damage may be at the end of a part before.
                (first..=number).try_for_each(|number| self.check(number))?;
                // It is whole by now: whoever wrote to it was not done.
                Err(self.wrong(number, PartState::Damaged { before: None }))
            }
            Err(Stop::NoSums) => {
                if self.order == JoinOrder::Before {
                    (first..=number).try_for_each(|number| self.check(number))?;
                    self.reads_twice = true;
                }
                self.waiting.take().into_iter().flat_map(Vouched::into_rest).try_for_each(to)
            }
        }
    }

    /// Refuses a part that is not whole.
    fn check(&self, number: u64) -> Result<(), SplitError> {
        match check_part(self.folder, self.list, number)? {
            PartState::Whole => Ok(()),
            state => Err(self.wrong(number, state)),
        }
    }

    fn wrong(&self, number: u64, state: PartState) -> SplitError {
        let path = self.folder.join(part_name(number));
        SplitError::Part { path, why: state.to_string() }
    }
}
