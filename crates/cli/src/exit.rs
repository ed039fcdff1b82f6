//! Exit codes, and the one place that prints errors.

use std::fmt::Display;
use std::io::Write;
use std::process::ExitCode;
use zsend_pool::{ErrorClass, PoolError};
use zsend_traverse::SendError;

/// Reason that the program ends with something other than zero.
#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    class: ErrorClass,
}

impl Failure {
    pub(crate) fn new(class: ErrorClass, message: impl Display) -> Self {
        Self { message: message.to_string(), class }
    }

    pub(crate) fn usage(message: impl Display) -> Self {
        Self::new(ErrorClass::Usage, message)
    }

    /// Puts what was being done before the reason.
    #[must_use]
    pub(crate) fn context(mut self, doing: impl Display) -> Self {
        self.message = format!("{doing}: {}", self.message);
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
        let _ = writeln!(std::io::stderr(), "{}", self.message);
        ExitCode::from(match self.class {
            ErrorClass::Damaged => 1,
            ErrorClass::Usage => 2,
            ErrorClass::Device => 3,
            ErrorClass::Unsupported => 4,
        })
    }
}

impl From<PoolError> for Failure {
    fn from(e: PoolError) -> Self {
        Self::new(e.class(), e)
    }
}

impl From<SendError> for Failure {
    fn from(e: SendError) -> Self {
        Self::new(e.class(), e)
    }
}

/// The result of a subcommand.
pub(crate) type Done = Result<(), Failure>;

/// A warning on standard error.
pub(crate) fn warn(message: impl Display) {
    let _ = writeln!(std::io::stderr(), "warning: {message}");
}
