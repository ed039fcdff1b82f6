//! Signals: those that end the program do so at a record, and one asks how far it has come.

use crate::exit::{Failure, at_once, ended_by};
use crate::keys;
use crate::progress::{self, Gauge};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGUSR1};
use signal_hook::iterator::{Handle, Signals};
use signal_hook::low_level::emulate_default_handler;
use std::io::{self, Write, stderr};
use std::sync::{Arc, OnceLock, mpsc};
use std::time::Duration;
use zsend_metal::signals::is_ignored;
use zsend_pool::{CancelToken, ErrorClass};

/// Signals that ask for an end.
const ENDS: [i32; 3] = [SIGHUP, SIGINT, SIGTERM];

/// Signals that the terminal must have its echo back for, while a key is typed.
const AT_PROMPT: [i32; 2] = [SIGQUIT, SIGTSTP];

/// The way to take more signals, once some are taken.
static TAKER: OnceLock<Handle> = OnceLock::new();

/// Signals that ask for a report.
const REPORTS: &[i32] = &[
    SIGUSR1,
    #[cfg(any(target_os = "macos", target_os = "freebsd"))]
    signal_hook::consts::SIGINFO,
];

/// Takes signals from now on, on a thread of its own. The first that asks for an end cancels the
/// token, and the second does not wait for whoever heeds that. A report tells how far the send of
/// `name` has come.
///
/// A signal that the program was started to ignore, as by `nohup`, stays ignored.
pub(crate) fn take(cancel: CancelToken, gauge: Arc<Gauge>, name: String) -> Result<(), Failure> {
    let all = ENDS.iter().chain(REPORTS);
    let failed =
        |e: io::Error| Failure::new(ErrorClass::Device, format!("cannot take signals: {e}"));
    let mut signals = Signals::new(all.filter(|&&signal| !is_ignored(signal))).map_err(failed)?;
    let _ = TAKER.set(signals.handle());
    let take = move || {
        for signal in signals.forever() {
            if REPORTS.contains(&signal) {
                let _ = writeln!(stderr(), "{}", progress::line(&gauge, &name));
            } else if AT_PROMPT.contains(&signal) {
                keys::show_terminal();
                let _ = emulate_default_handler(signal);
                // It was stopped, and goes on.
                keys::hide_terminal();
            } else {
                let signal = u8::try_from(signal).unwrap_or_default();
                let is_first = ended_by(signal);
                cancel.cancel();
                // Who types a key waits for the terminal and heeds no token.
                if keys::restore_terminal() || !is_first {
                    at_once(signal);
                }
                end_in_time(signal, &gauge);
            }
        }
    };
    std::thread::Builder::new().name("zsend-signals".into()).spawn(take).map_err(failed)?;
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

/// Time between two looks at a program that should end.
const LOOK: Duration = Duration::from_secs(1);
/// Looks after which nothing is waited for, such as a device that does not answer.
const MOST_LOOKS: u32 = 10;

/// Ends the program if it does not do so itself: at once where the reader takes nothing, since a
/// write that waits for it heeds no token.
fn end_in_time(signal: u8, gauge: &Arc<Gauge>) {
    let gauge = Arc::clone(gauge);
    let watch = move || {
        // Nobody sends: it is a timer.
        let (_sender, timer) = mpsc::channel::<()>();
        for _ in 0..MOST_LOOKS {
            let _ = timer.recv_timeout(LOOK);
            if gauge.waits_for_reader() {
                let _ = writeln!(
                    stderr(),
                    "zsend: interrupted while the output takes nothing: it may end within a record"
                );
                break;
            }
        }
        at_once(signal);
    };
    // Without the thread a second signal ends it.
    let _ = std::thread::Builder::new().name("zsend-end".into()).spawn(watch);
}
