//! Catalogues of shards, made one.

use crate::catalogue::Catalogue;
use crate::error::{CatalogueError, LineError, Result};
use crate::files::{self, OWN};
use crate::settings;
use crate::writer::CatalogueWriter;
use std::fs;
use std::path::{Path, PathBuf};

/// The outcome of a merge.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Merged {
    /// Streams that were added.
    pub added: u64,
    /// Streams that were there.
    pub known: u64,
    /// Lines that were left out, by their catalogue and number.
    pub left_out: Vec<(PathBuf, u64, LeftOut)>,
}

/// Reason why a line is not merged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LeftOut {
    /// It says something else of a stream than one that was there.
    #[error(transparent)]
    Conflict(LineError),
    /// Its stream is not in the folder, or has another size.
    #[error("'{0}' is not in the folder, or not of the size that the line says")]
    Absent(String),
}

/// Adds to a folder's own catalogue, `catalogue.jsonl`, what it lacks of others: of those in `from`, or, if
/// that is empty, of the shards' in the folder. Those stay as they are. The lines are in the order in which a
/// receiver takes the streams ([`Catalogue::in_order`]).
///
/// # Errors
/// Those of reading and writing, [`CatalogueError::Settings`] if the streams are not of one kind, and
/// [`CatalogueError::Nothing`] if there is no other catalogue. A line that is left out is none: the line that was
/// there stays.
pub fn merge(folder: &Path, from: &[PathBuf]) -> Result<Merged> {
    let own = folder.join(OWN);
    let mut from = if from.is_empty() { files::catalogues(folder)? } else { from.to_vec() };
    from.retain(|path| *path != own);
    if from.is_empty() {
        return Err(CatalogueError::Nothing(folder.to_owned()));
    }
    let mut merged = Merged::default();
    let mut new = Catalogue::default();
    if own.exists() {
        new.add_file(&own)?;
    }
    let before = new.entries().len();
    for path in &from {
        for (number, entry) in (1..).zip(crate::read::file(path)?.entries) {
            let is_there = || {
                fs::symlink_metadata(folder.join(&entry.file))
                    .is_ok_and(|found| found.is_file() && found.len() == entry.size)
            };
            if new.by_file(&entry.file).is_none() && !is_there() {
                let why = LeftOut::Absent(entry.file);
                merged.left_out.push((path.clone(), number, why));
                continue;
            }
            match new.add(entry) {
                Ok(true) => merged.added += 1,
                Ok(false) => merged.known += 1,
                Err(why) => merged.left_out.push((path.clone(), number, LeftOut::Conflict(why))),
            }
        }
    }
    let of_folder = settings::of(folder)?;
    let first = || new.entries().first().map(crate::Entry::settings);
    let Some(settings) = of_folder.or_else(first) else { return Ok(merged) };
    if let Some(other) = new.entries().iter().find(|entry| entry.settings() != settings) {
        let (path, settings) = (folder.join(&other.file), Box::new((other.settings(), settings)));
        return Err(CatalogueError::Settings { path, settings });
    }
    let mut to = CatalogueWriter::among_shards(folder, &settings)?;
    // Some that were there may have been added by another merge meanwhile.
    for entry in new.in_order() {
        let is_new = new.place(&entry.file).is_some_and(|place| place >= before);
        if is_new && to.known().by_file(&entry.file).is_none() {
            to.add(entry.clone())?;
        }
    }
    to.sync()?;
    Ok(merged)
}
