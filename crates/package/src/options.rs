//! Options of a package.

use zsend_traverse::SendOptions;

/// Options of a package, besides the name of what is sent.
///
/// ```
/// use zsend_package::PackageOptions;
/// use zsend_traverse::SendOptions;
///
/// // zfs send -R -c -I @monday
/// let options = PackageOptions::new(SendOptions::default().with_compress(true))
///     .with_replicate(true)
///     .with_source(Some("@monday"))
///     .with_intermediate(true);
/// assert!(options.replicate && options.intermediate && !options.holds);
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct PackageOptions {
    /// Options of each stream in the package.
    pub send: SendOptions,
    /// `zfs send -R`: all datasets below, with their snapshots and properties.
    pub replicate: bool,
    /// The incremental source, as `zfs send` takes it after `-i` and `-I`.
    pub source: Option<String>,
    /// `zfs send -I`: all snapshots after the source, too.
    pub intermediate: bool,
    /// `zfs send -p`: properties.
    pub properties: bool,
    /// `zfs send -b`: of properties, those that were received.
    pub backup: bool,
    /// `zfs send -h`: holds.
    pub holds: bool,
    /// `zfs send -s`: datasets without the snapshot are left out.
    pub skip_missing: bool,
    /// `zfs send --redact`: a redaction bookmark of the dataset, the blocks of which are left out. Of one
    /// stream alone.
    pub redaction: Option<String>,
    /// `zfs send -U` of master: encrypted datasets are sent decrypted, with their properties.
    pub decrypted: bool,
    /// An incremental package of many datasets is made even if something cannot be read. A receiver that
    /// is forced (`zfs receive -F`) destroys what it has of that.
    pub incomplete: bool,
    /// `zfs send -X`: names of datasets that are left out, with all below them.
    pub excluded: Vec<String>,
}

impl PackageOptions {
    /// A package of streams that are made with these options.
    pub fn new(send: SendOptions) -> Self {
        Self { send, ..Self::default() }
    }

    /// With all datasets below, or without.
    #[must_use]
    pub fn with_replicate(self, replicate: bool) -> Self {
        Self { replicate, ..self }
    }

    /// From this snapshot on: `@snap`, `snap`, `pool/fs@snap` or, of one stream, `#book`.
    #[must_use]
    pub fn with_source(self, source: Option<&str>) -> Self {
        Self { source: source.map(str::to_owned), ..self }
    }

    /// With all snapshots after the source, or with the last alone.
    #[must_use]
    pub fn with_intermediate(self, intermediate: bool) -> Self {
        Self { intermediate, ..self }
    }

    /// With properties, or without.
    #[must_use]
    pub fn with_properties(self, properties: bool) -> Self {
        Self { properties, ..self }
    }

    /// With the properties that were received in place of all, or not.
    #[must_use]
    pub fn with_backup(self, backup: bool) -> Self {
        Self { backup, ..self }
    }

    /// With holds, or without.
    #[must_use]
    pub fn with_holds(self, holds: bool) -> Self {
        Self { holds, ..self }
    }

    /// Without the datasets that lack the snapshot, or refused for them.
    #[must_use]
    pub fn with_skip_missing(self, skip_missing: bool) -> Self {
        Self { skip_missing, ..self }
    }

    /// Without the blocks that this redaction bookmark lists.
    #[must_use]
    pub fn with_redaction(self, book: Option<&str>) -> Self {
        Self { redaction: book.map(str::to_owned), ..self }
    }

    /// Encrypted datasets decrypted, with their properties; or refused.
    #[must_use]
    pub fn with_decrypted(self, decrypted: bool) -> Self {
        Self { decrypted, ..self }
    }

    /// Incremental even if something cannot be read, or refused for it.
    #[must_use]
    pub fn with_incomplete(self, incomplete: bool) -> Self {
        Self { incomplete, ..self }
    }

    /// Without these datasets.
    #[must_use]
    pub fn with_excluded(self, excluded: Vec<String>) -> Self {
        Self { excluded, ..self }
    }

    /// True if there is a stream for each of several snapshots: by the older of the two ways of
    /// `zfs send` (`zfs_send()`, not `zfs_send_one()`).
    pub(crate) const fn is_of_many(&self) -> bool {
        self.replicate || self.intermediate
    }

    /// True if anything asks for a package; a plain stream is a [`SendPlan`](zsend_traverse::SendPlan).
    pub const fn asks_for_package(&self) -> bool {
        self.is_of_many() || self.properties || self.backup || self.holds
    }

    /// True if the header lists what is sent. That of `-I` alone, or with `-b`, is empty: `zfs_send()`
    /// asks for `-R`, `-p` or `-h`.
    pub(crate) const fn is_described(&self) -> bool {
        self.replicate || self.properties || self.holds || (self.backup && !self.is_of_many())
    }
}
