//! Parts on their way to the whole.

use super::check::{PartState, check_part, find};
use super::error::SplitError;
use super::manifest::Manifest;
use super::pieces::{way, write_all};
use crate::folder;
use crate::in_turn::{Pieces, each_piece};
use blake3::Hasher;
use std::io::Write;
use std::panic::resume_unwind;
use std::path::Path;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;
use zsend_records::bytes::Bytes;

/// Time at which a part is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinOrder {
    /// Before its first byte is written, which reads it twice: what is written cannot be taken back.
    Before,
    /// While it is written: who gives the output its name does so at the end.
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

/// Parts that may be checked and wait to be written.
const AHEAD: usize = 1;

/// Writes the whole of which a folder has the parts.
///
/// # Errors
/// [`SplitError::Part`] if a part is missing or damaged; with [`JoinOrder::Before`] no byte of it was written, and with
/// [`JoinOrder::Meanwhile`] what was written is of no use. [`SplitError::Write`], and those of reading.
pub fn join(
    folder: &Path,
    list: &Manifest,
    mut out: impl Write + Send,
    order: JoinOrder,
) -> Result<Joined, SplitError> {
    let mut whole = Hasher::new();
    // Behind an error of writing, nothing else is of account.
    let bytes = thread::scope(|scope| {
        let (to, pieces) = way();
        let out = &mut out;
        let write = move || write_all(out, &pieces).map_err(SplitError::Write);
        let writer = thread::Builder::new().name("write".into()).spawn_scoped(scope, write);
        let writer = writer.map_err(SplitError::Write)?;
        let passed = match order {
            JoinOrder::Before => checked_before(folder, list, &mut whole, &to),
            JoinOrder::Meanwhile => (1..=list.parts.len() as u64)
                .map(|number| pass(folder, list, number, &mut whole, true, &to))
                .sum(),
        };
        drop(to);
        writer.join().unwrap_or_else(|panic| resume_unwind(panic))?;
        passed
    })?;
    let found = whole.finalize();
    if found != list.hash {
        let [found, expected] = [found, list.hash].map(|hash| hash.to_hex().to_string());
        return Err(SplitError::Whole { found, expected });
    }
    out.flush().map_err(SplitError::Write)?;
    Ok(Joined { parts: list.parts.len() as u64, bytes })
}

/// Gives all parts to the writer, each once it was checked; the next is checked meanwhile. Their bytes.
fn checked_before(
    folder: &Path,
    list: &Manifest,
    whole: &mut Hasher,
    to: &SyncSender<Bytes>,
) -> Result<u64, SplitError> {
    let numbers = 1..=list.parts.len() as u64;
    thread::scope(|scope| {
        let (checked, right) = sync_channel(AHEAD);
        let all = numbers.clone();
        scope.spawn(move || {
            for number in all {
                let state = is_whole(folder, list, number);
                let is_over = state.is_err();
                // Nobody may want to know any more.
                if checked.send(state).is_err() || is_over {
                    return;
                }
            }
        });
        let pass = |(number, state): (u64, Result<(), SplitError>)| {
            state?;
            pass(folder, list, number, whole, false, to)
        };
        numbers.clone().zip(right).map(pass).sum()
    })
}

/// Refuses a part that is not whole.
fn is_whole(folder: &Path, list: &Manifest, number: u64) -> Result<(), SplitError> {
    match check_part(folder, list, number)? {
        PartState::Whole => Ok(()),
        state => wrong(folder, list, number, state),
    }
}

fn wrong<T>(
    folder: &Path,
    list: &Manifest,
    number: u64,
    state: PartState,
) -> Result<T, SplitError> {
    let (path, _) = find(folder, list, number)?;
    Err(SplitError::Part { path, why: state.to_string() })
}

/// Gives a part to the writer, and adds it to the hash of the whole; its own is looked at if `is_new`. Its bytes.
fn pass(
    folder: &Path,
    list: &Manifest,
    number: u64,
    whole: &mut Hasher,
    is_new: bool,
    to: &SyncSender<Bytes>,
) -> Result<u64, SplitError> {
    let (path, part) = find(folder, list, number)?;
    let failed = || SplitError::io("read", &path);
    let Some(file) = folder::open_if_there(&path).map_err(failed())? else {
        return wrong(folder, list, number, PartState::Missing);
    };
    let found = file.metadata().map_err(failed())?.len();
    let (mut own, mut length) = (Hasher::new(), 0_u64);
    // Hashed while the cache of whoever has read it has it.
    let look = |piece: Bytes| {
        length += piece.len() as u64;
        if length > part.length {
            return false;
        }
        whole.update(&piece);
        if is_new {
            own.update(&piece);
        }
        // A writer that is gone tells why.
        to.send(piece).is_ok()
    };
    each_piece(file, Pieces::LARGE, look).map_err(failed())?;
    if length != part.length {
        let state = PartState::Length { found: found.max(length), expected: part.length };
        return wrong(folder, list, number, state);
    }
    if is_new && own.finalize() != part.hash {
        is_whole(folder, list, number)?;
        // It is by now: whoever wrote to it was not done.
        return wrong(folder, list, number, PartState::Damaged { before: None });
    }
    Ok(length)
}
