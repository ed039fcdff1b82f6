//! A file that is gone on with in its place.

use super::Guard;
use crate::exit::Failure;
use crate::sys::files::{Identity, open_there};
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::Path;

/// Opens a regular file for reading and writing, and locks it, as a send locks the file that it makes: nobody else
/// writes it meanwhile.
pub(crate) fn open(path: &Path, guard: &Guard) -> Result<File, Failure> {
    let failed = |e: io::Error| Failure::io("write to", path, &e);
    // To open a device or a FIFO for writing may do something already.
    if !fs::metadata(path).map_err(failed)?.is_file() {
        return Err(not_regular(path));
    }
    let file = open_there(path).map_err(failed)?;
    if !file.metadata().map_err(failed)?.is_file() {
        return Err(not_regular(path));
    }
    guard.check(path, &Identity::of_file(&file).map_err(failed)?)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            Err(failed(io::Error::other("another zsend is writing to it")))
        }
        Err(TryLockError::Error(e)) => Err(failed(e)),
    }
}

fn not_regular(path: &Path) -> Failure {
    Failure::usage(format!("cannot write to {}: it is not a regular file", path.display()))
}
