//! Signals, on a thread of their own.

use super::super::Signal;
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGUSR1, SIGXFSZ};
use signal_hook::iterator::{Handle, Signals};
use signal_hook::low_level::emulate_default_handler;
use std::io;
use std::sync::OnceLock;
use zsend_metal::signals::is_ignored;

/// Signals that ask for an end.
const ENDS: [i32; 3] = [SIGHUP, SIGINT, SIGTERM];

/// Signals that the terminal must have its echo back for, while a key is typed.
const AT_PROMPT: [i32; 2] = [SIGQUIT, SIGTSTP];

/// Signals that ask for a report.
const REPORTS: &[i32] = &[
    SIGUSR1,
    #[cfg(any(target_os = "macos", target_os = "freebsd"))]
    signal_hook::consts::SIGINFO,
];

/// Signal that a file has no room by the limit of the process (`ulimit -f`). It would end the program; taken, it lets
/// the write fail, as on a disk that is full.
const NO_ROOM: i32 = SIGXFSZ;

/// The way to take more signals, once some are taken.
static TAKER: OnceLock<Handle> = OnceLock::new();

/// Takes signals from now on. One that the program was started to ignore, as by `nohup`, stays ignored.
///
/// # Errors
/// Errors of the system.
pub(crate) fn take(mut heed: impl FnMut(Signal) + Send + 'static) -> io::Result<()> {
    let all = ENDS.iter().chain(REPORTS).chain([&NO_ROOM]);
    let mut signals = Signals::new(all.filter(|&&signal| !is_ignored(signal)))?;
    let _ = TAKER.set(signals.handle());
    let take = move || {
        for signal in signals.forever().filter(|&signal| signal != NO_ROOM) {
            heed(if REPORTS.contains(&signal) {
                Signal::Report
            } else if AT_PROMPT.contains(&signal) {
                Signal::Leave(signal)
            } else {
                Signal::End(u8::try_from(signal).unwrap_or_default())
            });
        }
    };
    std::thread::Builder::new().name("zsend-signals".into()).spawn(take)?;
    Ok(())
}

/// Takes those signals, too, that would leave a terminal without echo.
///
/// # Errors
/// Errors of the system.
pub(crate) fn take_at_prompt() -> io::Result<()> {
    let Some(taker) = TAKER.get() else { return Ok(()) };
    AT_PROMPT
        .into_iter()
        .filter(|&signal| !is_ignored(signal))
        .try_for_each(|signal| taker.add_signal(signal))
}

/// Does what the signal does to a program that takes none: it stops until a signal lets it go on, or ends.
pub(crate) fn leave(signal: i32) {
    let _ = emulate_default_handler(signal);
}
