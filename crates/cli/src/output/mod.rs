//! Destination of a stream: standard output unless it is a terminal; a device or FIFO as it is; or a
//! file that gets its name only when it is whole.

mod appended;
mod made;
mod partial;

use crate::exit::{CommandResult, Failure};
use crate::progress::Gauge;
use crate::stdout;
use crate::sys::Destination;
use crate::sys::files::{Identity, duplicate, grow_pipe, named_place, sync};
use partial::Partial;

pub(crate) use appended::open as open_to_append;
use made::Made;
pub(crate) use made::make_folder;
use std::fs::{self, File, OpenOptions};
use std::io::{self, IoSlice, IsTerminal, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;

/// Symbolic links that may lead to one another; Linux follows as many.
const MAX_LINKS: usize = 40;

/// Devices and images that are read, and so are never written to.
#[derive(Debug, Default)]
pub(crate) struct Guard(Vec<Identity>);

impl Guard {
    /// Guards the files and devices of these names.
    pub(crate) fn new(names: &[String]) -> Self {
        Self(names.iter().filter_map(|name| Identity::of_path(Path::new(name)).ok()).collect())
    }

    /// Guards what a descriptor has, too, whatever its name is.
    pub(crate) fn add(&mut self, file: &File) {
        self.0.extend(Identity::of_file(file));
    }

    /// Refuses a file that is one of them.
    pub(crate) fn check_file(&self, path: &Path, file: &File) -> CommandResult {
        guard_file(self, path, file)
    }

    /// Refuses what is one of them.
    fn check(&self, path: &Path, found: &Identity) -> CommandResult {
        if self.0.iter().any(|own| own.is(found)) {
            let path = path.display();
            return Err(Failure::usage(format!("cannot write to {path}: it is what is read")));
        }
        Ok(())
    }
}

/// An open output.
pub(crate) struct Output {
    /// The file that is made, if it is one. It stands before its descriptor, which locks it until it is gone, too.
    partial: Option<Partial>,
    file: File,
    /// Bytes of a file that stay, until the first byte is written behind them.
    kept: Option<u64>,
    gauge: Arc<Gauge>,
}

impl Output {
    /// Opens the output: standard output if no file is named, or `-`. `is_whole` says that the stream
    /// is not the rest of one that was sent before.
    pub(crate) fn open(
        path: Option<&Path>,
        is_whole: bool,
        guard: &Guard,
        gauge: &Arc<Gauge>,
    ) -> Result<Self, Failure> {
        let gauge = Arc::clone(gauge);
        let Some(path) = path.filter(|path| *path != Path::new("-")) else {
            if io::stdout().is_terminal() {
                return Err(Failure::usage(
                    "Error: Stream can not be written to a terminal.\nYou must redirect standard \
                     output, or name a file with -o.",
                ));
            }
            let file = stdout::open()?;
            guard_file(guard, Path::new("standard output"), &file)?;
            grow_pipe(&file);
            return Ok(Self { file, partial: None, kept: None, gauge });
        };
        let failed = |e: io::Error| Failure::io("write to", path, &e);
        let file = match place(path).map_err(failed)? {
            Destination::File(target) => {
                let (partial, file) = Partial::create(target, is_whole, guard)?;
                return Ok(Self { file, partial: Some(partial), kept: None, gauge });
            }
            // Where it was closed, Rust's runtime has put something else.
            Destination::Descriptor(1) => stdout::open()?,
            Destination::Descriptor(number) => duplicate(number).map_err(failed)?,
            Destination::Special => {
                // A FIFO is open once it has a reader.
                let _waiting = gauge.writing();
                OpenOptions::new().write(true).open(path).map_err(failed)?
            }
        };
        guard_file(guard, path, &file)?;
        if file.is_terminal() {
            return Err(Failure::usage(format!("cannot write to {}: a terminal", path.display())));
        }
        grow_pipe(&file);
        Ok(Self { file, partial: None, kept: None, gauge })
    }

    /// Output behind the first `kept` bytes of a file. The others are cut off when the first byte comes.
    pub(crate) fn behind(file: File, kept: u64, gauge: &Arc<Gauge>) -> Self {
        Self { file, partial: None, kept: Some(kept), gauge: Arc::clone(gauge) }
    }

    /// Cuts off what does not stay.
    fn cut(&mut self) -> io::Result<()> {
        if let Some(kept) = self.kept {
            self.file.set_len(kept)?;
            self.file.seek(SeekFrom::Start(kept))?;
            self.kept = None;
        }
        Ok(())
    }

    /// Makes a whole stream durable and gives it its name.
    pub(crate) fn commit(self) -> CommandResult {
        match self.partial {
            Some(partial) => partial.commit(self.file),
            None => {
                sync(&self.file).map_err(|e| Failure::io("write to", Path::new("the output"), &e))
            }
        }
    }

    /// Removes the file that is made, if it is one.
    pub(crate) fn discard(self) {
        if let Some(partial) = self.partial {
            // It is still locked: nobody else writes it.
            let _ = fs::remove_file(partial.name());
        }
    }

    /// Returns true if a file is made.
    pub(crate) const fn is_file(&self) -> bool {
        self.partial.is_some()
    }

    /// The file that is made, if there is anything in it: an empty one goes when this is dropped.
    pub(crate) fn left(&self) -> Option<&Partial> {
        let is_empty = self.file.metadata().is_ok_and(|found| found.len() == 0);
        self.partial.as_ref().filter(|_| !is_empty)
    }
}

fn guard_file(guard: &Guard, path: &Path, file: &File) -> CommandResult {
    let found = Identity::of_file(file).map_err(|e| Failure::io("write to", path, &e))?;
    guard.check(path, &found)
}

/// Finds out where a path leads.
fn place(path: &Path) -> io::Result<Destination> {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        if let Some(place) = named_place(&path, folder(&path)) {
            return Ok(place);
        }
        match fs::symlink_metadata(&path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Destination::File(path)),
            Err(e) => return Err(e),
            Ok(found) if found.is_symlink() => path = folder(&path).join(fs::read_link(&path)?),
            Ok(found) if found.is_file() => return Ok(Destination::File(path)),
            Ok(_) => return Ok(Destination::Special),
        }
    }
    Err(io::Error::other("too many levels of symbolic links"))
}

/// The folder that a path lies in.
fn folder(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

impl Write for &mut Output {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.cut()?;
        let _waiting = self.gauge.writing();
        self.file.write(buf)
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.cut()?;
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
        assert_eq!(place(&at("new")).unwrap(), Destination::File(at("new")));
        symlink("two", at("one")).unwrap();
        symlink("new", at("two")).unwrap();
        assert_eq!(place(&at("one")).unwrap(), Destination::File(at("new")));
        symlink("/dev/null", at("null")).unwrap();
        assert_eq!(place(&at("null")).unwrap(), Destination::Special);
        symlink("loop", at("loop")).unwrap();
        assert!(place(&at("loop")).is_err());
        for path in ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"] {
            assert_eq!(place(Path::new(path)).unwrap(), Destination::Descriptor(1), "{path}");
        }
        assert_eq!(place(dir.path()).unwrap(), Destination::Special);
    }
}
