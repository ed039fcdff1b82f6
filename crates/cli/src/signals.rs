//! Signals: those that end the program do so at a record, and one asks how far it has come.

use crate::exit::{Failure, at_once};
use crate::keys;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};
use signal_hook::iterator::Signals;
use std::io;
use std::sync::atomic::{AtomicI32, Ordering};
use zsend_pool::ErrorClass;

/// The first signal that asked for an end; zero before.
static ENDED_BY: AtomicI32 = AtomicI32::new(0);

/// Signals that ask for an end.
const ENDS: [i32; 3] = [SIGHUP, SIGINT, SIGTERM];

/// Signals that ask for a report.
const REPORTS: &[i32] = &[
    SIGUSR1,
    #[cfg(any(target_os = "macos", target_os = "freebsd"))]
    signal_hook::consts::SIGINFO,
];

/// Takes signals from now on, on a thread of its own. The first that asks for an end calls `cancel`,
/// and the second does not wait for whoever heeds that. `report` tells how far the program has come.
///
/// A signal that the program was started to ignore, as by `nohup`, stays ignored.
pub(crate) fn take(
    cancel: impl Fn() + Send + 'static,
    report: impl Fn() + Send + 'static,
) -> Result<(), Failure> {
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
            let first = ENDED_BY.compare_exchange(0, signal, Ordering::Relaxed, Ordering::Relaxed);
            cancel();
            // Who types a key waits for the terminal and heeds no token.
            if keys::restore_terminal() || first.is_err() {
                at_once(code(signal));
            }
        }
    };
    std::thread::Builder::new().name("zsend-signals".into()).spawn(take).map_err(failed)?;
    Ok(())
}

/// Returns the exit code of the signal that asked for an end, if one did: as a shell gives it for a
/// program that a signal killed.
pub(crate) fn exit_code() -> Option<u8> {
    match ENDED_BY.load(Ordering::Relaxed) {
        0 => None,
        signal => Some(code(signal)),
    }
}

fn code(signal: i32) -> u8 {
    u8::try_from(128 + signal).unwrap_or(u8::MAX)
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
