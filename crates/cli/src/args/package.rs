//! Arguments of `zsend send` that ask for packages.

use super::SendArgs;
use clap::Args as ClapArgs;

/// Flags of packages: several streams, properties, holds.
#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Packages")]
pub(crate) struct PackageArgs {
    /// A package of a dataset and all below it, with snapshots and properties
    #[arg(short = 'R', long = "replicate")]
    pub(crate) replicate: bool,
    /// A package of all snapshots after SNAP, each from the one before
    #[arg(short = 'I', value_name = "SNAP", conflicts_with = "from")]
    pub(crate) intermediate: Option<String>,
    /// With properties
    #[arg(short = 'p', long = "props")]
    pub(crate) props: bool,
    /// Of properties, those that were received
    #[arg(short = 'b', long = "backup")]
    pub(crate) backup: bool,
    /// With holds; this is not help, which is --help
    #[arg(short = 'h', long = "holds")]
    pub(crate) holds: bool,
    /// With -R: pass over datasets that lack the snapshot, and what is below them
    #[arg(short = 's', long = "skip-missing")]
    pub(crate) skip_missing: bool,
    /// With -R: leave out datasets, and what is below them
    #[arg(short = 'X', long = "exclude", value_name = "DS,..", value_delimiter = ',')]
    pub(crate) exclude: Vec<String>,
    /// With -R and -i or -I: send although something cannot be read. `zfs receive -F` of such a package
    /// destroys what the receiver has of it
    #[arg(long, requires = "replicate")]
    pub(crate) incomplete: bool,
    /// Go on with a package that was broken off: behind the snapshot NAME, which the receiver has, or in
    /// the stream whose receive_resume_token it gives; with the flags that the package was begun with
    #[arg(long = "continue-from", value_name = "NAME|TOKEN")]
    pub(crate) continue_from: Option<String>,
    /// The part of a dataset that was received so far, of a receive that has not ended; without an END
    #[arg(short = 'S', long = "saved")]
    pub(crate) saved: bool,
    /// Without the blocks that a redaction bookmark lists
    #[arg(long = "redact", value_name = "BOOK")]
    pub(crate) redact: Option<String>,
}

impl PackageArgs {
    /// Returns true if a flag asks for a package.
    pub(crate) const fn is_asked_for(&self) -> bool {
        self.is_of_many()
            || self.props
            || self.backup
            || self.holds
            || self.skip_missing
            || !self.exclude.is_empty()
    }

    /// Returns true if the package has streams of several snapshots.
    pub(crate) const fn is_of_many(&self) -> bool {
        self.replicate || self.intermediate.is_some()
    }
}

impl SendArgs {
    /// Returns what is wrong with flags that do not go together, in the words of `zfs send`: OpenZFS
    /// `cmd/zfs/zfs_main.c`, zfs-2.3.2.
    pub(crate) fn conflict(&self) -> Option<&'static str> {
        let package = &self.package;
        let is_package = package.is_asked_for();
        let is_redacted = package.redact.is_some();
        if package.continue_from.is_some() && !is_package {
            return Some("--continue-from goes on with a package: -R, -I, -p, -b or -h");
        }
        if self.token.is_some() && (is_package || package.saved || is_redacted) {
            return Some("invalid flags combined with -t");
        }
        if self.resume_at.is_some() && (is_package || package.saved) {
            return Some(
                "--resume-at goes on with a single stream; with a package: --continue-from",
            );
        }
        let has_form = self.large_block || self.embed || self.compress || self.raw;
        if package.saved && (self.from.is_some() || is_package || has_form || is_redacted) {
            return Some("incompatible flags combined with saved send flag");
        }
        let names_snapshot = self.target.as_ref().is_some_and(|target| target.contains('@'));
        if package.saved && names_snapshot {
            return Some("saved send must specify the dataset with partially-received state");
        }
        if self.raw && is_redacted {
            return Some("Error: raw sends may not be redacted.");
        }
        if package.is_of_many() && is_redacted {
            return Some("Error: multiple snapshots cannot be sent redacted.");
        }
        None
    }
}
