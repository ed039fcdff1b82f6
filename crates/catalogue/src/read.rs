//! A catalogue's lines, and its torn end.

use crate::entry::{Entry, MAX_LINE};
use crate::error::{CatalogueError, LineError, Result};
use crate::files;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

/// Most bytes of a catalogue: some two million streams.
pub(crate) const MAX_FILE: u64 = 1 << 30;

/// Beginning of every line that was ever written.
const BEGINNING: &[u8] = b"{\"version\":";

/// The lines of a catalogue.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    pub(crate) entries: Vec<Entry>,
    /// Bytes of the lines that are whole. What comes after them is a line that a crash has torn.
    pub(crate) whole: u64,
    /// True if there is such a line.
    pub(crate) is_torn: bool,
}

/// Reads a catalogue.
///
/// # Errors
/// Those of reading, [`CatalogueError::TooLarge`], and the first line that makes no sense, unless it is the
/// last and torn.
pub(crate) fn file(path: &Path) -> Result<Lines> {
    let failed = || CatalogueError::io("read", path);
    let file = files::open(path, OpenOptions::new().read(true)).map_err(failed())?;
    of(&file, path)
}

/// As [`file`], of an open one.
pub(crate) fn of(file: &File, path: &Path) -> Result<Lines> {
    let failed = || CatalogueError::io("read", path);
    let found = file.metadata().map_err(failed())?;
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
        if length == 0 {
            return Ok(lines);
        }
        let is_last = is_ended && from.fill_buf().map_err(failed())?.is_empty();
        match Entry::parse(&line) {
            Ok(entry) if is_ended => lines.entries.push(entry),
            _ if !is_ended && is_torn_off(&line) || is_last && is_holed(&line) => {
                lines.is_torn = true;
                return Ok(lines);
            }
            Ok(_) => return Err(refuse(LineError::Unended)),
            Err(why) => return Err(refuse(why)),
        }
        lines.whole += length as u64;
    }
}

/// Returns true for a line without its end, of which a crash has let the beginning be written: a line is
/// written with one call, so it is no longer than a whole one. Another file's line is none.
fn is_torn_off(line: &[u8]) -> bool {
    let head = line.len().min(BEGINNING.len());
    line.len() <= MAX_LINE && (line[..head] == BEGINNING[..head] || line[0] == 0)
}

/// Returns true for a line with its end, of which a crash has left zeros where a page was not written.
fn is_holed(line: &[u8]) -> bool {
    line.len() <= MAX_LINE && line.contains(&0)
}

#[cfg(test)]
mod tests;
