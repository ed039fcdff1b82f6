//! A catalogue that a run adds to.

use crate::catalogue::{Catalogue, files};
use crate::entry::Entry;
use crate::error::{CatalogueError, Result};
use crate::read;
use crate::shard::Shard;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// A catalogue that nobody else adds to, and what is known from all catalogues of its folder.
#[derive(Debug)]
pub struct CatalogueWriter {
    file: File,
    path: PathBuf,
    known: Catalogue,
}

impl CatalogueWriter {
    /// Opens the catalogue of a folder, or of a part of a run (`catalogue-K-of-N.jsonl`), or makes one. It is
    /// locked until the value is dropped. A last line that a crash has torn is cut off.
    ///
    /// # Errors
    /// [`CatalogueError::InUse`], and those of [`Catalogue::open`].
    pub fn open(folder: &Path, shard: Option<Shard>) -> Result<Self> {
        let mut writer = Self::of(folder, shard)?;
        for other in files(folder)?.iter().filter(|other| **other != writer.path) {
            writer.known.add_file(other)?;
        }
        Ok(writer)
    }

    /// Opens the catalogue of a folder as [`Self::open`] does; of others nothing is known.
    pub(crate) fn alone(folder: &Path) -> Result<Self> {
        Self::of(folder, None)
    }

    fn of(folder: &Path, shard: Option<Shard>) -> Result<Self> {
        let name = match shard {
            None => "catalogue.jsonl".to_owned(),
            Some(shard) => format!("catalogue-{}-of-{}.jsonl", shard.number(), shard.count()),
        };
        let path = folder.join(name);
        let failed = |verb| CatalogueError::io(verb, &path);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(&path).map_err(failed("open"))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(CatalogueError::InUse(path)),
            Err(TryLockError::Error(e)) => return Err(failed("lock")(e)),
        }
        let lines = read::of(&file, &path)?;
        // The name must be there as long as the lines are.
        sync_folder(folder).map_err(failed("make"))?;
        let mut known = Catalogue::default();
        for (number, entry) in (1..).zip(lines.entries) {
            let refuse = |why| CatalogueError::Line { path: path.clone(), number, why };
            known.add(entry).map_err(refuse)?;
        }
        file.set_len(lines.whole).map_err(failed("cut"))?;
        file.sync_all().map_err(failed("cut"))?;
        file.seek(SeekFrom::Start(lines.whole)).map_err(failed("read"))?;
        Ok(Self { file, path, known })
    }

    /// Its file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// All that is known.
    pub const fn known(&self) -> &Catalogue {
        &self.known
    }

    /// Adds a stream, which must be durable under its name, and makes the line durable.
    ///
    /// # Errors
    /// Those of writing; what may be there of the line is cut off.
    pub fn append(&mut self, entry: Entry) -> Result<()> {
        let failed = || CatalogueError::io("write to", &self.path);
        let end = self.file.stream_position().map_err(failed())?;
        let written =
            self.file.write_all(entry.to_line().as_bytes()).and_then(|()| self.file.sync_data());
        if let Err(e) = written {
            // If this fails too, whoever reads it next sees a torn line.
            let _ = self.file.set_len(end);
            let _ = self.file.seek(SeekFrom::Start(end));
            return Err(failed()(e));
        }
        // That it contradicts no other line was seen to before it was sent.
        let _ = self.known.add(entry);
        Ok(())
    }
}

/// Makes the names of a folder durable.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// A folder cannot be opened as a file there.
#[cfg(not(unix))]
fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}
