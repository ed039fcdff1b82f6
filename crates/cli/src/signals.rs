//! Signals: those that end the program do so at a record, and one asks how far it has come.

use crate::exit::{Failure, at_once, ended_by};
use crate::progress::{self, Gauge};
use crate::prompt;
use crate::sys::{Signal, signals};
use std::io::{self, Write, stderr};
use std::sync::{Arc, mpsc};
use std::time::Duration;
use zsend_pool::{CancelToken, ErrorClass};

/// Takes signals from now on, on a thread of its own. The first that asks for an end cancels the
/// token, and the second does not wait for whoever heeds that. A report tells how far the send of
/// `name` has come.
///
/// A signal that the program was started to ignore, as by `nohup`, stays ignored.
pub(crate) fn take(cancel: CancelToken, gauge: Arc<Gauge>, name: String) -> Result<(), Failure> {
    let heed = move |signal| match signal {
        Signal::Report => {
            let _ = writeln!(stderr(), "{}", progress::line(&gauge, &name));
        }
        Signal::Leave(signal) => {
            prompt::show_terminal();
            signals::leave(signal);
            // It was stopped, and goes on.
            prompt::hide_terminal();
        }
        Signal::End(signal) => {
            let is_first = ended_by(signal);
            cancel.cancel();
            // Who types a key waits for the terminal and heeds no token.
            if prompt::restore_terminal() || !is_first {
                at_once(signal);
            }
            end_in_time(signal, &gauge);
        }
    };
    signals::take(heed).map_err(|e: io::Error| {
        Failure::new(ErrorClass::Device, format!("cannot take signals: {e}"))
    })
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
