//! Leaf devices: image files and block devices, opened read-only, and parts of them.

use std::fs::File;
use std::io::{self, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use crate::buffer::{self, Buffer};
use crate::cancel::CancelToken;
use crate::{PoolError, Result, file};
use bytes::Bytes;

/// A part of a [`Source`] that is to be read.
#[derive(Debug)]
pub struct ReadRange<'a> {
    /// Bytes from the start of the source.
    pub offset: u64,
    /// The buffer that is filled.
    pub buf: &'a mut [u8],
}

/// Something that bytes can be read from at any offset, by many threads at once.
pub trait Source: Send + Sync {
    /// Fills `buf` from `offset`, or fails.
    ///
    /// # Errors
    /// Whatever the device says; `UnexpectedEof` past its end.
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()>;
    /// Bytes that can be read.
    fn size(&self) -> u64;

    /// Fills several buffers, or fails: then any of them may hold anything, and the caller reads each alone.
    /// A source that is far away carries all of them in one round trip; any other need not implement it.
    ///
    /// # Errors
    /// As [`Self::read_at`], for the first range that fails.
    fn read_ranges(&self, ranges: &mut [ReadRange<'_>]) -> io::Result<()> {
        ranges.iter_mut().try_for_each(|range| self.read_at(range.buf, range.offset))
    }

    /// Time at which the bytes were last changed, if something keeps record of that.
    fn modified(&self) -> Option<SystemTime> {
        None
    }

    /// Drops what this machine has cached, so that the next read sees what another has written.
    fn refresh(&self) {}
}

impl Source for File {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        file::read_exact_at(self, buf, offset)
    }

    /// Bytes of the file, or zero if they cannot be found: see [`Device::open`], which says why.
    fn size(&self) -> u64 {
        end(self).unwrap_or_default()
    }

    fn modified(&self) -> Option<SystemTime> {
        // A block device's node has a time of its own, which writes through it do not change.
        self.metadata().ok().filter(std::fs::Metadata::is_file)?.modified().ok()
    }

    fn refresh(&self) {
        // Advice alone: where it is not taken, a disk that two hosts share looks idle.
        #[cfg(target_os = "linux")]
        let _ = rustix::fs::fadvise(self, 0, None, rustix::fs::Advice::DontNeed);
    }
}

/// Bytes of a file. Metadata gives zero for a block device; its end is found by seeking, which moves only
/// this handle's position, and positioned reads do not use that.
fn end(file: &File) -> io::Result<u64> {
    let mut handle = file;
    handle.seek(SeekFrom::End(0))
}

/// A device or a part of one, with the name that errors give it.
#[derive(Clone)]
pub struct Device {
    source: Arc<dyn Source>,
    name: Arc<str>,
    start: u64,
    size: u64,
    /// Asked before each read.
    cancel: Option<CancelToken>,
}

/// Reason why a device was not asked.
#[derive(Debug, thiserror::Error)]
#[error("cancelled")]
struct NotAsked;

impl std::fmt::Debug for Device {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Device({}, {} bytes from {:#x})", self.name, self.size, self.start)
    }
}

impl Device {
    /// Opens a file or block device for reading only.
    ///
    /// # Errors
    /// [`PoolError::Open`] if it cannot be opened, or its end cannot be found.
    pub fn open(path: &Path) -> Result<Self> {
        let name = path.display().to_string();
        let failed = |source| PoolError::Open { path: name.clone(), source };
        let file = File::open(path).map_err(failed)?;
        let size = end(&file).map_err(failed)?;
        Ok(Self { source: Arc::new(file), name: name.into(), start: 0, size, cancel: None })
    }

    /// A device over any source.
    pub fn new(name: impl Into<Arc<str>>, source: Arc<dyn Source>) -> Self {
        let size = source.size();
        Self { source, name: name.into(), start: 0, size, cancel: None }
    }

    /// The part of `size` bytes from `start`, under the same name: a partition. Errors go on
    /// counting from the start of the whole device.
    #[must_use]
    pub fn part(&self, start: u64, size: u64) -> Self {
        let start = start.min(self.size);
        Self {
            source: Arc::clone(&self.source),
            name: Arc::clone(&self.name),
            start: self.start + start,
            size: size.min(self.size - start),
            cancel: self.cancel.clone(),
        }
    }

    /// The same device, of which nothing more is read once the token is cancelled: each call then fails.
    /// A token that it had before is asked no more.
    #[must_use]
    pub(crate) fn with_cancel(&self, cancel: &CancelToken) -> Self {
        Self { cancel: Some(cancel.clone()), ..self.clone() }
    }

    /// Refuses to ask the device once its token is cancelled.
    fn go_on(&self) -> io::Result<()> {
        match &self.cancel {
            Some(cancel) if cancel.is_cancelled() => Err(io::Error::other(NotAsked)),
            Some(_) | None => Ok(()),
        }
    }

    /// The name as the caller gave it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Bytes from the start of the whole device, for an offset in this part.
    pub fn absolute(&self, offset: u64) -> u64 {
        self.start.saturating_add(offset)
    }

    /// Time at which its bytes were last changed, if something keeps record of that: see
    /// [`Source::modified`].
    pub fn modified(&self) -> Option<SystemTime> {
        self.source.modified()
    }

    /// Makes the next reads see what other machines have written: see [`Source::refresh`].
    pub fn refresh(&self) {
        self.source.refresh();
    }

    /// Bytes that can be read.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Fills `buf` from `offset`.
    ///
    /// # Errors
    /// Whatever the device says; `UnexpectedEof` past its end.
    pub fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        match offset.checked_add(buf.len() as u64) {
            Some(end) if end <= self.size => {
                self.go_on()?;
                self.source.read_at(buf, self.start + offset)
            }
            _ => Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                format!(
                    "{} bytes lie past the device's end at {:#x}",
                    buf.len(),
                    self.absolute(self.size)
                ),
            )),
        }
    }

    /// Reads `len` bytes from `offset`. The caller bounds `len`.
    ///
    /// # Errors
    /// As [`Self::read_at`].
    pub fn read_bytes(&self, offset: u64, len: usize) -> io::Result<Bytes> {
        self.read(offset, len).map(buffer::freeze)
    }

    /// As [`Self::read_bytes`], with the same bound, of what the caller changes.
    pub(crate) fn read(&self, offset: u64, len: usize) -> io::Result<Buffer> {
        if offset.checked_add(len as u64).is_none_or(|end| end > self.size) {
            // Fails in the one place that says so, before anything is allocated.
            self.read_at(&mut [0], self.size)?;
        }
        let mut buf = buffer::take(len);
        self.read_at(&mut buf, offset)?;
        Ok(buf)
    }

    /// Reads several ranges, each of a length from an offset, in one call of the source where that goes well.
    /// The caller bounds the lengths.
    ///
    /// # Errors
    /// For each range as [`Self::read_bytes`].
    pub fn read_many(&self, ranges: &[(u64, usize)]) -> Vec<io::Result<Bytes>> {
        let fits = |(offset, len): &(u64, usize)| {
            offset.checked_add(*len as u64).is_some_and(|end| end <= self.size)
        };
        let mut buffers: Vec<_> =
            ranges.iter().filter(|range| fits(range)).map(|(_, len)| buffer::take(*len)).collect();
        let offsets = ranges.iter().filter(|range| fits(range)).map(|(at, _)| self.start + at);
        let mut together: Vec<ReadRange<'_>> =
            offsets.zip(&mut buffers).map(|(offset, buf)| ReadRange { offset, buf }).collect();
        let is_read = together.len() > 1
            && self.go_on().is_ok()
            && self.source.read_ranges(&mut together).is_ok();
        let mut read = buffers.into_iter();
        let each = ranges.iter().map(|range| match fits(range).then(|| read.next()).flatten() {
            Some(buffer) if is_read => Ok(buffer::freeze(buffer)),
            _ => self.read_bytes(range.0, range.1),
        });
        each.collect()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A device in memory.
    pub(crate) struct Memory(pub(crate) Vec<u8>);

    impl Source for Memory {
        fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
            let at = usize::try_from(offset).map_err(io::Error::other)?;
            let bytes = self.0.get(at..at + buf.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
            buf.copy_from_slice(bytes);
            Ok(())
        }

        fn size(&self) -> u64 {
            self.0.len() as u64
        }
    }

    #[test]
    fn a_part_ends_where_it_ends() {
        let whole = Device::new("disk", Arc::new(Memory((0..100).collect())));
        let part = whole.part(10, 20);
        assert_eq!(part.read_bytes(5, 3).unwrap()[..], [15, 16, 17]);
        assert_eq!(part.absolute(5), 15);
        assert!(part.read_bytes(18, 3).is_err());
        assert!(part.read_bytes(u64::MAX, 3).is_err());
        assert_eq!(whole.part(90, 20).size(), 10);
        assert_eq!(whole.part(200, 20).size(), 0);
    }

    /// Four ranges of which two leave the device.
    const RANGES: [(u64, usize); 4] = [(5, 3), (18, 3), (u64::MAX, 1), (0, 2)];

    /// A source whose calls for several ranges fail after the first range.
    struct Single(Memory);

    impl Source for Single {
        fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
            self.0.read_at(buf, offset)
        }

        fn size(&self) -> u64 {
            self.0.size()
        }

        fn read_ranges(&self, ranges: &mut [ReadRange<'_>]) -> io::Result<()> {
            ranges[0].buf.fill(0xee);
            Err(io::ErrorKind::Interrupted.into())
        }
    }

    #[test]
    fn a_range_that_fails_costs_itself_alone() {
        let sources: [Arc<dyn Source>; 2] =
            [Arc::new(Memory((0..100).collect())), Arc::new(Single(Memory((0..100).collect())))];
        for source in sources {
            let part = Device::new("disk", source).part(10, 20);
            let read = part.read_many(&RANGES).into_iter().map(|bytes| bytes.ok());
            let want = [Some(&[15, 16, 17][..]), None, None, Some(&[10, 11])];
            let want = want.map(|bytes| bytes.map(Bytes::copy_from_slice));
            assert!(read.eq(want));
            assert!(part.read_many(&[]).is_empty());
        }
    }
}
