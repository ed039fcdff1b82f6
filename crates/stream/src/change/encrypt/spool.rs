//! Records in a temporary file: the BEGIN of a raw stream tells a MAC that is over all that follows.

use super::super::error::ChangeError;
use super::super::packet::Packet;
use super::super::spill::unnamed_file;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;
use zsend_records::bytes::Bytes;
use zsend_records::drr::{RECORD_SIZE, ReplayRecord};
use zsend_records::zerocopy::byteorder::LE;
use zsend_records::zerocopy::{FromBytes, IntoBytes};

/// Bytes of a payload's length, behind a header.
const LENGTH: usize = 8;

/// Records in a file that has no name, and is gone when it is closed.
#[derive(Debug)]
pub(super) struct Spool {
    file: BufWriter<File>,
    /// Bytes that were written.
    len: u64,
}

/// The same, as they are read again.
#[derive(Debug)]
pub(super) struct Spooled {
    file: BufReader<File>,
    left: u64,
}

impl Spool {
    /// An empty file in this folder, or in that of the system.
    pub(super) fn new(folder: Option<&Path>) -> Result<Self, ChangeError> {
        let file = unnamed_file(folder).map_err(ChangeError::Spill)?;
        let file = BufWriter::with_capacity(1 << 20, file);
        Ok(Self { file, len: 0 })
    }

    /// Adds a record; its place.
    pub(super) fn add(
        &mut self,
        header: &ReplayRecord<LE>,
        payload: &[u8],
    ) -> Result<u64, ChangeError> {
        let place = self.len;
        let length = (payload.len() as u64).to_le_bytes();
        for part in [header.as_bytes(), &length, payload] {
            self.file.write_all(part).map_err(ChangeError::Spill)?;
        }
        self.len += (RECORD_SIZE + LENGTH + payload.len()) as u64;
        Ok(place)
    }

    /// Puts other records of the same lengths in these places.
    pub(super) fn replace<'a>(
        &mut self,
        records: impl IntoIterator<Item = (u64, &'a ReplayRecord<LE>, &'a [u8])>,
    ) -> Result<(), ChangeError> {
        let write = || -> io::Result<()> {
            for (place, header, payload) in records {
                self.file.seek(SeekFrom::Start(place))?;
                self.file.write_all(header.as_bytes())?;
                self.file.write_all(&(payload.len() as u64).to_le_bytes())?;
                self.file.write_all(payload)?;
            }
            self.file.seek(SeekFrom::Start(self.len)).map(|_| ())
        };
        write().map_err(ChangeError::Spill)
    }

    /// The records from the first on.
    pub(super) fn read(self) -> Result<Spooled, ChangeError> {
        let file = self.file.into_inner().map_err(|e| ChangeError::Spill(e.into_error()))?;
        let mut file = BufReader::with_capacity(1 << 20, file);
        file.seek(SeekFrom::Start(0)).map_err(ChangeError::Spill)?;
        Ok(Spooled { file, left: self.len })
    }
}

impl Spooled {
    /// The next record, made of `like`; `None` behind the last.
    pub(super) fn next(&mut self, like: &Packet) -> Result<Option<Packet>, ChangeError> {
        if self.left == 0 {
            return Ok(None);
        }
        let mut head = [0; RECORD_SIZE + LENGTH];
        self.file.read_exact(&mut head).map_err(ChangeError::Spill)?;
        self.left = self.left.saturating_sub(head.len() as u64);
        let short = || ChangeError::Spill(io::ErrorKind::UnexpectedEof.into());
        let (header, length) = ReplayRecord::read_from_prefix(&head).map_err(|_| short())?;
        let length = u64::from_le_bytes(length.try_into().map_err(|_| short())?);
        // Nobody else writes this file; and a file may yet come back damaged.
        self.left = self.left.checked_sub(length).ok_or_else(short)?;
        let mut payload = vec![0; usize::try_from(length).map_err(|_| short())?];
        self.file.read_exact(&mut payload).map_err(ChangeError::Spill)?;
        Ok(Some(like.with_header(header, Bytes::from(payload))))
    }
}
