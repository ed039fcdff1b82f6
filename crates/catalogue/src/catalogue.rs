//! The catalogues of a folder, as one.

use crate::entry::Entry;
use crate::error::{CatalogueError, LineError, Result};
use crate::{files, read};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Identity of a snapshot. A dataset may be renamed, or its snapshots come to another by `zfs promote`; what
/// was received into the pool a second time has the guid of the first, but another txg.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// Guid of the pool.
    pub poolguid: u64,
    /// Guid of the snapshot.
    pub guid: u64,
    /// Txg that it was taken in.
    pub createtxg: u64,
}

/// Streams that are known, in the order of their lines.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    entries: Vec<Entry>,
    by_file: HashMap<String, usize>,
    by_key: HashMap<Key, usize>,
    /// The catalogue and number of each line, where it was read from one.
    lines: Vec<Option<(Arc<Path>, u64)>>,
    /// Streams of the oldest snapshot of a guid, in a pool.
    oldest: HashMap<(u64, u64), usize>,
    /// Catalogues with a last line that a crash has torn.
    torn: Vec<PathBuf>,
}

impl Catalogue {
    /// Reads all catalogues of a folder: `catalogue.jsonl` and those of shards. A folder without any has
    /// an empty one. A last line that is torn is passed over, since its stream is not there for sure.
    ///
    /// # Errors
    /// Those of reading, and [`CatalogueError::Line`] of what makes no sense, or contradicts another line.
    pub fn open(folder: &Path) -> Result<Self> {
        let mut all = Self::default();
        for path in files::catalogues(folder)? {
            all.add_file(&path)?;
        }
        Ok(all)
    }

    /// Adds what a catalogue has.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn add_file(&mut self, path: &Path) -> Result<()> {
        self.add_lines(path, read::file(path)?)
    }

    /// Adds the lines of a catalogue.
    pub(crate) fn add_lines(&mut self, path: &Path, lines: read::Lines) -> Result<()> {
        if lines.is_torn {
            self.torn.push(path.to_owned());
        }
        let path: Arc<Path> = path.into();
        for (number, entry) in (1..).zip(lines.entries) {
            let line = Some((Arc::clone(&path), number));
            self.add_at(entry, line).map_err(|why| CatalogueError::Line {
                path: path.to_path_buf(),
                number,
                why,
            })?;
        }
        Ok(())
    }

    /// Adds a stream; returns false if it was there.
    ///
    /// # Errors
    /// [`LineError::Conflict`] if another stream has its file.
    pub fn add(&mut self, entry: Entry) -> std::result::Result<bool, LineError> {
        self.add_at(entry, None)
    }

    fn add_at(
        &mut self,
        entry: Entry,
        line: Option<(Arc<Path>, u64)>,
    ) -> std::result::Result<bool, LineError> {
        let place = self.entries.len();
        if let Some(&other) = self.by_file.get(&entry.file) {
            let same = |e: &Entry| (e.key(), e.fromguid, e.size, e.blake3.clone());
            if same(&self.entries[other]) != same(&entry) {
                let other = self.lines[other].as_ref();
                let other = other.map(|(path, number)| Box::new((path.to_path_buf(), *number)));
                return Err(LineError::Conflict { file: entry.file, other });
            }
            return Ok(false);
        }
        let oldest = self.oldest.entry((entry.poolguid, entry.guid)).or_insert(place);
        // The new one is not among the entries yet.
        if self.entries.get(*oldest).is_some_and(|other| entry.createtxg < other.createtxg) {
            *oldest = place;
        }
        self.lines.push(line);
        self.by_key.entry(entry.key()).or_insert(place);
        self.by_file.insert(entry.file.clone(), place);
        self.entries.push(entry);
        Ok(true)
    }

    /// All streams.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The first stream of a snapshot, if there is one.
    pub fn get(&self, key: &Key) -> Option<&Entry> {
        self.by_key.get(key).map(|&place| &self.entries[place])
    }

    /// The stream that a file has, by the file's name.
    pub fn by_file(&self, file: &str) -> Option<&Entry> {
        self.place(file).map(|place| &self.entries[place])
    }

    /// The place of the stream that a file has.
    pub(crate) fn place(&self, file: &str) -> Option<usize> {
        self.by_file.get(file).copied()
    }

    /// Returns true if what a stream is incremental from is there, too, and is older than it; so that, if it
    /// is true of all, each leads to a full stream.
    pub fn has_base(&self, entry: &Entry) -> bool {
        entry.fromguid.is_none() || self.base(entry).is_some()
    }

    /// The place of the stream that gives what one is incremental from: of the oldest snapshot with its guid, and
    /// older than it.
    pub(crate) fn base(&self, entry: &Entry) -> Option<usize> {
        let place = *self.oldest.get(&(entry.poolguid, entry.fromguid?))?;
        (self.entries[place].createtxg < entry.createtxg).then_some(place)
    }

    /// Catalogues that end in a line which a crash has torn. The next run cuts it off and sends its stream again.
    pub fn torn(&self) -> &[PathBuf] {
        &self.torn
    }
}
