//! Exit codes, and the one place that prints errors and warnings.

use crate::text::escaped;
use std::error::Error;
use std::fmt::Display;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use zsend_pool::{ErrorClass, Pool, PoolError};
use zsend_traverse::SendError;

/// Set by `-q`.
static QUIET: AtomicBool = AtomicBool::new(false);

/// The first signal that asked for an end; zero before.
static ENDED_BY: AtomicU8 = AtomicU8::new(0);

/// Notes a signal that asks for an end; says whether it is the first.
pub(crate) fn ended_by(signal: u8) -> bool {
    ENDED_BY.compare_exchange(0, signal, Ordering::Relaxed, Ordering::Relaxed).is_ok()
}

/// Returns the exit code of the signal that asked for an end, if one did: as a shell gives it for a
/// program that a signal killed.
pub(crate) fn code_of_signal() -> Option<u8> {
    let signal = ENDED_BY.load(Ordering::Relaxed);
    (signal != 0).then(|| 128 + signal)
}

/// Exit code of a stream that is cut, and whole so far.
pub(crate) const CUT: u8 = 10;
/// Exit code of streams, or keys, that do not continue one another.
pub(crate) const CHAIN_BROKEN: u8 = 11;

/// Prints no more warnings.
pub(crate) fn be_quiet(quiet: bool) {
    QUIET.store(quiet, Ordering::Relaxed);
}

/// Reason that the program ends with something other than zero.
#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    code: u8,
    /// The message is in the words of `zfs`, which scripts look for: it is printed as it is.
    is_verbatim: bool,
}

impl Failure {
    pub(crate) fn new(class: ErrorClass, message: impl Display) -> Self {
        let code = match class {
            ErrorClass::Damaged => 1,
            ErrorClass::Usage => 2,
            ErrorClass::Device => 3,
            ErrorClass::Unsupported => 4,
        };
        Self::with_code(code, message)
    }

    /// Failure with a code of its own: a verdict.
    pub(crate) fn with_code(code: u8, message: impl Display) -> Self {
        Self { message: message.to_string(), code, is_verbatim: false }
    }

    pub(crate) fn usage(message: impl Display) -> Self {
        Self::new(ErrorClass::Usage, message)
    }

    /// The message, without the program's name.
    pub(crate) fn text(self) -> String {
        self.message
    }

    /// Returns true if what was asked for is more than can be done.
    pub(crate) const fn is_unsupported(&self) -> bool {
        self.code == 4
    }

    /// Failure with the error and all that caused it.
    pub(crate) fn caused(class: ErrorClass, doing: impl Display, e: &dyn Error) -> Self {
        let mut message = format!("{doing}: {e}");
        let mut source = e.source();
        while let Some(cause) = source {
            let cause_text = cause.to_string();
            if !message.ends_with(&cause_text) {
                message = format!("{message}: {cause_text}");
            }
            source = cause.source();
        }
        Self::new(class, message)
    }

    /// Failure in the words of `zfs`.
    pub(crate) fn verbatim(class: ErrorClass, message: impl Display) -> Self {
        Self { is_verbatim: true, ..Self::new(class, message) }
    }

    /// Failure of a file or descriptor: `cannot VERB PATH: why`.
    pub(crate) fn io(verb: &str, path: &Path, e: &io::Error) -> Self {
        Self::new(ErrorClass::Device, format!("cannot {verb} {}: {e}", path.display()))
    }

    /// Puts what was being done before the reason.
    #[must_use]
    pub(crate) fn context(mut self, doing: impl Display) -> Self {
        self.message = format!("{doing}: {}", self.message);
        self.is_verbatim = false;
        self
    }

    /// Adds what can be done about it, on a line of its own.
    #[must_use]
    pub(crate) fn and(mut self, advice: impl Display) -> Self {
        self.message = format!("{}\n{advice}", self.message);
        self
    }

    /// Prints the message and gives the exit code. A standard error that is gone changes neither.
    pub(crate) fn report(self) -> ExitCode {
        let text = plain(&self.message);
        let _ = if self.is_verbatim {
            writeln!(io::stderr(), "{text}")
        } else {
            writeln!(io::stderr(), "zsend: {text}")
        };
        ExitCode::from(code_of_signal().unwrap_or(self.code))
    }
}

impl From<PoolError> for Failure {
    fn from(e: PoolError) -> Self {
        if let PoolError::BadName { .. } = e {
            return Self::verbatim(e.class(), e);
        }
        let failure = Self::new(e.class(), &e);
        if is_denied(&e) {
            return failure.and(
                "Devices can be read by root, and by members of the group that owns them: see `ls -l`.",
            );
        }
        failure
    }
}

/// Returns true if nothing was found for want of a permission.
fn is_denied(e: &PoolError) -> bool {
    match e {
        PoolError::Open { source, .. } => source.kind() == io::ErrorKind::PermissionDenied,
        PoolError::NothingRead { passed_over } => passed_over.iter().any(is_denied),
        _ => false,
    }
}

impl From<SendError> for Failure {
    fn from(e: SendError) -> Self {
        let class = e.class();
        match e {
            SendError::NoDataset(_)
            | SendError::CannotSend { .. }
            | SendError::CannotResume(_)
            | SendError::LargeMicrozap => Self::verbatim(class, e),
            e => Self::new(class, e),
        }
    }
}

/// The result of a subcommand.
pub(crate) type CommandResult = Result<(), Failure>;

/// Prints a warning on standard error, unless there is `-q`.
pub(crate) fn warn(message: impl Display) {
    if !QUIET.load(Ordering::Relaxed) {
        warn_even_if_quiet(message);
    }
}

/// Prints what was asked for on standard error, where standard output has a stream.
pub(crate) fn say(message: impl Display) {
    let text = plain(&message.to_string());
    let _ = writeln!(io::stderr(), "zsend: {text}");
}

/// Prints a warning of which nothing else tells, the exit code neither.
pub(crate) fn warn_even_if_quiet(message: impl Display) {
    let text = plain(&message.to_string());
    let _ = writeln!(io::stderr(), "zsend: warning: {text}");
}

/// Prints what an administrator should know of a pool: its warnings, and one line of all devices that
/// are missing or behind.
pub(crate) fn warn_of(pool: &Pool) {
    pool.warnings().iter().for_each(warn);
    let health: Vec<String> = pool.health().iter().map(ToString::to_string).collect();
    if !health.is_empty() {
        warn(format!("pool '{}' is degraded: {}", pool.name(), health.join("; ")));
    }
}

/// Makes a text fit for a terminal: without the numbers that Rust puts behind what the system says,
/// ` (os error 2)`, and with control characters, which names may have, as escapes.
fn plain(text: &str) -> String {
    escaped(&without_numbers(text), |c| c == '\n')
}

fn without_numbers(text: &str) -> String {
    const BEFORE: &str = " (os error ";
    let mut parts = text.split(BEFORE);
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.split_once(')') {
            Some((number, rest)) if number.bytes().all(|b| b.is_ascii_digit()) => plain += rest,
            _ => {
                plain += BEFORE;
                plain += part;
            }
        }
    }
    plain
}

/// Ends the program at once for a signal, whatever is under way: the only place that does.
pub(crate) fn at_once(signal: u8) -> ! {
    std::process::exit(128 + i32::from(signal))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_words_have_no_numbers() {
        let e = io::Error::from_raw_os_error(2);
        assert_eq!(without_numbers(&format!("a: {e}; b: {e}")), {
            let words = e.to_string();
            let words = words.strip_suffix(" (os error 2)").unwrap();
            format!("a: {words}; b: {words}")
        });
        for kept in ["", "x (os error", "x (os error a)", "x (os error 1"] {
            assert_eq!(without_numbers(kept), kept);
        }
    }
}
