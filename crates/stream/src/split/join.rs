//! Parts on their way to the whole.

use super::check::{PartState, check_part, find};
use super::error::SplitError;
use super::manifest::{Manifest, part_name};
use super::pieces::{way, write_all};
use super::vouched::{Stop, Vouched};
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
    let spawned = |name: &str| thread::Builder::new().name(name.into());
    let bytes = thread::scope(|scope| {
        let (to_writer, pieces) = way();
        let (to, passed) = way();
        let out = &mut out;
        let write = move || write_all(out, pieces.into_iter());
        let writer = spawned("write").spawn_scoped(scope, write).map_err(SplitError::Write)?;
        let hash = move || hashed(list.hash, passed.into_iter(), &to_writer);
        let hasher = spawned("hash").spawn_scoped(scope, hash).map_err(SplitError::Write)?;
        let waiting = Some(Vouched::default());
        let mut joining = Joining { folder, list, order, waiting, reads_twice: false, to };
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
    /// Records that no sum vouches for yet; nothing if the stream has no sums.
    waiting: Option<Vouched>,
    /// Parts are checked by themselves before, as nothing else vouches for them.
    reads_twice: bool,
    to: SyncSender<Passed>,
}

impl Joining<'_> {
    /// Gives all parts to the writer. Their bytes.
    fn all(&mut self) -> Result<u64, SplitError> {
        let numbers = 1..=self.list.parts.len() as u64;
        let bytes = numbers.map(|number| self.pass(number)).sum::<Result<u64, _>>()?;
        let last = self.waiting.take().into_iter().flat_map(Vouched::into_rest).collect();
        self.send(Passed::Last(last))?;
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

    fn send(&self, passed: Passed) -> Result<(), SplitError> {
        // What a writer that is gone has to tell comes first.
        self.to.send(passed).map_err(|_| SplitError::Write(io::ErrorKind::Other.into()))
    }

    /// Gives a part to the writer. Its bytes.
    fn pass(&mut self, number: u64) -> Result<u64, SplitError> {
        let (path, part) = find(self.folder, self.list, number)?;
        let failed = || SplitError::io("read", &path);
        if self.reads_twice {
            check(self.folder, self.list, number)?;
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
        // Looked at while the cache of whoever has read it has it.
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
        let Some(mut waiting) = self.waiting.take() else {
            return self.send(Passed::Piece(piece));
        };
        let mut given = Ok(());
        let checked = waiting.take(piece, |piece| {
            if given.is_ok() {
                given = self.send(Passed::Piece(piece));
            }
        });
        given?;
        let first = self.list.parts.partition_point(|part| part.offset <= waiting.from()) as u64;
        let check = |number| check(self.folder, self.list, number);
        match checked {
            Ok(()) => {
                self.waiting = Some(waiting);
                Ok(())
            }
            Err(Stop::Damaged) => {
                // The damage may be at the end of a part before.
                (first..=number).try_for_each(check)?;
                // It is whole by now: whoever wrote to it was not done.
                Err(wrong(self.folder, number, &PartState::Damaged { before: None }))
            }
            Err(Stop::NoSums) => {
                if self.order == JoinOrder::Before {
                    (first..=number).try_for_each(check)?;
                    self.reads_twice = true;
                }
                waiting.into_rest().try_for_each(|piece| self.send(Passed::Piece(piece)))
            }
        }
    }
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
