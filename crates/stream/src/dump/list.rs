//! The list in a BEGIN on its way into a dump: in memory if it is small, else in a file without a name, if there is a place for
//! one: a machine that is being rescued may have none.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use zsend_records::nvlist::{self, Encoding, NvCheck, NvError, NvSource, NvVisitor, STRETCH};

/// Longest list that is kept in memory: ten thousand datasets.
const IN_MEMORY: usize = 4 << 20;

/// Packed bytes of a list.
#[derive(Default)]
pub(super) struct ListBytes {
    /// The bytes; those that are not written to the file yet, if there is one.
    memory: Vec<u8>,
    file: Option<File>,
    /// Bytes in the file.
    written: usize,
    /// No file can be made.
    has_no_place: bool,
}

impl ListBytes {
    pub(super) fn is_empty(&self) -> bool {
        self.memory.is_empty() && self.written == 0
    }

    /// Takes the next bytes.
    pub(super) fn push(&mut self, piece: &[u8]) -> io::Result<()> {
        self.memory.extend_from_slice(piece);
        if self.memory.len() > IN_MEMORY && !self.has_no_place { self.spill() } else { Ok(()) }
    }

    fn spill(&mut self) -> io::Result<()> {
        if self.file.is_none() {
            self.file = tempfile::tempfile().ok();
            self.has_no_place = self.file.is_none();
        }
        let Some(file) = &mut self.file else { return Ok(()) };
        file.write_all(&self.memory)?;
        self.written += self.memory.len();
        self.memory.clear();
        Ok(())
    }

    /// Looks whether it is a list, and returns its encoding. [`Self::tell`] is of the same bytes.
    pub(super) fn check(&mut self) -> Result<Encoding, DumpListError> {
        if self.file.is_some() {
            self.spill()?;
        }
        self.tell(&mut NvCheck)
    }

    /// Tells a visitor what is in it.
    pub(super) fn tell<V: NvVisitor>(&mut self, visitor: &mut V) -> Result<Encoding, DumpListError>
    where
        DumpListError: From<V::Error>,
    {
        let Some(file) = &mut self.file else {
            return Ok(nvlist::visit(&mut self.memory.as_slice(), visitor)?);
        };
        let mut window = Window { file, size: self.written, at: 0, bytes: Vec::new(), error: None };
        let told = nvlist::visit(&mut window, visitor);
        match window.error {
            Some(error) => Err(DumpListError::File(error)),
            None => Ok(told?),
        }
    }
}

/// Bytes of a file, of which a few are in memory.
struct Window<'a> {
    file: &'a mut File,
    size: usize,
    /// Offset of those that are in memory.
    at: usize,
    bytes: Vec<u8>,
    /// Error of the last read.
    error: Option<io::Error>,
}

impl Window<'_> {
    fn fill(&mut self, offset: usize) -> io::Result<()> {
        self.bytes.resize((2 * STRETCH).min(self.size - offset), 0);
        self.at = offset;
        self.file.seek(SeekFrom::Start(offset as u64))?;
        io::Read::read_exact(self.file, &mut self.bytes)
    }
}

impl NvSource for Window<'_> {
    fn size(&self) -> usize {
        self.size
    }

    fn stretch(&mut self, offset: usize, len: usize) -> Result<&[u8], NvError> {
        let there = |window: &Self| {
            offset.checked_sub(window.at).filter(|from| from + len <= window.bytes.len())
        };
        if there(self).is_none()
            && let Err(error) = self.fill(offset)
        {
            self.bytes.clear();
            self.error = Some(error);
        }
        let from = there(self).ok_or(NvError::Unread { offset })?;
        Ok(&self.bytes[from..][..len])
    }
}

/// Reason that a list is not told.
pub(super) enum DumpListError {
    /// It is none.
    Bad(NvError),
    /// The output failed.
    Write(io::Error),
    /// The file that it is kept in failed.
    File(io::Error),
}

impl From<NvError> for DumpListError {
    fn from(error: NvError) -> Self {
        Self::Bad(error)
    }
}

impl From<io::Error> for DumpListError {
    fn from(error: io::Error) -> Self {
        Self::File(error)
    }
}

impl From<PrintError> for DumpListError {
    fn from(error: PrintError) -> Self {
        match error {
            PrintError::Bad(error) => Self::Bad(error),
            PrintError::Write(error) => Self::Write(error),
        }
    }
}

/// Reason that a list is not printed.
#[derive(Debug)]
pub(super) enum PrintError {
    /// It is none.
    Bad(NvError),
    /// The output failed.
    Write(io::Error),
}

impl From<NvError> for PrintError {
    fn from(error: NvError) -> Self {
        Self::Bad(error)
    }
}

impl From<io::Error> for PrintError {
    fn from(error: io::Error) -> Self {
        Self::Write(error)
    }
}

impl From<PrintError> for io::Error {
    fn from(error: PrintError) -> Self {
        match error {
            PrintError::Bad(error) => Self::other(error),
            PrintError::Write(error) => error,
        }
    }
}
