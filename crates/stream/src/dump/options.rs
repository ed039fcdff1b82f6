//! Options of a dump.

use super::Format;
use zsend_records::describe::Description;
use zsend_records::payload::Limits;

/// Options of a dump.
///
/// ```
/// use zsend_stream::dump::{DumpOptions, Format};
///
/// let options = DumpOptions::default().with_format(Format::Json).with_payload(true);
/// assert!(options.payload && options.verify);
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct DumpOptions {
    /// Format in which it is written.
    pub format: Format,
    /// Every record is shown (`-v`), not only BEGIN and END. JSON always shows every record.
    pub verbose: bool,
    /// The stored checksum of each record is shown too (`-vv`).
    pub checksums: bool,
    /// Payloads and stored checksums are shown too (`-d`).
    pub payload: bool,
    /// Checksums are verified; not so with `-C`.
    pub verify: bool,
    /// The longest payloads that are read.
    pub limits: Limits,
    /// Record types that another crate describes.
    pub records: &'static [Description],
}

impl Default for DumpOptions {
    fn default() -> Self {
        Self {
            format: Format::Text,
            verbose: false,
            checksums: false,
            payload: false,
            verify: true,
            limits: Limits::DEFAULT,
            records: &[],
        }
    }
}

impl DumpOptions {
    /// In this format.
    #[must_use]
    pub const fn with_format(self, format: Format) -> Self {
        Self { format, ..self }
    }

    /// With every record shown, or only BEGIN and END.
    #[must_use]
    pub const fn with_verbose(self, verbose: bool) -> Self {
        Self { verbose, ..self }
    }

    /// With the stored checksum of each record, or without.
    #[must_use]
    pub const fn with_checksums(self, checksums: bool) -> Self {
        Self { checksums, ..self }
    }

    /// With payloads and stored checksums, or without.
    #[must_use]
    pub const fn with_payload(self, payload: bool) -> Self {
        Self { payload, ..self }
    }

    /// With checksums verified, or not.
    #[must_use]
    pub const fn with_verify(self, verify: bool) -> Self {
        Self { verify, ..self }
    }

    /// With these limits.
    #[must_use]
    pub const fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// With record types of another crate.
    #[must_use]
    pub const fn with_records(self, records: &'static [Description]) -> Self {
        Self { records, ..self }
    }
}
