//! The console of the process, and its echo.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use winapi_util::console::{mode, set_mode};

/// `ENABLE_ECHO_INPUT`, a mode of a console.
const ECHO_INPUT: u32 = 0x0004;

/// The console, and the mode that its input had when it was opened.
#[derive(Debug)]
pub(crate) struct Terminal {
    input: File,
    output: File,
    mode: u32,
}

impl Terminal {
    /// Opens the console that the process belongs to, whatever its standard input is.
    pub(crate) fn open() -> io::Result<Self> {
        let open = |name| OpenOptions::new().read(true).write(true).open(name);
        let (input, output) = (open("CONIN$")?, open("CONOUT$")?);
        let mode = mode(&input)?;
        Ok(Self { input, output, mode })
    }

    /// Puts the console into the mode that it had.
    pub(crate) fn show(&self) -> io::Result<()> {
        set_mode(&self.input, self.mode)
    }

    /// Takes the echo away.
    pub(crate) fn hide(&self) -> io::Result<()> {
        set_mode(&self.input, self.mode & !ECHO_INPUT)
    }

    /// Writes a text.
    pub(crate) fn write(&self, text: &str) -> io::Result<()> {
        (&self.output).write_all(text.as_bytes())
    }

    /// Reads the next byte of what is typed; `None` at the end of a line, and of all.
    ///
    /// # Errors
    /// Errors of the system; a character outside ASCII, which comes in the console's code page, and so
    /// would make another key than it does elsewhere.
    pub(crate) fn read_byte(&self, byte: &mut [u8; 1]) -> io::Result<Option<u8>> {
        let read = (&self.input).read(byte)?;
        match byte[0] {
            _ if read == 0 => Ok(None),
            b'\r' | b'\n' => {
                // A line ends with both. What cannot be read after it is of no use.
                if byte[0] == b'\r' {
                    let _ = (&self.input).read(byte)?;
                }
                Ok(None)
            }
            typed if typed.is_ascii() && typed != 0 => Ok(Some(typed)),
            _ => Err(io::Error::other(
                "a key with characters outside ASCII cannot be typed on a console of Windows; it \
                 can be read from a file",
            )),
        }
    }

    /// Ends the line that was typed, since the console echoed nothing of it.
    pub(crate) fn end_line(&self) {
        // It is there for people alone.
        let _ = self.write("\r\n");
    }
}

/// Leaves the name of the process as it is: Windows has none that can be changed.
pub(crate) fn set_title(_title: &str) {}
