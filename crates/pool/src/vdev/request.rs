//! A read on its way down the vdev tree.

use super::trust::Want;
use crate::cancel::CancelToken;
use crate::error::{Attempt, Cause, Lack, Mismatch};

/// Decides whether candidate bytes are the wanted ones, and says what is wrong with them if not.
pub type Check<'a> = dyn FnMut(&[u8]) -> Result<(), Mismatch> + 'a;

/// A read on its way down the tree.
#[non_exhaustive]
pub struct Request<'a> {
    /// Accepts or refuses candidate bytes.
    pub check: &'a mut Check<'a>,
    /// Candidates that were refused, and reads that failed.
    pub attempts: &'a mut Vec<Attempt>,
    /// Devices that gave bytes which they may not have: each once.
    pub doubts: &'a mut Vec<Attempt>,
    /// The block that is wanted.
    pub want: Want,
    /// Asked before each copy and each column is read; none of them is once it is cancelled.
    pub cancel: Option<&'a CancelToken>,
}

/// Attempts at one block that are noted: what matters is which devices failed, not how often they
/// were asked. A raidz can ask for the same column many times, and have very many columns.
const MAX_NOTED: usize = 64;

impl std::fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { check: _, attempts, doubts, want, cancel } = self;
        f.debug_struct("Request")
            .field("attempts", attempts)
            .field("doubts", doubts)
            .field("want", want)
            .field("cancel", cancel)
            .finish_non_exhaustive()
    }
}

impl<'a> Request<'a> {
    /// A read that nobody cancels.
    pub fn new(
        check: &'a mut Check<'a>,
        attempts: &'a mut Vec<Attempt>,
        doubts: &'a mut Vec<Attempt>,
        want: Want,
    ) -> Self {
        Self { check, attempts, doubts, want, cancel: None }
    }

    /// The same with a token to ask.
    #[must_use]
    pub fn with_cancel(self, cancel: Option<&'a CancelToken>) -> Self {
        Self { cancel, ..self }
    }

    /// Returns true if nothing more should be read.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancel.is_some_and(CancelToken::is_cancelled)
    }

    /// Notes a candidate that was not accepted, or a device that was not asked.
    pub(crate) fn failed(
        &mut self,
        device: impl Into<String>,
        offset: u64,
        cause: impl Into<Cause>,
    ) {
        let attempt = Attempt { device: device.into(), offset, cause: cause.into() };
        if self.attempts.len() < MAX_NOTED && !self.attempts.contains(&attempt) {
            self.attempts.push(attempt);
        }
    }

    /// Notes a device that gave bytes which, as far as is recorded, it may not have.
    pub(super) fn doubted(&mut self, device: String, offset: u64, why: Lack) {
        let is_noted = self.doubts.iter().any(|doubt| doubt.device == device);
        if !is_noted && self.doubts.len() < MAX_NOTED {
            self.doubts.push(Attempt { device, offset, cause: why.into() });
        }
    }
}
