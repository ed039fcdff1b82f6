//! Files, signals and the terminal, as each system has them. No other part of the program asks on which
//! system it runs. Both folders have the same items.

#[cfg(unix)]
mod unix;
#[cfg(unix)]
pub(crate) use unix::{files, signals, terminal};

#[cfg(windows)]
mod windows;
#[cfg(windows)]
pub(crate) use windows::{files, signals, terminal};

use std::path::PathBuf;

/// Request of the system, or of a person at the keyboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    /// To end, by the number that the exit code is made of.
    End(u8),
    /// To say how far a send has come.
    #[cfg_attr(windows, expect(dead_code, reason = "Windows has no such signal"))]
    Report,
    /// To leave the terminal for a while, or for good: [`signals::leave`] does so.
    #[cfg_attr(windows, expect(dead_code, reason = "Windows has no such signal"))]
    Leave(i32),
}

/// Place that a path leads to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Destination {
    /// A regular file, or none yet, by its path with all links followed.
    File(PathBuf),
    /// A descriptor of this process: it is written on where it stands, as a shell's `>&N` does.
    #[cfg_attr(windows, expect(dead_code, reason = "no path of Windows means one"))]
    Descriptor(i32),
    /// Anything else, which is written through.
    Special,
}
