//! The folder that streams are written to.

use crate::exit::{Done, Failure};
use crate::output::{Guard, Output};
use crate::progress::Gauge;
use std::fs;
use std::io::{self, IoSlice, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zsend_catalogue::Store;

/// Makes the folder if it is not there.
pub(super) fn make(path: &Path) -> Done {
    match fs::create_dir(path) {
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists => Err(Failure::io("make", path, &e)),
        Ok(()) | Err(_) if path.is_dir() => Ok(()),
        Ok(()) | Err(_) => {
            Err(Failure::usage(format!("with --all -o takes a folder; {} is none", path.display())))
        }
    }
}

/// A folder of streams, each written as `-o FILE` writes it.
pub(super) struct Folder {
    path: PathBuf,
    guard: Guard,
    gauge: Arc<Gauge>,
}

impl Folder {
    pub(super) fn new(path: &Path, guard: Guard, gauge: &Arc<Gauge>) -> Self {
        Self { path: path.to_owned(), guard, gauge: Arc::clone(gauge) }
    }
}

impl Store for Folder {
    type File = Stream;
    type Error = Failure;

    fn create(&self, file: &str) -> Result<Stream, Failure> {
        let path = self.path.join(file);
        // A link would lead out of the folder, and anything else would be written through.
        if fs::symlink_metadata(&path).is_ok_and(|found| !found.is_file()) {
            let e = io::Error::other("it is not a regular file");
            return Err(Failure::io("write to", &path, &e));
        }
        Output::open(Some(&path), true, &self.guard, &self.gauge).map(Stream)
    }

    fn commit(&self, Stream(output): Stream) -> Result<(), Failure> {
        output.commit()
    }

    fn discard(&self, Stream(output): Stream) {
        output.discard();
    }
}

/// A stream on its way to its name.
pub(super) struct Stream(Output);

impl Write for Stream {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        (&mut self.0).write(buf)
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        (&mut self.0).write_vectored(bufs)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
