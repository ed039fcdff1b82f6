//! Signals: those that end the program do so at a record, and one asks how far it has come.

use crate::exit::{Failure, at_once, ended_by};
use crate::keys;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};
use signal_hook::iterator::Signals;
use std::io;
use zsend_pool::{CancelToken, ErrorClass};

/// Signals that ask for an end.
const ENDS: [i32; 3] = [SIGHUP, SIGINT, SIGTERM];

/// Signals that ask for a report.
const REPORTS: &[i32] = &[
    SIGUSR1,
    #[cfg(any(target_os = "macos", target_os = "freebsd"))]
    signal_hook::consts::SIGINFO,
];

/// Takes signals from now on, on a thread of its own. The first that asks for an end cancels the
/// token, and the second does not wait for whoever heeds that. `report` tells how far the program has come.
///
/// A signal that the program was started to ignore, as by `nohup`, stays ignored.
pub(crate) fn take(cancel: CancelToken, report: impl Fn() + Send + 'static) -> Result<(), Failure> {
    let ignored = ignored();
    let wanted = ENDS.iter().chain(REPORTS).filter(|&&signal| ignored & bit(signal) == 0);
    let failed =
        |e: io::Error| Failure::new(ErrorClass::Device, format!("cannot take signals: {e}"));
    let mut signals = Signals::new(wanted).map_err(failed)?;
    let take = move || {
        for signal in signals.forever() {
            if REPORTS.contains(&signal) {
                report();
                continue;
            }
            let signal = u8::try_from(signal).unwrap_or(u8::MAX >> 1);
            let is_first = ended_by(signal);
            cancel.cancel();
            // Who types a key waits for the terminal and heeds no token.
            if keys::restore_terminal() || !is_first {
                at_once(signal);
            }
        }
    };
    std::thread::Builder::new().name("zsend-signals".into()).spawn(take).map_err(failed)?;
    Ok(())
}

const fn bit(signal: i32) -> u64 {
    1 << (signal - 1)
}

/// Signals that are ignored, a bit each, as Linux tells them; none elsewhere.
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}
