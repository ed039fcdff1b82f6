//! Arguments of the verbs that open no pool.

use super::DEFAULT_DEVICES;
use clap::{Args as ClapArgs, ValueEnum};
use clap_complete::Shell;
use std::path::PathBuf;

/// Release of `zstream dump` whose text is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Like {
    /// OpenZFS 2.3.2
    #[default]
    #[value(name = "2.3.2", alias = "2.3")]
    Release,
    /// OpenZFS master of August 2026
    Master,
}

/// Show the records of a stream, as `zstream dump` does
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  zsend dump monday.zsend
  zsend dump -v < monday.zsend
  zsend send -d disk0.img tank/home@monday | zsend dump -vv")]
pub(crate) struct DumpArgs {
    /// Every record; twice: with the checksum of each
    #[arg(short = 'v', long = "verbose", action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Payloads as hexadecimal bytes; implies -v
    #[arg(short = 'd')]
    pub(crate) payloads: bool,
    /// Do not verify checksums
    #[arg(short = 'C')]
    pub(crate) no_checksum: bool,
    /// One JSON object a record
    #[arg(long)]
    pub(crate) json: bool,
    /// Release of zstream whose text is written
    #[arg(long, value_name = "RELEASE", default_value = "2.3.2", conflicts_with = "json")]
    pub(crate) like: Like,
    /// The stream; standard input if none is named, or -
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
}

/// Check whole streams: every checksum, every rule of a right sender, every compressed block
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  zsend verify monday.zsend && zfs receive tank/home < monday.zsend
  zsend verify --quick --json *.zsend
  zsend verify --all-faults damaged.zsend
  zsend verify --key tank/secret=/media/key raw.zsend
  zsend verify --against tank/home@monday -d /dev/sdb monday.zsend
  ssh host zsend send tank/home@monday | zsend verify --tee | zfs receive tank/home")]
pub(crate) struct VerifyArgs {
    /// Checksums and records only: payloads are summed up, and not looked into
    #[arg(long)]
    pub(crate) quick: bool,
    /// Go on behind a fault, to the next one
    #[arg(long)]
    pub(crate) all_faults: bool,
    /// Key of an encrypted dataset and those below it, in a file: the MACs of its raw streams are checked; may be repeated
    #[arg(long = "key", value_name = "DATASET=FILE", conflicts_with = "quick")]
    pub(crate) keys: Vec<String>,
    /// One JSON object for each fault, and one for each verdict
    #[arg(long)]
    pub(crate) json: bool,
    /// Write each record to standard output once it was checked, and nothing behind the first fault; reports
    /// go to standard error
    #[arg(long, conflicts_with = "all_faults")]
    pub(crate) tee: bool,
    /// Compare the stream, record by record, with the one that would be sent of this snapshot now, with the flags and
    /// the incremental source that its BEGIN tells: the first difference is named. With --key, as a send takes it
    #[arg(
        long,
        value_name = "POOL/DS@SNAP",
        conflicts_with_all = ["quick", "all_faults", "tee"]
    )]
    pub(crate) against: Option<String>,
    /// With --against: an image, a block device, or a folder of them; may be repeated
    #[arg(short = 'd', value_name = "PATH", requires = "against", default_value = DEFAULT_DEVICES)]
    pub(crate) devices: Vec<PathBuf>,
    /// The streams; standard input if none is named, or -
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
}

/// Show what a resume token says
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  zsend token 1-b45ff5d89-b8-789c...
  zsend token --json 1-b45ff5d89-b8-789c...")]
pub(crate) struct TokenArgs {
    /// As JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// The token
    #[arg(value_name = "TOKEN")]
    pub(crate) token: String,
}

/// Print the manual, of zsend or of one of its verbs
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  zsend man send | man -l -
  zsend man rescue | less
  zsend man --dir /usr/local/share/man/man1")]
pub(crate) struct ManArgs {
    /// Write all pages into a folder: zsend.1, zsend-send.1 and so on
    #[arg(long, value_name = "DIR", conflicts_with = "verb")]
    pub(crate) dir: Option<PathBuf>,
    /// The verb; or rescue, for what to type where a pool does not import or a stream does not restore
    #[arg(value_name = "VERB")]
    pub(crate) verb: Option<String>,
}

/// Print the completions of a shell
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  zsend completions bash > /etc/bash_completion.d/zsend
  zsend completions zsh > \"${fpath[1]}/_zsend\"
  zsend completions fish > ~/.config/fish/completions/zsend.fish")]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub(crate) shell: Shell,
}
