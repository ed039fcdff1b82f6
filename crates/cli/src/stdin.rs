//! Streams that are read: files by name, or standard input.

use crate::exit::Failure;
use crate::sys::files::standard_input;
use std::fs::File;
use std::io::{self, IsTerminal};
use std::path::Path;
use zsend_metal::stdio::{Standard, was_closed};
use zsend_pool::ErrorClass;

/// Opens a stream; standard input if none is named, or `-`. The text is its name in messages.
///
/// # Errors
/// A file that cannot be opened, and a standard input that is a terminal or closed.
pub(crate) fn open(path: Option<&Path>) -> Result<(String, File), Failure> {
    if let Some(path) = path.filter(|path| *path != Path::new("-")) {
        let file = File::open(path).map_err(|e| Failure::io("open", path, &e))?;
        return Ok((path.display().to_string(), file));
    }
    let stdin = io::stdin();
    if stdin.is_terminal() {
        return Err(Failure::usage(
            "Error: The backup stream can not be read from a terminal.\nYou must redirect \
             standard input, or name a file.",
        ));
    }
    if was_closed(Standard::Input) {
        return Err(Failure::new(ErrorClass::Device, "standard input is closed"));
    }
    let name = "standard input";
    // As a file it has no buffer of its own, and may be read on another thread.
    let file = standard_input().map_err(|e| Failure::io("read", Path::new(name), &e))?;
    Ok((name.into(), file))
}
