//! Parts on their way to the whole.

use super::check::{PartState, check_part, find};
use super::error::SplitError;
use super::manifest::{Manifest, Part, part_name};
use super::pieces::{way, write_all};
use super::vouched::{StopReason, Vouched};
use crate::folder;
use crate::in_turn::{Pieces, each_piece};
use blake3::{Hash, Hasher};
use std::io::{self, Write};
use std::panic::resume_unwind;
use std::path::Path;
use std::sync::mpsc::SyncSender;
use std::thread::{self, ScopedJoinHandle};
use zsend_records::bytes::Bytes;

/// Time at which the parts are checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinOrder {
    /// Before their bytes are written, which cannot be taken back: the first part by its hash, a record of the others once a
    /// sum behind it fits, and the last ones once the whole has its hash. A part with bytes that no sum covers is read twice,
    /// as the first one is.
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
    let spawned = |name: &str| thread::Builder::new().name(name.into());
    let bytes = thread::scope(|scope| {
        let (to_writer, pieces) = way();
        let (to, passed) = way();
        let out = &mut out;
        let write = move || write_all(out, pieces.into_iter());
        let writer = spawned("write").spawn_scoped(scope, write).map_err(SplitError::Write)?;
        let hash = move || hashed(list.hash, passed.into_iter(), &to_writer);
        let hasher = spawned("hash").spawn_scoped(scope, hash).map_err(SplitError::Write)?;
        let waiting = Vouched::new(list.length, order == JoinOrder::Before);
        let mut joining = Joining { folder, list, order, waiting, checked: 0, to };
        let passed = joining.all();
        let wrong = joining.end(hasher);
        // Behind an error of writing, nothing else is of account.
        let written = writer.join().unwrap_or_else(|panic| resume_unwind(panic));
        written.map_err(SplitError::Write)?;
        passed.and_then(|bytes| wrong.map(|()| bytes))
    })?;
    out.flush().map_err(SplitError::Write)?;
    Ok(Joined { parts: list.parts.len() as u64, bytes })
}

/// Bytes of the whole on their way to the writer.
enum Passed {
    /// They may be written.
    Piece(Bytes),
    /// The last ones, which may be written if the whole has its hash.
    Last(Vec<Bytes>),
}

/// Hashes the whole, and passes it on; the hash, once all came.
fn hashed(
    expected: Hash,
    passed: impl Iterator<Item = Passed>,
    to: &SyncSender<Bytes>,
) -> Option<Hash> {
    let mut hasher = Hasher::new();
    for passed in passed {
        match passed {
            Passed::Piece(piece) => {
                hasher.update(&piece);
                // A writer that is gone tells why.
                to.send(piece).ok()?;
            }
            Passed::Last(pieces) => {
                for piece in &pieces {
                    hasher.update(piece);
                }
                let hash = hasher.finalize();
                if hash == expected {
                    pieces.into_iter().try_for_each(|piece| to.send(piece)).ok()?;
                }
                return Some(hash);
            }
        }
    }
    None
}

/// A join that is under way.
struct Joining<'a> {
    folder: &'a Path,
    list: &'a Manifest,
    order: JoinOrder,
    waiting: Vouched,
    /// Number of the last part that was checked by itself.
    checked: u64,
    to: SyncSender<Passed>,
}

impl Joining<'_> {
    /// Gives all parts to the writer. Their bytes.
    fn all(&mut self) -> Result<u64, SplitError> {
        let numbers = 1..=self.list.parts.len() as u64;
        let bytes = numbers.map(|number| self.pass(number)).sum::<Result<u64, _>>()?;
        self.to.send(Passed::Last(self.waiting.rest())).map_err(|_| gone())?;
        Ok(bytes)
    }

    /// Refuses a whole that has another hash. As every byte of it is in a part, the hashes of the parts need not be looked
    /// at before.
    fn end(self, hasher: ScopedJoinHandle<'_, Option<Hash>>) -> Result<(), SplitError> {
        let Self { folder, list, to, .. } = self;
        drop(to);
        let found = hasher.join().unwrap_or_else(|panic| resume_unwind(panic));
        let Some(found) = found.filter(|&found| found != list.hash) else { return Ok(()) };
        (1..=list.parts.len() as u64).try_for_each(|number| check(folder, list, number))?;
        let [found, expected] = [found, list.hash].map(|hash| hash.to_hex().to_string());
        Err(SplitError::Whole { found, expected })
    }

    /// Gives a part to the writer. Its bytes.
    fn pass(&mut self, number: u64) -> Result<u64, SplitError> {
        let (path, part) = find(self.folder, self.list, number)?;
        let failed = || SplitError::io("read", &path);
        // Nothing else tells whether the first part is one of this stream.
        if self.order == JoinOrder::Before && number == 1 {
            check(self.folder, self.list, number)?;
            self.checked = number;
        }
        if !self.waiting.fits(part) {
            return Err(self.damaged(number));
        }
        let Some(file) = folder::open_if_there(&path).map_err(failed())? else {
            return Err(wrong(self.folder, number, &PartState::Missing));
        };
        let found = file.metadata().map_err(failed())?.len();
        let of_length = |found| PartState::Length { found, expected: part.length };
        if found != part.length {
            return Err(wrong(self.folder, number, &of_length(found)));
        }
        let (mut length, mut fault) = (0_u64, None);
        // Summed up while the cache of whoever has read it has it.
        let look = |piece: Bytes| {
            length += piece.len() as u64;
            if length > part.length {
                return false;
            }
            let given = self.give(piece, number);
            fault = given.err();
            fault.is_none()
        };
        each_piece(file, Pieces::LARGE, look).map_err(failed())?;
        match fault {
            Some(fault) => Err(fault),
            None if length != part.length => Err(wrong(self.folder, number, &of_length(length))),
            None => Ok(length),
        }
    }

    /// Gives bytes of a part to the writer, as far as they may go.
    fn give(&mut self, piece: Bytes, number: u64) -> Result<(), SplitError> {
        let Self { folder, list, waiting, checked, to, .. } = self;
        let mut is_gone = false;
        let give = |piece| is_gone |= to.send(Passed::Piece(piece)).is_err();
        let done = waiting.take(piece, give, |from| {
            let mut whole = from;
            for (number, part) in parts_from(list, from, number) {
                if number > *checked {
                    if let Err(fault) = check(folder, list, number) {
                        return (whole, Err(fault));
                    }
                    *checked = number;
                }
                whole = part.end();
            }
            (whole, Ok(()))
        });
        if is_gone {
            return Err(gone());
        }
        done.map_err(|stop| match stop {
            StopReason::Part(fault) => fault,
            StopReason::Damaged => self.damaged(number),
        })
    }

    /// The fault of the part that is read, or of one before that nothing vouches for.
    fn damaged(&self, number: u64) -> SplitError {
        let checked = parts_from(self.list, self.waiting.from(), number)
            .try_for_each(|(number, _)| check(self.folder, self.list, number));
        // Or it is whole by now: whoever wrote to it was not done.
        let damaged = || wrong(self.folder, number, &PartState::Damaged { before: None });
        checked.err().unwrap_or_else(damaged)
    }
}

/// Parts from the one that has this byte to another, with their numbers.
fn parts_from(list: &Manifest, from: u64, number: u64) -> impl Iterator<Item = (u64, &Part)> {
    (1..=number).zip(&list.parts).skip_while(move |(_, part)| part.end() <= from)
}

/// Stands for the error of a writer that is gone, which comes first.
fn gone() -> SplitError {
    SplitError::Write(io::ErrorKind::BrokenPipe.into())
}

/// Refuses a part that is not whole.
fn check(folder: &Path, list: &Manifest, number: u64) -> Result<(), SplitError> {
    match check_part(folder, list, number)? {
        PartState::Whole => Ok(()),
        state => Err(wrong(folder, number, &state)),
    }
}

fn wrong(folder: &Path, number: u64, state: &PartState) -> SplitError {
    SplitError::Part { path: folder.join(part_name(number)), why: state.to_string() }
}
