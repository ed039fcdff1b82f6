//! The folder that streams are written to.

use crate::exit::{CommandResult, Failure};
use crate::output::{Guard, Output, make_folder};
use crate::progress::Gauge;
use std::fs;
use std::io::{self, IoSlice, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zsend_catalogue::Store;

/// Makes the folder if it is not there.
pub(super) fn make(path: &Path) -> CommandResult {
    make_folder(path).map_err(|e| match e.kind() {
        io::ErrorKind::NotADirectory => {
            Failure::usage(format!("with --all -o takes a folder; {} is none", path.display()))
        }
        _ => Failure::io("make", path, &e),
    })
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
    type File = FolderStream;
    type Error = Failure;

    fn create(&self, file: &str) -> Result<FolderStream, Failure> {
        let path = self.path.join(file);
        // A link would lead out of the folder, and anything else would be written through.
        if fs::symlink_metadata(&path).is_ok_and(|found| !found.is_file()) {
            let e = io::Error::other("it is not a regular file");
            return Err(Failure::io("write to", &path, &e));
        }
        Output::open(Some(&path), true, &self.guard, &self.gauge).map(FolderStream)
    }

    fn commit(&self, FolderStream(output): FolderStream) -> Result<(), Failure> {
        output.commit()
    }

    fn discard(&self, FolderStream(output): FolderStream) {
        output.discard();
    }
}

/// A stream on its way to its name.
pub(super) struct FolderStream(Output);

impl Write for FolderStream {
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
