//! The catalogues of a folder, as one.

use crate::entry::Entry;
use crate::error::{CatalogueError, LineError, Result};
use crate::read;
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

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
    /// Txgs of the oldest snapshot of a guid, in a pool.
    oldest: HashMap<(u64, u64), u64>,
}

impl Catalogue {
    /// Reads all catalogues of a folder: `catalogue.jsonl` and those of shards. A folder without any has
    /// an empty one. A last line that is torn is passed over, since its stream is not there for sure.
    ///
    /// # Errors
    /// Those of reading, and [`CatalogueError::Line`] of what makes no sense, or contradicts another line.
    pub fn open(folder: &Path) -> Result<Self> {
        let mut all = Self::default();
        for path in files(folder)? {
            all.add_file(&path)?;
        }
        Ok(all)
    }

    /// Adds what a catalogue has.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn add_file(&mut self, path: &Path) -> Result<()> {
        let lines = read::file(path)?;
        for (number, entry) in (1..).zip(lines.entries) {
            self.add(entry).map_err(|why| CatalogueError::Line {
                path: path.to_owned(),
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
        let place = self.entries.len();
        if let Some(&other) = self.by_file.get(&entry.file) {
            let other = &self.entries[other];
            let same = |e: &Entry| (e.key(), e.fromguid, e.size, e.blake3.clone());
            if same(other) != same(&entry) {
                return Err(LineError::Conflict { file: entry.file });
            }
            return Ok(false);
        }
        let oldest = self.oldest.entry((entry.poolguid, entry.guid)).or_insert(u64::MAX);
        *oldest = entry.createtxg.min(*oldest);
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
        self.by_file.get(file).map(|&place| &self.entries[place])
    }

    /// Returns true if what a stream is incremental from is there, too, and is older than it; so that, if it
    /// is true of all, each leads to a full stream.
    pub fn has_base(&self, entry: &Entry) -> bool {
        let Some(fromguid) = entry.fromguid else { return true };
        let oldest = self.oldest.get(&(entry.poolguid, fromguid));
        oldest.is_some_and(|&txg| txg < entry.createtxg)
    }
}

/// The catalogues of a folder, by name.
///
/// # Errors
/// Those of reading it.
pub(crate) fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let failed = || CatalogueError::io("read", folder);
    let mut found = Vec::new();
    for item in fs::read_dir(folder).map_err(failed())? {
        let item = item.map_err(failed())?;
        if item.file_name().to_str().is_some_and(is_catalogue) {
            found.push(item.path());
        }
    }
    found.sort();
    Ok(found)
}

/// Returns true for the name of a catalogue.
pub(crate) fn is_catalogue(name: &str) -> bool {
    let shard = name.strip_prefix("catalogue-").and_then(|n| n.strip_suffix(".jsonl"));
    let is_number = |n: &str| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit());
    let is_shard = |(k, n): (&str, &str)| is_number(k) && is_number(n);
    name == "catalogue.jsonl" || shard.and_then(|s| s.split_once("-of-")).is_some_and(is_shard)
}
