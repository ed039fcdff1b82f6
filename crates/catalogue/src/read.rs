//! A catalogue's lines, and its torn end.

use crate::entry::{Entry, MAX_LINE};
use crate::error::{CatalogueError, LineError, Result};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

/// Most bytes of a catalogue: some two million streams.
const MAX_FILE: u64 = 1 << 30;

/// The lines of a catalogue.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    pub(crate) entries: Vec<Entry>,
    /// Bytes of the lines that are whole. What comes after them is a line that a crash has torn.
    pub(crate) whole: u64,
}

/// Reads a catalogue.
///
/// # Errors
/// Those of reading, [`CatalogueError::TooLarge`], and the first line that makes no sense, unless it is the
/// last and torn.
pub(crate) fn file(path: &Path) -> Result<Lines> {
    let failed = || CatalogueError::io("read", path);
    let file = File::open(path).map_err(failed())?;
    of(&file, path)
}

/// As [`file`], of an open one.
pub(crate) fn of(file: &File, path: &Path) -> Result<Lines> {
    let failed = || CatalogueError::io("read", path);
    let found = file.metadata().map_err(failed())?;
    if !found.is_file() {
        return Err(failed()(io::Error::other("it is not a regular file")));
    }
    if found.len() > MAX_FILE {
        let path = path.to_owned();
        return Err(CatalogueError::TooLarge { path, bytes: found.len(), most: MAX_FILE });
    }
    lines(BufReader::new(file.take(MAX_FILE)), path)
}

fn lines(mut from: impl BufRead, path: &Path) -> Result<Lines> {
    let failed = || CatalogueError::io("read", path);
    let mut lines = Lines::default();
    let (mut line, mut number) = (Vec::new(), 0);
    loop {
        line.clear();
        number += 1;
        let most = MAX_LINE as u64 + 1;
        let length = (&mut from).take(most).read_until(b'\n', &mut line).map_err(failed())?;
        let is_ended = line.ends_with(b"\n");
        let refuse = |why| CatalogueError::Line { path: path.to_owned(), number, why };
        // A line is written with one call, so a torn one is no longer than a whole one.
        if length == 0 || !is_ended && length <= MAX_LINE {
            return Ok(lines);
        }
        match Entry::parse(&line) {
            Ok(entry) => lines.entries.push(entry),
            // Of a line that a crash has torn the end may be there, and the beginning not.
            Err(LineError::NotJson(_)) if from.fill_buf().map_err(failed())?.is_empty() => {
                return Ok(lines);
            }
            Err(why) => return Err(refuse(why)),
        }
        lines.whole += length as u64;
    }
}

#[cfg(test)]
mod tests;
