//! The terminal of the process, its echo, and the name that the process has.

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};

/// The terminal, and its state when it was opened.
#[derive(Debug)]
pub(crate) struct Terminal {
    file: File,
    state: Termios,
}

impl Terminal {
    /// Opens the terminal that the process belongs to, whatever its standard input is.
    pub(crate) fn open() -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).open("/dev/tty")?;
        let state = tcgetattr(&file)?;
        Ok(Self { file, state })
    }

    /// Puts the terminal into the state that it had.
    pub(crate) fn show(&self) -> io::Result<()> {
        Ok(tcsetattr(&self.file, OptionalActions::Now, &self.state)?)
    }

    /// Takes the echo away, but for that of the end of a line.
    pub(crate) fn hide(&self) -> io::Result<()> {
        let mut silent = self.state.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        silent.local_modes.insert(LocalModes::ECHONL);
        Ok(tcsetattr(&self.file, OptionalActions::Now, &silent)?)
    }

    /// Writes a text.
    pub(crate) fn write(&self, text: &str) -> io::Result<()> {
        (&self.file).write_all(text.as_bytes())
    }

    /// Reads the next byte of what is typed, in UTF-8; `None` at the end of a line, and of all.
    pub(crate) fn read_byte(&self, byte: &mut [u8; 1]) -> io::Result<Option<u8>> {
        let read = (&self.file).read(byte)?;
        Ok((read > 0 && byte[0] != b'\n').then_some(byte[0]))
    }

    /// Leaves the line that was typed as it is: the terminal ended it.
    pub(crate) fn end_line(&self) {}
}

/// Gives the process another name; nothing happens on systems that keep it elsewhere than Linux.
pub(crate) fn set_title(title: &str) {
    // It is there for people alone.
    let _ = std::fs::write("/proc/self/comm", title);
}
