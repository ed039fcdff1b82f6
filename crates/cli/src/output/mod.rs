//! Destination of a stream: standard output unless it is a terminal; a device or FIFO as it is; or a
//! file that gets its name only when it is whole.

mod partial;

use crate::exit::{Done, Failure};
use crate::progress::Gauge;
use crate::stdout;
use partial::Partial;
use std::fs::{self, File, OpenOptions};
use std::io::{self, IoSlice, IsTerminal, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Symbolic links that may lead to one another; Linux follows as many.
const MAX_LINKS: usize = 40;

/// An open output.
pub(crate) struct Output {
    file: File,
    /// The file that is made, if it is one.
    partial: Option<Partial>,
    gauge: Arc<Gauge>,
}

impl Output {
    /// Opens the output: standard output if no file is named, or `-`.
    pub(crate) fn open(path: Option<&Path>, gauge: &Arc<Gauge>) -> Result<Self, Failure> {
        let gauge = Arc::clone(gauge);
        let Some(path) = path.filter(|path| *path != Path::new("-")) else {
            if io::stdout().is_terminal() {
                return Err(Failure::usage(
                    "Error: Stream can not be written to a terminal.\nYou must redirect standard \
                     output, or name a file with -o.",
                ));
            }
            let file = stdout::open()?;
            grow_pipe(&file);
            return Ok(Self { file, partial: None, gauge });
        };
        let failed = |e: io::Error| Failure::io("write to", path, &e);
        match regular(path).map_err(failed)? {
            Some(target) => {
                let (partial, file) = Partial::create(target)?;
                Ok(Self { file, partial: Some(partial), gauge })
            }
            None => {
                let file = OpenOptions::new().write(true).open(path).map_err(failed)?;
                if file.is_terminal() {
                    return Err(Failure::usage(format!("{}: is a terminal", path.display())));
                }
                grow_pipe(&file);
                Ok(Self { file, partial: None, gauge })
            }
        }
    }

    /// Makes a whole stream durable and gives it its name.
    pub(crate) fn commit(self) -> Done {
        match self.partial {
            Some(partial) => partial.commit(self.file),
            // Only what has a disk behind it can be made durable.
            None => match self.file.sync_all() {
                Err(e) if e.raw_os_error() == Some(EIO) => {
                    Err(Failure::io("write to", Path::new("the output"), &e))
                }
                Ok(()) | Err(_) => Ok(()),
            },
        }
    }

    /// The file that is made, if it is one.
    pub(crate) const fn partial(&self) -> Option<&Partial> {
        self.partial.as_ref()
    }
}

/// `EIO`, as every Unix has it: a device did not keep what it was given.
const EIO: i32 = 5;

/// Returns the path, its links followed, if it is a regular file or none yet; `None` if it is written
/// through. A descriptor that goes by a name below `/proc` is nobody's to rename over.
fn regular(path: &Path) -> io::Result<Option<PathBuf>> {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        if fs::canonicalize(folder(&path)).is_ok_and(|folder| folder.starts_with("/proc")) {
            return Ok(None);
        }
        match fs::symlink_metadata(&path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Some(path)),
            Err(e) => return Err(e),
            Ok(found) if found.is_symlink() => path = folder(&path).join(fs::read_link(&path)?),
            Ok(found) if found.is_file() => return Ok(Some(path)),
            Ok(_) => return Ok(None),
        }
    }
    Err(io::Error::other("too many levels of symbolic links"))
}

/// The folder that a path lies in.
fn folder(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Large enough that writer and reader seldom wait for each other, and small enough that what lies in
/// it is still in the processor's second cache when it is read. The largest pipe that a system lets an
/// ordinary user have, 1 MiB, was measured to cost a quarter more time.
#[cfg(target_os = "linux")]
const PIPE_SIZE: usize = 256 << 10;

/// Makes a pipe larger than the 64 KiB that it has by itself.
/// Anything else, and a pipe that may not grow, works as it is.
/// Only Linux can.
fn grow_pipe(fd: &impl AsFd) {
    #[cfg(target_os = "linux")]
    let _ = rustix::pipe::fcntl_setpipe_size(fd, PIPE_SIZE);
    #[cfg(not(target_os = "linux"))]
    let _ = fd;
}

impl Write for &mut Output {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let _waiting = self.gauge.writing();
        self.file.write(buf)
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        let _waiting = self.gauge.writing();
        self.file.write_vectored(bufs)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn links_are_followed_to_what_they_mean() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        assert_eq!(regular(&at("new")).unwrap(), Some(at("new")));
        symlink("two", at("one")).unwrap();
        symlink("new", at("two")).unwrap();
        assert_eq!(regular(&at("one")).unwrap(), Some(at("new")));
        symlink("/dev/null", at("null")).unwrap();
        assert_eq!(regular(&at("null")).unwrap(), None);
        symlink("loop", at("loop")).unwrap();
        assert!(regular(&at("loop")).is_err());
        assert_eq!(regular(Path::new("/dev/stdout")).unwrap(), None);
        assert_eq!(regular(dir.path()).unwrap(), None);
    }
}
