//! Destination of a stream: standard output unless it is a terminal, or a file that gets its
//! name only when it is whole.

use crate::exit::Failure;
use std::fs::File;
use std::io::{self, IoSlice, IsTerminal, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use zsend_pool::ErrorClass;

/// An open output.
pub(crate) struct Output {
    file: File,
    /// Temporary and final name, unless it is standard output.
    names: Option<(PathBuf, PathBuf)>,
}

impl Output {
    /// Opens the output.
    pub(crate) fn open(path: Option<&Path>) -> Result<Self, Failure> {
        let Some(path) = path else {
            let stdout = io::stdout();
            if stdout.is_terminal() {
                return Err(Failure::usage(
                    "Error: Stream can not be written to a terminal.\nYou must redirect standard \
                     output, or name a file with -o.",
                ));
            }
            // Rust's own standard output looks for line ends in everything that it is given.
            let fd = stdout.as_fd().try_clone_to_owned();
            let fd = fd.map_err(|e| failed(Path::new("standard output"), &e))?;
            grow_pipe(&fd);
            return Ok(Self { file: fd.into(), names: None });
        };
        let mut name = path.as_os_str().to_owned();
        name.push(".partial");
        let partial = PathBuf::from(name);
        let file = File::create(&partial).map_err(|e| failed(&partial, &e))?;
        Ok(Self { file, names: Some((partial, path.to_owned())) })
    }

    /// Makes a whole stream durable and gives it its name.
    pub(crate) fn commit(self) -> Result<(), Failure> {
        let Some((partial, target)) = self.names else { return Ok(()) };
        self.file.sync_all().map_err(|e| failed(&partial, &e))?;
        drop(self.file);
        std::fs::rename(&partial, &target).map_err(|e| failed(&target, &e))?;
        // The new name is durable once the folder is.
        let folder = target.parent().filter(|p| !p.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))
            .and_then(|f| f.sync_all())
            .map_err(|e| failed(&target, &e))
    }

    /// The temporary name, if the output is a file.
    pub(crate) fn partial(&self) -> Option<&Path> {
        self.names.as_ref().map(|(partial, _)| partial.as_path())
    }
}

/// Large enough that writer and reader seldom wait for each other, and small enough that what lies in
/// it is still in the processor's second cache when it is read. The largest pipe that a system lets an
/// ordinary user have, 1 MiB, was measured to cost a quarter more time.
const PIPE_SIZE: usize = 256 << 10;

/// Makes a pipe larger than the 64 KiB that it has by itself.
/// Anything else, and a pipe that may not grow, works as it is.
fn grow_pipe(fd: &impl AsFd) {
    let _ = rustix::pipe::fcntl_setpipe_size(fd, PIPE_SIZE);
}

fn failed(path: &Path, e: &io::Error) -> Failure {
    Failure::new(ErrorClass::Device, format!("{}: {e}", path.display()))
}

impl Write for &mut Output {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.file.write(buf)
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.file.write_vectored(bufs)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
