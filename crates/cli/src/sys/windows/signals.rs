//! Requests to end: Ctrl-C, Ctrl-Break, a console that is closed, the end of the session. There is no other
//! signal: nothing asks for a report.

use super::super::Signal;
use std::io;

/// The number that the exit code is made of, of an interrupt as POSIX has it.
const SIGINT: u8 = 2;

/// Takes requests to end from now on, on a thread of their own.
///
/// # Errors
/// Errors of the system.
pub(crate) fn take(mut heed: impl FnMut(Signal) + Send + 'static) -> io::Result<()> {
    ctrlc::set_handler(move || heed(Signal::End(SIGINT))).map_err(io::Error::other)
}

/// Takes no more: a request to end is the only one that could leave a console without echo.
pub(crate) fn take_at_prompt() -> io::Result<()> {
    Ok(())
}

/// Does nothing, since [`take`] gives no signal that leaves a terminal.
pub(crate) fn leave(_signal: i32) {}
