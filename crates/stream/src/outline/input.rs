//! The bytes of an input, of which most are passed over.

use crate::read_ahead::read_full;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek};

/// Bytes read at a time: payloads that are shorter cost no call of the system to pass over.
const BUFFER: usize = 16 << 10;

/// A place in a file that is known.
struct Seeker<R> {
    seek: fn(&mut BufReader<R>, i64) -> io::Result<()>,
    /// Bytes from there to the end: seeking behind it is no error.
    left: u64,
}

/// An input that is read forwards.
pub(super) struct ForwardInput<R> {
    reader: BufReader<R>,
    seeker: Option<Seeker<R>>,
}

impl ForwardInput<File> {
    /// A file, or whatever else a descriptor has, from where it stands.
    pub(super) fn of_file(mut file: File) -> io::Result<Self> {
        let metadata = file.metadata()?;
        let seeker = if metadata.is_file() {
            let left = metadata.len().saturating_sub(file.stream_position()?);
            Some(Seeker { seek: BufReader::seek_relative, left })
        } else {
            None
        };
        Ok(Self { reader: BufReader::with_capacity(BUFFER, file), seeker })
    }
}

impl<R: Read> ForwardInput<R> {
    pub(super) fn of(source: R) -> Self {
        Self { reader: BufReader::with_capacity(BUFFER, source), seeker: None }
    }

    /// Fills a buffer as far as the input goes.
    pub(super) fn fill(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let (filled, done) = read_full(&mut self.reader, buf);
        done?;
        self.used(filled as u64);
        Ok(filled)
    }

    /// Adds the next bytes to `to`; returns how many there were. Room is made as they come.
    pub(super) fn take(&mut self, bytes: u64, to: &mut Vec<u8>) -> io::Result<u64> {
        let read = (&mut self.reader).take(bytes).read_to_end(to)? as u64;
        self.used(read);
        Ok(read)
    }

    /// Passes over bytes; returns how many there were.
    pub(super) fn skip(&mut self, bytes: u64) -> io::Result<u64> {
        let Some(seeker) = &mut self.seeker else {
            return io::copy(&mut (&mut self.reader).take(bytes), &mut io::sink());
        };
        let passed = bytes.min(seeker.left);
        (seeker.seek)(&mut self.reader, i64::try_from(passed).unwrap_or(i64::MAX))?;
        self.used(passed);
        Ok(passed)
    }

    fn used(&mut self, bytes: u64) {
        if let Some(seeker) = &mut self.seeker {
            // A file may have grown meanwhile.
            seeker.left = seeker.left.saturating_sub(bytes);
        }
    }
}
