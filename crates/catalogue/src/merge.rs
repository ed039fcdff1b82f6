//! Catalogues of shards, made one.

use crate::catalogue::files;
use crate::error::{LineError, Result};
use crate::read;
use crate::writer::CatalogueWriter;
use std::path::{Path, PathBuf};

/// The outcome of a merge.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Merged {
    /// Streams that were added.
    pub added: u64,
    /// Streams that were there.
    pub known: u64,
    /// Lines that say something else of a stream than one that was there, by their catalogue and number.
    pub conflicts: Vec<(PathBuf, u64, LineError)>,
}

/// Adds to a folder's own catalogue, `catalogue.jsonl`, what it lacks of others: of those in `from`, or, if
/// that is empty, of the shards' in the folder. Those stay as they are.
///
/// # Errors
/// Those of reading and writing. A conflict is none: the line that was there stays.
pub fn merge(folder: &Path, from: &[PathBuf]) -> Result<Merged> {
    let mut merged = Merged::default();
    let mut to = CatalogueWriter::alone(folder)?;
    let own = to.path().to_owned();
    let from = if from.is_empty() { files(folder)? } else { from.to_vec() };
    // What was added is known, too: the second of two new lines may contradict the first.
    let mut known = to.known().clone();
    for path in from.iter().filter(|path| **path != own) {
        for (number, entry) in (1..).zip(read::file(path)?.entries) {
            match known.add(entry.clone()) {
                Ok(true) => {
                    to.append(entry)?;
                    merged.added += 1;
                }
                Ok(false) => merged.known += 1,
                Err(why) => merged.conflicts.push((path.clone(), number, why)),
            }
        }
    }
    Ok(merged)
}
