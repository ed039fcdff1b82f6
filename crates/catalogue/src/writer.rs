//! A catalogue that a run adds to.

use crate::catalogue::Catalogue;
use crate::entry::Entry;
use crate::error::{CatalogueError, Result};
use crate::settings::{self, Company, Settings};
use crate::shard::Shard;
use crate::{files, read};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// A catalogue that nobody else adds to, and what is known from all catalogues of its folder.
#[derive(Debug)]
pub struct CatalogueWriter {
    file: File,
    path: PathBuf,
    known: Catalogue,
    settings: Settings,
    /// Keeps the folder's lock.
    _lock: File,
}

impl CatalogueWriter {
    /// Opens the catalogue of a folder, or of a part of a run (`catalogue-K-of-N.jsonl`), or makes one. It is
    /// locked until the value is dropped, and so is the folder: shards may be in it together, and another run not
    /// beside them. A last line that a crash has torn is cut off ([`Catalogue::torn`]).
    ///
    /// # Errors
    /// [`CatalogueError::InUse`]; [`CatalogueError::Settings`] if the folder has streams of other settings; and
    /// those of [`Catalogue::open`].
    pub fn open(folder: &Path, shard: Option<Shard>, settings: &Settings) -> Result<Self> {
        let (name, company) = match shard {
            None => (files::OWN.to_owned(), Company::Alone),
            Some(shard) => {
                let (number, count) = (shard.number(), shard.count());
                (format!("catalogue-{number}-of-{count}.jsonl"), Company::Shards)
            }
        };
        Self::of(folder, &name, company, settings, true)
    }

    /// Opens the catalogue of a folder as [`Self::open`] does; of others nothing is known. Shards may be in the
    /// folder meanwhile.
    pub(crate) fn among_shards(folder: &Path, settings: &Settings) -> Result<Self> {
        Self::of(folder, files::OWN, Company::Shards, settings, false)
    }

    fn of(
        folder: &Path,
        name: &str,
        company: Company,
        settings: &Settings,
        knows_others: bool,
    ) -> Result<Self> {
        let path = folder.join(name);
        // What is there goes before what is wanted: a folder is not marked with settings that its streams lack.
        if settings::of(folder)?.is_none() {
            for other in files::catalogues(folder)? {
                same_settings(&other, &read::file(&other)?.entries, settings)?;
            }
        }
        let lock = settings::take(folder, settings, company)?;
        let failed = |verb| CatalogueError::io(verb, &path);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = files::open(&path, &mut options).map_err(failed("open"))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(CatalogueError::InUse(path)),
            Err(TryLockError::Error(e)) => return Err(failed("lock")(e)),
        }
        let mut known = Catalogue::default();
        if knows_others {
            for other in files::catalogues(folder)?.iter().filter(|other| **other != path) {
                let lines = read::file(other)?;
                same_settings(other, &lines.entries, settings)?;
                known.add_lines(other, lines)?;
            }
        }
        let lines = read::of(&file, &path)?;
        same_settings(&path, &lines.entries, settings)?;
        // The name must be there as long as the lines are.
        files::sync_folder(folder).map_err(failed("make"))?;
        let whole = lines.whole;
        known.add_lines(&path, lines)?;
        file.set_len(whole).map_err(failed("cut"))?;
        file.sync_all().map_err(failed("cut"))?;
        file.seek(SeekFrom::Start(whole)).map_err(failed("read"))?;
        Ok(Self { file, path, known, settings: settings.clone(), _lock: lock })
    }

    /// Its file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// All that is known.
    pub const fn known(&self) -> &Catalogue {
        &self.known
    }

    /// Settings of all its streams.
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Adds a stream, which must be durable under its name, and makes the line durable.
    ///
    /// # Errors
    /// Those of writing; what may be there of the line is cut off. [`CatalogueError::Line`] if it contradicts
    /// another line, and [`CatalogueError::TooLarge`].
    pub fn append(&mut self, entry: Entry) -> Result<()> {
        self.add(entry)?;
        self.sync()
    }

    /// Adds a stream, of which the line is durable after [`Self::sync`].
    pub(crate) fn add(&mut self, entry: Entry) -> Result<()> {
        let failed = || CatalogueError::io("write to", &self.path);
        let end = self.file.stream_position().map_err(failed())?;
        let line = entry.to_line();
        let bytes = end.saturating_add(line.len() as u64);
        if bytes > read::MAX_FILE {
            return Err(CatalogueError::TooLarge {
                path: self.path.clone(),
                bytes,
                most: read::MAX_FILE,
            });
        }
        let number = self.known.entries().len() as u64 + 1;
        let refuse = |why| CatalogueError::Line { path: self.path.clone(), number, why };
        self.known.add(entry).map_err(refuse)?;
        if let Err(e) = self.file.write_all(line.as_bytes()) {
            // If this fails too, whoever reads it next sees a torn line.
            let _ = self.file.set_len(end);
            let _ = self.file.seek(SeekFrom::Start(end));
            return Err(failed()(e));
        }
        Ok(())
    }

    /// Makes all lines durable.
    pub(crate) fn sync(&mut self) -> Result<()> {
        self.file.sync_data().map_err(CatalogueError::io("write to", &self.path))
    }
}

/// Refuses a catalogue with a stream of other settings.
fn same_settings(path: &Path, entries: &[Entry], settings: &Settings) -> Result<()> {
    match entries.iter().map(Entry::settings).find(|found| found != settings) {
        None => Ok(()),
        Some(found) => {
            let settings = Box::new((found, settings.clone()));
            Err(CatalogueError::Settings { path: path.to_owned(), settings })
        }
    }
}
