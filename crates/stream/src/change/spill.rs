//! Records that steps have seen of a stream, in temporary files: bytes by their place, and short values by key.
//!
//! Memory is that which the user gave; the files have no name, so nothing is left of them.

use super::blocks::parse_size;
use super::error::ChangeError;
use super::given::{Given, GivenError, Opt};
use redb::{Builder, Database, ReadableTable, TableDefinition, WriteTransaction};
use std::fmt;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use zsend_records::sizes::in_memory;

/// The option that names the folder of temporary files.
pub(super) const TMP: Opt =
    Opt::with_value("tmp", "DIR", "Folder of temporary files, instead of the system's");

/// The option that bounds memory.
pub(super) const MEMORY: Opt = Opt::with_value(
    "memory",
    "SIZE",
    "Memory for what is remembered of the stream, with K, M or G; 64M if it is not given. What does not fit lies \
           in temporary files",
);

/// Memory that is used if the user says nothing.
const DEFAULT_MEMORY: u64 = 64 << 20;
/// The least memory that there must be.
const LEAST_MEMORY: u64 = 8 << 20;
/// Memory that is not the cache of an [`SpillIndex`]: the tail of a [`SpillFile`], and what the tree needs beside its pages.
const BESIDE_CACHE: u64 = 4 << 20;
/// Bytes that are written to a file at once.
const TAIL: usize = 1 << 20;
/// Entries of an [`SpillIndex`] that are made durable together: so many pages' numbers are kept in memory until then.
const COMMIT: u32 = 1 << 19;

/// Folder and memory for what is remembered.
#[derive(Clone, Debug)]
pub(super) struct Room {
    tmp: Option<PathBuf>,
    memory: u64,
}

impl Room {
    /// Values of the options [`TMP`] and [`MEMORY`].
    pub(super) fn of(given: &Given) -> Result<Self, GivenError> {
        let memory = given.value(MEMORY.long).map_or(Ok(DEFAULT_MEMORY), parse_size)?;
        if memory < LEAST_MEMORY {
            return Err(GivenError::new(format!(
                "--memory is {memory} bytes, and has to be at least {LEAST_MEMORY}"
            )));
        }
        Ok(Self { tmp: given.value(TMP.long).map(PathBuf::from), memory })
    }

    /// Bytes of memory for all of it.
    pub(super) const fn memory(&self) -> u64 {
        self.memory
    }

    /// A file without a name.
    pub(super) fn file(&self) -> io::Result<File> {
        unnamed_file(self.tmp.as_deref())
    }
}

/// A file without a name, that can be written and read, in this folder or in that of the system.
pub(super) fn unnamed_file(folder: Option<&Path>) -> io::Result<File> {
    match folder {
        Some(folder) => tempfile::tempfile_in(folder),
        None => tempfile::tempfile(),
    }
}

/// Bytes in a file, each at the place where it was put.
#[derive(Debug)]
pub(super) struct SpillFile {
    room: Room,
    /// The file, once there is more than the tail.
    file: Option<File>,
    /// Bytes in the file. The tail comes behind them.
    written: u64,
    tail: Vec<u8>,
    /// The file's position is its end.
    is_at_end: bool,
}

impl SpillFile {
    /// An empty one.
    pub(super) const fn new(room: Room) -> Self {
        Self { room, file: None, written: 0, tail: Vec::new(), is_at_end: true }
    }

    /// Puts bytes behind those that are there; gives their place.
    ///
    /// # Errors
    /// Those of the file.
    pub(super) fn append(&mut self, parts: [&[u8]; 2]) -> Result<u64, ChangeError> {
        let at = self.written + self.tail.len() as u64;
        for part in parts {
            if self.tail.len() + part.len() > TAIL {
                self.flush().map_err(ChangeError::Spill)?;
            }
            if part.len() > TAIL {
                self.write(part).map_err(ChangeError::Spill)?;
            } else {
                self.tail.extend_from_slice(part);
            }
        }
        Ok(at)
    }

    /// Fills a buffer with the bytes at a place. All of them were appended.
    ///
    /// # Errors
    /// Those of the file.
    pub(super) fn read(&mut self, at: u64, buf: &mut [u8]) -> Result<(), ChangeError> {
        let in_tail = at.checked_sub(self.written).and_then(|at| usize::try_from(at).ok());
        let tail = in_tail.and_then(|at| self.tail.get(at..)?.get(..buf.len()));
        if let Some(bytes) = tail {
            buf.copy_from_slice(bytes);
            return Ok(());
        }
        self.read_file(at, buf).map_err(ChangeError::Spill)
    }

    fn read_file(&mut self, at: u64, buf: &mut [u8]) -> io::Result<()> {
        // What begins in the file may end in the tail.
        self.flush()?;
        self.is_at_end = false;
        let file = self.file.as_mut().ok_or(io::ErrorKind::UnexpectedEof)?;
        file.seek(SeekFrom::Start(at))?;
        file.read_exact(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        let tail = std::mem::take(&mut self.tail);
        self.write(&tail)?;
        self.tail = tail;
        self.tail.clear();
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        if self.file.is_none() {
            self.file = Some(self.room.file()?);
        }
        let file = self.file.as_mut().ok_or(io::ErrorKind::UnexpectedEof)?;
        if !self.is_at_end {
            file.seek(SeekFrom::Start(self.written))?;
            self.is_at_end = true;
        }
        file.write_all(bytes)?;
        self.written += bytes.len() as u64;
        Ok(())
    }
}

/// Bytes of a key: a hash, so keys of any stream are spread evenly.
pub(super) type SpillKey = [u8; 32];
/// Bytes of a value.
pub(super) type SpillValue = [u8; 24];

const TABLE: TableDefinition<'static, &SpillKey, &SpillValue> = TableDefinition::new("seen");

/// Values by key, in a tree in a file.
pub(super) struct SpillIndex {
    room: Room,
    /// The tree, once there is something in it. The transaction goes first: the end of a database waits for it.
    tree: Option<(WriteTransaction, Database)>,
    /// Entries since the tree was last made durable.
    fresh: u32,
}

impl fmt::Debug for SpillIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpillIndex").field("room", &self.room).finish_non_exhaustive()
    }
}

impl SpillIndex {
    /// An empty one.
    pub(super) const fn new(room: Room) -> Self {
        Self { room, tree: None, fresh: 0 }
    }

    /// The value of a key, if it has one.
    ///
    /// # Errors
    /// Those of the file.
    pub(super) fn get(&mut self, key: &SpillKey) -> Result<Option<SpillValue>, ChangeError> {
        let Some((transaction, _)) = &self.tree else { return Ok(None) };
        get(transaction, key).map_err(failed)
    }

    /// Gives a key a value, whether it has one or not.
    ///
    /// # Errors
    /// Those of the file.
    pub(super) fn insert(&mut self, key: &SpillKey, value: &SpillValue) -> Result<(), ChangeError> {
        let (transaction, database) = match self.tree.take() {
            Some(tree) if self.fresh < COMMIT => tree,
            Some((transaction, database)) => {
                self.fresh = 0;
                transaction.commit().map_err(|e| failed(e.into()))?;
                let next = database.begin_write().map_err(|e| failed(e.into()))?;
                (next, database)
            }
            None => self.create().map_err(failed)?,
        };
        let inserted = insert(&transaction, key, value);
        self.tree = Some((transaction, database));
        self.fresh += 1;
        inserted.map_err(failed)
    }

    fn create(&self) -> Result<(WriteTransaction, Database), redb::Error> {
        let cache = self.room.memory.saturating_sub(BESIDE_CACHE);
        let mut builder = Builder::new();
        builder.set_cache_size(in_memory(cache));
        let database = builder.create_file(self.room.file()?)?;
        let transaction = database.begin_write()?;
        Ok((transaction, database))
    }
}

fn get(transaction: &WriteTransaction, key: &SpillKey) -> Result<Option<SpillValue>, redb::Error> {
    let table = transaction.open_table(TABLE)?;
    let value = table.get(key)?;
    Ok(value.map(|value| *value.value()))
}

fn insert(
    transaction: &WriteTransaction,
    key: &SpillKey,
    value: &SpillValue,
) -> Result<(), redb::Error> {
    let mut table = transaction.open_table(TABLE)?;
    table.insert(key, value)?;
    Ok(())
}

fn failed(error: redb::Error) -> ChangeError {
    ChangeError::Spill(match error {
        redb::Error::Io(error) => error,
        error => io::Error::other(error),
    })
}
