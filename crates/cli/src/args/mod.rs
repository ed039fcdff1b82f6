//! The command line.

mod all;
mod change;
mod list;
mod other;
mod package;
mod parts;
mod send;
mod stored;
mod verbs;

pub(crate) use all::{AllArgs, BaseArg, CatalogueArgs, CatalogueVerb};
pub(crate) use change::ChangeArgs;
pub(crate) use list::{ChoiceArgs, GetArgs, ListArgs, SortKey};
pub(crate) use other::{CompletionsArgs, DumpArgs, Like, ManArgs, TokenArgs, VerifyArgs};
pub(crate) use package::PackageArgs;
pub(crate) use parts::{JoinArgs, ParityArgs, RepairArgs, SplitArgs};
pub(crate) use send::{ProgressFormat, SendArgs};
pub(crate) use stored::{ChainArgs, KeysArgs, PackArgs, RawArgs, ResumePointArgs, UnpackArgs};
pub(crate) use verbs::{Command, EXIT_STATUS, Parsed, VERSION, command, parse};

use crate::exit::warn;
use clap::Args as ClapArgs;
use std::num::{IntErrorKind, ParseIntError};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use zsend_pool::CancelToken;
use zsend_pool::OpenOptions;

/// Parses a number, and says in plain words why it is none.
fn number<T: FromStr<Err = ParseIntError>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|e: ParseIntError| match e.kind() {
        IntErrorKind::PosOverflow => "the number is too large".to_owned(),
        _ => "a number without sign is expected".to_owned(),
    })
}

/// Returns a word as a shell takes it for one.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%,=".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// Folder that is looked through if none is named.
const DEFAULT_DEVICES: &str = "/dev";

/// Devices and folders in which pools are looked for.
#[derive(Debug, ClapArgs)]
pub(crate) struct PoolArgs {
    /// An image, a block device, or a folder of them; may be repeated
    #[arg(short = 'd', value_name = "PATH", default_value = DEFAULT_DEVICES)]
    pub(crate) devices: Vec<PathBuf>,
    /// Read the state that this transaction group left, not the newest
    #[arg(long, value_name = "N", value_parser = number::<u64>)]
    pub(crate) txg: Option<u64>,
    /// Read the state that the pool's checkpoint keeps
    #[arg(long)]
    pub(crate) checkpoint: bool,
    /// Read a pool even if another host may have it imported (multihost)
    #[arg(long)]
    pub(crate) force: bool,
    /// Only show the transaction groups that --txg takes. USABLE is yes where the root of that state can be read:
    /// its meta object set and configuration. What lies below may have been overwritten since
    #[arg(long)]
    pub(crate) list_txgs: bool,
    /// No warnings
    #[arg(short = 'q', long = "quiet")]
    pub(crate) quiet: bool,
}

impl PoolArgs {
    /// The newest state of a pool on these devices.
    pub(crate) fn of_devices(devices: &[PathBuf]) -> Self {
        let devices = devices.to_vec();
        Self { devices, txg: None, checkpoint: false, force: false, list_txgs: false, quiet: false }
    }

    /// Returns true if the devices are those of the default.
    pub(crate) fn names_no_device(&self) -> bool {
        self.devices == [Path::new(DEFAULT_DEVICES)]
    }

    /// Flags to type for the same devices and the same state of the pool, with a blank behind each.
    pub(crate) fn as_typed(&self) -> String {
        let mut typed = String::new();
        for device in self.devices.iter().filter(|device| *device != Path::new(DEFAULT_DEVICES)) {
            typed += &format!("-d {} ", quoted(&device.to_string_lossy()));
        }
        if let Some(txg) = self.txg {
            typed += &format!("--txg {txg} ");
        }
        if self.checkpoint {
            typed += "--checkpoint ";
        }
        typed
    }

    /// Choice of the state to open. Standard error says what takes time.
    pub(crate) fn options(&self, cancel: &CancelToken) -> OpenOptions {
        let Self { txg, checkpoint, force, .. } = *self;
        let options = OpenOptions::default().txg(txg).checkpoint(checkpoint).force(force);
        options.notice(|text| warn(text)).cancel(cancel.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_again_is_what_was_typed() {
        let args = |devices: &[&str]| PoolArgs {
            devices: devices.iter().map(PathBuf::from).collect(),
            txg: Some(7),
            checkpoint: false,
            force: false,
            list_txgs: false,
            quiet: true,
        };
        assert_eq!(args(&["/dev"]).as_typed(), "--txg 7 ");
        assert_eq!(args(&["a.img", "/my images"]).as_typed(), "-d a.img -d '/my images' --txg 7 ");
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
