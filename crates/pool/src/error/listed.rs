//! Lists in the texts of errors.

use super::PoolError;
use std::fmt;

/// Devices that were passed over, a line each, to end an error with.
#[derive(Debug)]
pub struct Listed<'a>(pub &'a [PoolError]);

/// Devices that an error lists.
const MAX_LISTED: usize = 20;

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().take(MAX_LISTED).try_for_each(|e| write!(f, "\n  {e}"))?;
        match self.0.len().checked_sub(MAX_LISTED) {
            None | Some(0) => Ok(()),
            Some(more) => write!(f, "\n  and {more} more"),
        }
    }
}

/// Values between semicolons, or what to say of none.
pub(super) struct Joined<'a, T>(pub(super) &'a [T], pub(super) &'static str);

impl<T: fmt::Display> fmt::Display for Joined<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((first, rest)) = self.0.split_first() else { return f.write_str(self.1) };
        write!(f, "{first}")?;
        rest.iter().try_for_each(|value| write!(f, "; {value}"))
    }
}

/// Values between commas.
pub(super) struct Commas<'a, T>(pub(super) &'a [T]);

impl<T: fmt::Display> fmt::Display for Commas<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((first, rest)) = self.0.split_first() else { return Ok(()) };
        write!(f, "{first}")?;
        rest.iter().try_for_each(|value| write!(f, ", {value}"))
    }
}
