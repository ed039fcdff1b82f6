//! A key that is typed on the terminal, without echo.

use crate::exit::{Failure, code_of_signal};
use crate::sys::signals::take_at_prompt;
use crate::sys::terminal::Terminal;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use zeroize::Zeroizing;

/// The terminal while a key is typed.
static TERMINAL: Mutex<Option<Arc<Terminal>>> = Mutex::new(None);

/// Gives the terminal its echo back for a while, if a key is being typed.
pub(crate) fn show_terminal() {
    if let Some(terminal) = &*TERMINAL.lock().unwrap_or_else(PoisonError::into_inner) {
        let _ = terminal.show();
    }
}

/// Takes the echo again.
pub(crate) fn hide_terminal() {
    if let Some(terminal) = &*TERMINAL.lock().unwrap_or_else(PoisonError::into_inner) {
        let _ = terminal.hide();
    }
}

/// Gives the terminal its echo back, if a key is being typed; says whether one is.
pub(crate) fn restore_terminal() -> bool {
    // Under the lock, so that nobody ends the program before the echo is back.
    let mut shared = TERMINAL.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(terminal) = shared.take() else { return false };
    let _ = terminal.show();
    true
}

/// Asks for a key without echo, which is off before the prompt is shown: what is typed at once is not
/// seen either. A signal finds the terminal in [`TERMINAL`] and restores it.
pub(crate) fn ask(root: &str) -> Result<Zeroizing<String>, Failure> {
    let failed = |e| Failure::io("read a key from", Path::new("the terminal"), &e);
    let terminal = Arc::new(Terminal::open().map_err(failed)?);
    take_at_prompt().map_err(failed)?;
    {
        // Under the lock, so that no signal comes between the two.
        let mut shared = TERMINAL.lock().unwrap_or_else(PoisonError::into_inner);
        terminal.hide().map_err(failed)?;
        *shared = Some(Arc::clone(&terminal));
    }
    // A signal that came before was told of no terminal: nobody would be left to heed it.
    let typed = if code_of_signal().is_some() {
        Err(io::ErrorKind::Interrupted.into())
    } else {
        terminal.write(&format!("Enter key for '{root}': ")).and_then(|()| read_line(&terminal))
    };
    terminal.end_line();
    restore_terminal();
    typed.map_err(failed)
}

/// Longest line of a key that is read: ten times the longest passphrase.
pub(crate) const LONGEST: usize = 5120;

/// A line, without its end. It is never in a buffer that is not wiped.
fn read_line(terminal: &Terminal) -> io::Result<Zeroizing<String>> {
    let mut line = Zeroizing::new(Vec::with_capacity(LONGEST));
    let mut byte = Zeroizing::new([0]);
    while line.len() < LONGEST
        && let Some(typed) = terminal.read_byte(&mut byte)?
    {
        line.push(typed);
    }
    let text = std::str::from_utf8(&line).map_err(|_| io::Error::other("it is not UTF-8"))?;
    Ok(Zeroizing::new(text.to_owned()))
}
