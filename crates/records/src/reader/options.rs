//! Options of reading a stream.

use crate::describe::Description;
use crate::payload::Limits;

/// Checks and limits of a reader.
///
/// ```
/// use zsend_records::reader::ReaderOptions;
///
/// let options = ReaderOptions::default().with_verify(false).with_concatenated(true);
/// assert!(options.concatenated && !options.verify && !options.missing_end);
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct ReaderOptions {
    /// The longest payloads.
    pub limits: Limits,
    /// True if checksums are verified; at first it is.
    pub verify: bool,
    /// True if input may end after any whole record, as `zfs send --saved` leaves a stream; at first it
    /// is not, because a stream that was cut looks the same.
    pub missing_end: bool,
    /// True if another stream may follow the end of one; at first it is not.
    pub concatenated: bool,
    /// Record types that are not of this crate; none by default. One of the same number as a type of
    /// this crate is not asked.
    pub records: &'static [Description],
}

impl ReaderOptions {
    /// The options of [`Self::default`].
    pub const fn new() -> Self {
        Self {
            limits: Limits::DEFAULT,
            verify: true,
            missing_end: false,
            concatenated: false,
            records: &[],
        }
    }

    /// With these limits.
    #[must_use]
    pub const fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// With checksums verified, or not.
    #[must_use]
    pub const fn with_verify(self, verify: bool) -> Self {
        Self { verify, ..self }
    }

    /// With input that may end after any whole record, or only after an END.
    #[must_use]
    pub const fn with_missing_end(self, missing_end: bool) -> Self {
        Self { missing_end, ..self }
    }

    /// With any number of streams one after another, or a single one.
    #[must_use]
    pub const fn with_concatenated(self, concatenated: bool) -> Self {
        Self { concatenated, ..self }
    }

    /// With record types of another crate.
    #[must_use]
    pub const fn with_records(self, records: &'static [Description]) -> Self {
        Self { records, ..self }
    }
}

impl Default for ReaderOptions {
    fn default() -> Self {
        Self::new()
    }
}
