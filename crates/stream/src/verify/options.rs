//! Options of a verification.

use crate::raw::Keys;
use std::sync::Arc;
use zeroize::Zeroizing;

/// Options of a verification.
///
/// ```
/// use zsend_stream::verify::VerifyOptions;
///
/// let options = VerifyOptions::default().with_quick(true);
/// assert!(options.quick && !options.all_faults);
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct VerifyOptions {
    /// Payloads are summed up, and not looked into.
    pub quick: bool,
    /// The check goes on behind a fault.
    pub all_faults: bool,
    pub(super) keys: Arc<Keys>,
}

impl VerifyOptions {
    /// With payloads that are only summed up, or looked into.
    #[must_use]
    pub fn with_quick(self, quick: bool) -> Self {
        Self { quick, ..self }
    }

    /// With a check that goes on behind a fault, or ends there.
    #[must_use]
    pub fn with_all_faults(self, all_faults: bool) -> Self {
        Self { all_faults, ..self }
    }

    /// With a user's keys, each with the dataset that it is of: raw streams of it, and of those below it, are
    /// opened, and their MACs checked. A key is what its file holds, or what is typed.
    #[must_use]
    pub fn with_keys(self, given: impl IntoIterator<Item = (String, Zeroizing<Vec<u8>>)>) -> Self {
        Self { keys: Arc::new(Keys::new(given)), ..self }
    }
}
