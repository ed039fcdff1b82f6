//! Parts on their way to the whole.

use super::check::{PartState, check_part, find};
use super::error::SplitError;
use super::manifest::Manifest;
use super::pieces::way;
use super::vouched::{Stop, Vouched};
use crate::folder;
use crate::in_turn::{Pieces, each_piece};
use blake3::{Hash, Hasher};
use std::io::{self, Write};
use std::panic::resume_unwind;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender};
use std::thread;
use zsend_records::bytes::Bytes;

/// Time at which a part is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinOrder {
    /// Before its bytes are written, which cannot be taken back: a record once a sum behind it fits, and the last ones once
    /// the part does.
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
    // Behind an error of writing, nothing else is of account.
    let (bytes, found) = thread::scope(|scope| {
        let (to, pieces) = way();
        let out = &mut out;
        let write = move || write_hashed(out, &pieces).map_err(SplitError::Write);
        let writer = thread::Builder::new().name("write".into()).spawn_scoped(scope, write);
        let writer = writer.map_err(SplitError::Write)?;
        let numbers = 1..=list.parts.len() as u64;
        let passed: Result<u64, _> =
            numbers.map(|number| pass(folder, list, number, order, &to)).sum();
        drop(to);
        let hash = writer.join().unwrap_or_else(|panic| resume_unwind(panic))?;
        Ok::<_, SplitError>((passed?, hash))
    })?;
    if found != list.hash {
        let [found, expected] = [found, list.hash].map(|hash| hash.to_hex().to_string());
        return Err(SplitError::Whole { found, expected });
    }
    out.flush().map_err(SplitError::Write)?;
    Ok(Joined { parts: list.parts.len() as u64, bytes })
}

/// Writes all pieces that come; the hash of them together.
fn write_hashed(mut out: impl Write, pieces: &Receiver<Bytes>) -> io::Result<Hash> {
    let mut whole = Hasher::new();
    for piece in pieces {
        whole.update(&piece);
        out.write_all(&piece)?;
    }
    Ok(whole.finalize())
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

/// Gives a part to the writer. Its bytes.
fn pass(
    folder: &Path,
    list: &Manifest,
    number: u64,
    order: JoinOrder,
    to: &SyncSender<Bytes>,
) -> Result<u64, SplitError> {
    let (path, part) = find(folder, list, number)?;
    let failed = || SplitError::io("read", &path);
    let Some(file) = folder::open_if_there(&path).map_err(failed())? else {
        return wrong(folder, list, number, PartState::Missing);
    };
    let found = file.metadata().map_err(failed())?.len();
    let mut waiting = (order == JoinOrder::Before).then(|| Vouched::new(part));
    let (mut own, mut length, mut fault) = (Hasher::new(), 0_u64, None);
    // Hashed while the cache of whoever has read it has it.
    let look = |piece: Bytes| {
        length += piece.len() as u64;
        if length > part.length {
            return false;
        }
        own.update(&piece);
        // A writer that is gone tells why.
        let mut is_gone = false;
        let mut give = |piece| is_gone |= to.send(piece).is_err();
        let checked = match waiting.as_mut().map(|vouched| vouched.take(piece.clone(), &mut give)) {
            None => {
                give(piece);
                Ok(())
            }
            Some(Ok(())) => Ok(()),
            Some(Err(Stop::Damaged { record, byte })) => {
                let state = PartState::Damaged { before: Some((record, byte)) };
                wrong(folder, list, number, state)
            }
            // It is read twice.
            Some(Err(Stop::NoSums)) => is_whole(folder, list, number).map(|()| {
                waiting.take().into_iter().flat_map(Vouched::into_rest).for_each(&mut give);
            }),
        };
        fault = checked.err();
        !is_gone && fault.is_none()
    };
    each_piece(file, Pieces::LARGE, look).map_err(failed())?;
    if let Some(fault) = fault {
        return Err(fault);
    }
    if length != part.length {
        let state = PartState::Length { found: found.max(length), expected: part.length };
        return wrong(folder, list, number, state);
    }
    if own.finalize() != part.hash {
        is_whole(folder, list, number)?;
        // It is by now: whoever wrote to it was not done.
        return wrong(folder, list, number, PartState::Damaged { before: None });
    }
    for piece in waiting.into_iter().flat_map(Vouched::into_rest) {
        // As above.
        let _ = to.send(piece);
    }
    Ok(length)
}
