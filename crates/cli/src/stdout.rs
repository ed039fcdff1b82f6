//! Text on standard output: all of it is there at the end, or the program fails.

use crate::exit::{CommandResult, Failure};
use crate::sys::files::standard_output;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use zsend_metal::stdio::{Standard, was_closed};
use zsend_pool::ErrorClass;

/// Returns standard output as a file, without the line ends that Rust's own looks for in all that it
/// is given, and without its silence about a descriptor that cannot be written to.
///
/// # Errors
/// A standard output that was closed when the program started.
pub(crate) fn open() -> Result<File, Failure> {
    if was_closed(Standard::Output) {
        return Err(Failure::new(ErrorClass::Device, "standard output is closed"));
    }
    standard_output().map_err(|e| failed(&e))
}

/// Writes a whole text. A reader that has gone away has seen what it wanted.
pub(crate) fn print(text: &[u8]) -> CommandResult {
    finish(open()?.write_all(text))
}

/// The end of some text that was written to [`open()`].
pub(crate) fn finish(written: io::Result<()>) -> CommandResult {
    match written {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => Err(failed(&e)),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn failed(e: &io::Error) -> Failure {
    Failure::io("write to", Path::new("standard output"), e)
}
